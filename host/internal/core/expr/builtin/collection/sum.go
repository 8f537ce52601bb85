package collection

import (
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var sumFunction = builtin.New(
	"sum", "the sum of numbers",
	`sum([1, 2.5])`, `3.5`,
	sumFunc,
)

var sumFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "numbers", Type: cty.List(cty.Number)}},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(cty.Number), nil
		}
		total := new(big.Float).SetPrec(512)
		for it := args[0].ElementIterator(); it.Next(); {
			_, e := it.Element()
			if e.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "may hold no nulls")
			}
			total.Add(total, e.AsBigFloat())
		}
		return cty.NumberVal(total), nil
	},
})
