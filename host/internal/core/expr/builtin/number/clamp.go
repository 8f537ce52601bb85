package number

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var clampFunction = builtin.New(
	"clamp", "a number kept between two bounds",
	`clamp(12, 0, 10)`, `10`,
	clampFunc,
)

var clampFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "number", Type: cty.Number}, {Name: "least", Type: cty.Number}, {Name: "most", Type: cty.Number},
	},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, least, most := args[0], args[1], args[2]
		switch {
		case least.GreaterThan(most).True():
			return cty.NilVal, function.NewArgErrorf(1, "the least is above the most")
		case n.LessThan(least).True():
			return least, nil
		case n.GreaterThan(most).True():
			return most, nil
		}
		return n, nil
	},
})
