package text

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var repeatFunction = builtin.New(
	"repeat", "text so many times",
	`repeat("ab", 3)`, `"ababab"`,
	repeatFunc,
)

var repeatFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "times", Type: cty.Number}},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, err := builtin.Whole(args[1], 0, builtin.MaxText)
		if err != nil {
			return cty.NilVal, function.NewArgError(1, err)
		}
		if len(args[0].AsString())*n > builtin.MaxText {
			return cty.NilVal, builtin.TooLong("repeat")
		}
		return cty.StringVal(strings.Repeat(args[0].AsString(), n)), nil
	},
})
