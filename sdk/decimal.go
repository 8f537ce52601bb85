package sdk

import (
	"math"
	"strconv"
	"strings"
)

// isNumber says whether s is a number as JSON writes it.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		n := digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// decimal is the exact value ±0.DIGITS × 10^exp, without leading or trailing zeros in its digits: it compares
// numbers of any size without ever writing them out.
type decimal struct {
	negative bool
	digits   string // empty for zero
	exp      int
}

// parseDecimal reads a number for which isNumber holds.
func parseDecimal(s string) decimal {
	var d decimal
	s, d.negative = strings.CutPrefix(s, "-")
	mantissa, exp := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exp = s[:i], s[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	d.digits = strings.TrimLeft(all, "0")
	d.exp = len(whole) - (len(all) - len(d.digits))
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	if exp != "" {
		e, err := strconv.Atoi(exp)
		if err != nil || e > math.MaxInt32 || e < math.MinInt32 { // beyond any use: all such compare equal in size
			e = math.MaxInt32
			if strings.HasPrefix(exp, "-") {
				e = math.MinInt32
			}
		}
		d.exp += e
	}
	return d
}

// compareNumbers gives -1, 0 or 1. Both must be numbers.
func compareNumbers(a, b string) int {
	x, y := parseDecimal(a), parseDecimal(b)
	if s, t := x.sign(), y.sign(); s != t || s == 0 {
		return min(1, max(-1, s-t))
	}
	c := x.compareSize(y)
	if x.negative {
		return -c
	}
	return c
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func (d decimal) compareSize(o decimal) int {
	switch {
	case d.exp < o.exp:
		return -1
	case d.exp > o.exp:
		return 1
	}
	return strings.Compare(d.digits, o.digits)
}

func (d decimal) isInteger() bool { return d.exp >= len(d.digits) }

// integerText writes an integer out when it has at most 40 digits.
func (d decimal) integerText() (string, bool) {
	switch {
	case d.digits == "":
		return "0", true
	case !d.isInteger() || d.exp > 40:
		return "", false
	}
	s := d.digits + strings.Repeat("0", d.exp-len(d.digits))
	if d.negative {
		s = "-" + s
	}
	return s, true
}
