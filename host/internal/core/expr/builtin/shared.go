package builtin

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// Fold is alltrue (from true, stopped by false) or anytrue (the other way round); nulls count as false.
func Fold(from bool) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: NotNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(cty.Bool), nil
			}
			for it := args[0].ElementIterator(); it.Next(); {
				if _, e := it.Element(); (!e.IsNull() && e.True()) != from {
					return cty.BoolVal(!from), nil
				}
			}
			return cty.BoolVal(from), nil
		},
	})
}

// TextToNumber makes a function of one text that gives a number.
func TextToNumber(fn func(s string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}},
		Type:         function.StaticReturnType(cty.Number),
		RefineResult: NotNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := fn(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return v, nil
		},
	})
}

// Compare makes a function of a text and a part of it that gives true or false.
func Compare(fn func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: NotNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(fn(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var (
	formatNumber = regexp.MustCompile(`%[^a-zA-Z%]*`)
	formatDigits = regexp.MustCompile(`\d+`)
)

// Guarded is a function that is refused before it does what check says is too much. The check sees arguments that are
// known.
func Guarded(fn function.Function, check func(args []cty.Value) error) function.Function {
	return function.New(&function.Spec{
		Params: fn.Params(), VarParam: fn.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			for _, a := range args {
				if !a.IsKnown() || a.IsNull() {
					return fn.ReturnTypeForValues(args)
				}
			}
			if err := check(args); err != nil {
				return cty.NilType, err
			}
			return fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn.Call(args) },
	})
}

// Bounded refuses formats that would make too much text, be it by width and precision, or by what they put in.
func Bounded(name string, fn function.Function) function.Function {
	return Guarded(fn, func(args []cty.Value) error {
		f := args[0]
		if f.Type() != cty.String {
			return nil
		}
		times, largest := 1, 0
		for _, a := range args[1:] {
			if a, _ = a.Unmark(); name == "format" || !a.CanIterateElements() {
				largest = max(largest, datum.Size(a, MaxText))
				continue
			}
			times = max(times, a.LengthInt())
			for it := a.ElementIterator(); it.Next(); {
				_, e := it.Element()
				largest = max(largest, datum.Size(e, MaxText))
			}
		}
		size := len(f.AsString()) + strings.Count(f.AsString(), "%")*largest
		for _, m := range formatNumber.FindAllString(f.AsString(), -1) {
			for _, digits := range formatDigits.FindAllString(m, -1) {
				n, err := strconv.Atoi(digits)
				if err != nil || n > 10_000 {
					return function.NewArgErrorf(0, "width or precision %s is above 10000", digits)
				}
				size += n
			}
		}
		if size > MaxText || size*times > 4*MaxText {
			return TooLong(name)
		}
		return nil
	})
}

// Matched refuses regular expressions that would take too long, or match too often.
func Matched(name string, fn function.Function) function.Function {
	return Guarded(fn, func(args []cty.Value) error {
		if expr.Matching(name, args) > MaxMatch {
			return function.NewArgErrorf(0, "the text is too long for this regular expression")
		}
		if name != "regexall" {
			return nil
		}
		if re, err := regexp.Compile(args[0].AsString()); err == nil && len(re.FindAllStringIndex(args[1].AsString(), MaxParts+1)) > MaxParts {
			return TooMany(name)
		}
		return nil
	})
}

// Whole takes a whole number between two bounds.
func Whole(v cty.Value, least, most int) (int, error) {
	f := v.AsBigFloat()
	n, _ := f.Int64()
	if !f.IsInt() || n < int64(least) || n > int64(most) {
		return 0, fmt.Errorf("want a whole number from %d to %d", least, most)
	}
	return int(n), nil
}

// FewDigits refuses text that is too long for a number.
func FewDigits(v cty.Value) error {
	if v, _ = v.Unmark(); v.Type() == cty.String && len(v.AsString()) > datum.MaxDigits {
		return function.NewArgErrorf(0, "a number has at most %d digits", datum.MaxDigits)
	}
	return nil
}
