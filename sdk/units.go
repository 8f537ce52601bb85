package sdk

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads "90s", "5m" or "1h30m", as time.ParseDuration does, and also days: "2d". It refuses
// negative ones.
func ParseDuration(s string) (time.Duration, error) {
	text := s
	var days time.Duration
	if n, rest, ok := strings.Cut(s, "d"); ok && digits(n) == len(n) && n != "" {
		d, err := strconv.ParseInt(n, 10, 32)
		if err != nil || d > math.MaxInt64/int64(24*time.Hour) {
			return 0, badDuration(s)
		}
		if days, text = time.Duration(d)*24*time.Hour, rest; text == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || days+d < days {
		return 0, badDuration(s)
	}
	return days + d, nil
}

func badDuration(s string) error {
	return errors.New(strconv.Quote(s) + ` is not a duration (write it like "90s", "5m" or "1h30m")`)
}

// byteUnits is ordered so that no unit is a suffix of one after it.
var byteUnits = []struct {
	name string
	size int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// ParseBytes reads "512", "20MiB", "1.5 GiB" or "6GB" as a whole number of bytes.
func ParseBytes(s string) (int64, error) {
	number, unit := strings.TrimSpace(s), int64(1)
	for _, u := range byteUnits {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.size
			break
		}
	}
	whole, fraction, _ := strings.Cut(number, ".")
	bad := errors.New(strconv.Quote(s) + ` is not a size (write it like "20MiB" or "6GiB")`)
	if !isNumber(number) || strings.ContainsAny(number, "-eE") || len(fraction) > 6 {
		return 0, bad
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, bad
	}
	n *= unit
	if fraction != "" {
		f, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil {
			return 0, bad
		}
		part := int64(math.Round(f * float64(unit)))
		if n > math.MaxInt64-part {
			return 0, bad
		}
		n += part
	}
	return n, nil
}

// FormatSize writes a number of bytes for people: "512 B", "1.5 MiB".
func FormatSize(n int64) string {
	for i := 3; i >= 0; i-- {
		u := byteUnits[i]
		if n >= u.size {
			s := strconv.FormatFloat(float64(n)/float64(u.size), 'f', 1, 64)
			return strings.TrimSuffix(s, ".0") + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}
