package sdk

import (
	"encoding/json"
	"strconv"
)

// CompareNumbers gives -1, 0 or 1 by the exact value of two numbers of Values, however many digits they have.
func CompareNumbers(a, b json.Number) int { return compareNumbers(string(a), string(b)) }

// CanonicalNumber is the same text for equal numbers: 1.50, 1.5 and 15e-1 are "15e-1". It is never longer than the
// number by more than its exponent.
func CanonicalNumber(n json.Number) string {
	d := parseDecimal(string(n))
	if d.digits == "" {
		return "0"
	}
	s := d.digits
	if d.negative {
		s = "-" + s
	}
	return s + "e" + strconv.Itoa(d.exp-len(d.digits))
}

// EqualValues says whether two values of Values are equal: numbers by their exact value, the rest by structure.
func EqualValues(a, b any) bool { return equalValues(a, b) }

// IsWhole says whether a number of Values is a whole one, as 3, 3.0 and 3e2 are.
func IsWhole(n json.Number) bool { return parseDecimal(string(n)).isInteger() }

// IsNumber says whether text is a number as JSON writes it.
func IsNumber(text string) bool { return isNumber(text) }
