// Package builtin is what functions of the language are made of: their documentation, their bounds, and what several share. The
// functions are in the packages below it, by subject.
package builtin

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Function is one function of the language with its documentation. Example gives Result, both as written in a
// pipeline; a test holds every function to it.
type Function struct {
	Name, Doc, Example, Result string
	Impl                       function.Function
}

// New makes one; impl is what it does.
func New(name, doc, example, result string, impl function.Function) Function {
	return Function{name, doc, example, result, impl}
}

// Limits of what one call may make: an expression is written by a person and read by one.
const (
	MaxText    = 16 << 20 // bytes
	MaxItems   = 10_000   // of range and setproduct
	MaxParts   = 200_000  // of a text that is taken apart
	MaxNesting = 100      // of JSON and YAML
	MaxMatch   = 1 << 28  // bytes of text times instructions of a regular expression: seconds
)

// TooMany says that what is named would give too many parts.
func TooMany(what string) error {
	return function.NewArgErrorf(0, "%s would give more than %d parts", what, MaxParts)
}

// TooDeep says that what is named was given too many levels.
func TooDeep(what string) error {
	return function.NewArgErrorf(0, "%s takes at most %d levels", what, MaxNesting)
}

// TooLong says that what is named would make too much text.
func TooLong(what string) error {
	return function.NewArgErrorf(0, "%s would make more than %d MiB of text", what, MaxText>>20)
}

// Simple makes a function of one text that gives text.
func Simple(fn func(s string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}},
		Type:         function.StaticReturnType(cty.String),
		RefineResult: NotNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := fn(args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

// NotNull says of a result that it is never null.
func NotNull(b *cty.RefinementBuilder) *cty.RefinementBuilder { return b.NotNull() }
