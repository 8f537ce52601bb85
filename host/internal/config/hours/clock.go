package hours

import (
	"fmt"
	"strconv"
)

// Clock is a time of day, in minutes after midnight: 0 to 1440.
type Clock int

// String gives HH:MM.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// MarshalText gives HH:MM.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ParseClock reads a time of day, written like 22:00.
func ParseClock(s string) (Clock, error) {
	var h, m int
	if len(s) != 5 || s[2] != ':' {
		return 0, badClock(s)
	}
	h, err1 := strconv.Atoi(s[:2])
	m, err2 := strconv.Atoi(s[3:])
	c := Clock(60*h + m)
	if err1 != nil || err2 != nil || h < 0 || m < 0 || m > 59 || c > EndOfDay || s != c.String() {
		return 0, badClock(s)
	}
	return c, nil
}

func badClock(s string) error {
	return fmt.Errorf("%q is no time of day (write it like \"22:00\")", s)
}
