package expr

// What several functions are made of.

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// fold is alltrue (from true, stopped by false) or anytrue (the other way round); nulls count as false.
func fold(from bool) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: notNull,
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

func textToNumber(fn func(s string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}},
		Type:         function.StaticReturnType(cty.Number),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := fn(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return v, nil
		},
	})
}

func compare(fn func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(fn(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var formatNumber = regexp.MustCompile(`%[^a-zA-Z%]*?(\d+)`)

// bounded refuses formats whose width or precision alone would fill the memory.
func bounded(fn function.Function) function.Function {
	params := fn.Params()
	variadic := fn.VarParam()
	return function.New(&function.Spec{
		Params: params, VarParam: variadic,
		Type: func(args []cty.Value) (cty.Type, error) {
			if f := args[0]; f.Type() == cty.String && f.IsKnown() && !f.IsNull() {
				for _, m := range regexp.MustCompile(`\d+`).FindAllString(strings.Join(formatNumber.FindAllString(f.AsString(), -1), " "), -1) {
					if n, err := strconv.Atoi(m); err != nil || n > 10_000 {
						return cty.NilType, function.NewArgErrorf(0, "width or precision %s is above 10000", m)
					}
				}
			}
			return fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn.Call(args) },
	})
}

// whole takes a whole number between two bounds.
func whole(v cty.Value, least, most int) (int, error) {
	f := v.AsBigFloat()
	n, _ := f.Int64()
	if !f.IsInt() || n < int64(least) || n > int64(most) {
		return 0, fmt.Errorf("want a whole number from %d to %d", least, most)
	}
	return int(n), nil
}
