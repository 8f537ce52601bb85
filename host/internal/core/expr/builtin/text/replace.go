package text

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var replaceFunction = builtin.New(
	"replace", "every occurrence of a text replaced",
	`replace("a.b.c", ".", "/")`, `"a/b/c"`,
	replaceFunc,
)

var replaceFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}, {Name: "by", Type: cty.String},
	},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		text, part, by := args[0].AsString(), args[1].AsString(), args[2].AsString()
		if len(text)+strings.Count(text, part)*len(by) > builtin.MaxText {
			return cty.NilVal, builtin.TooLong("replace")
		}
		return cty.StringVal(strings.ReplaceAll(text, part, by)), nil
	},
})
