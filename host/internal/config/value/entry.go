package value

import "github.com/myspinbot/spinbot/host/internal/core/diagnostic"

// Entry is one value of a block.
type Entry struct {
	// Key leads to it: device.fake.a.memory, hours.1.from.
	Key string
	// Value is a string, an int, an int64 of bytes, a float64, a time.Duration, a time of day (hours.Clock), a bool or a []string.
	Value any
	// Range is where it stands; the zero Range for a default.
	Range diagnostic.Range
}

// hidden stands for what is not shown.
const hidden = "(not shown)"

// Hidden is the Value of an Entry that is not shown.
type Hidden struct{}

// String says so.
func (Hidden) String() string { return hidden }

// MarshalText says so in JSON.
func (Hidden) MarshalText() ([]byte, error) { return []byte(hidden), nil }
