package number

import (
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

var roundFunction = builtin.New(
	"round", "a number rounded to so many places (0 when left out), halves away from zero",
	`round(2.345, 2)`, `2.35`,
	roundFunc,
)

// roundFunc works on the decimal digits, so that 2.345 is rounded as a person would.
var roundFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "number", Type: cty.Number}},
	VarParam:     &function.Parameter{Name: "places", Type: cty.Number},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		places := 0
		if len(args) > 2 {
			return cty.NilVal, function.NewArgErrorf(2, "want round(number) or round(number, places)")
		}
		if len(args) == 2 {
			var err error
			if places, err = builtin.Whole(args[1], 0, 100); err != nil {
				return cty.NilVal, function.NewArgError(1, err)
			}
		}
		f := args[0].AsBigFloat()
		if f.IsInt() || f.IsInf() {
			return args[0], nil
		}
		if f.MantExp(nil) < -1024 {
			return cty.Zero, nil
		}
		n, err := datum.NumberOut(f)
		if err != nil {
			return cty.NilVal, err
		}
		r, _ := new(big.Rat).SetString(string(n))
		return cty.ParseNumberVal(r.FloatString(places))
	},
})
