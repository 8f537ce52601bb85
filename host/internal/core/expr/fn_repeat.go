package expr

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var repeatFunction = Function{
	"repeat", "text so many times",
	`repeat("ab", 3)`, `"ababab"`,
	repeatFunc,
}

var repeatFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "text", Type: cty.String}, {Name: "times", Type: cty.Number}},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, err := whole(args[1], 0, maxText)
		if err != nil {
			return cty.NilVal, function.NewArgError(1, err)
		}
		if len(args[0].AsString())*n > maxText {
			return cty.NilVal, tooLong("repeat")
		}
		return cty.StringVal(strings.Repeat(args[0].AsString(), n)), nil
	},
})
