package text

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var joinFunction = builtin.New(
	"join", "texts put together with a separator between them",
	`join("-", ["a", "b"])`, `"a-b"`,
	joinFunc,
)

// joinFunc is the library's join, refused when the text would grow beyond bounds.
var joinFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "separator", Type: cty.String}},
	VarParam:     &function.Parameter{Name: "lists", Type: cty.List(cty.String)},
	Type:         function.StaticReturnType(cty.String),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		size := 0
		for _, list := range args[1:] {
			for it := list.ElementIterator(); it.Next(); {
				if _, e := it.Element(); !e.IsNull() && e.IsKnown() {
					size += len(e.AsString()) + len(args[0].AsString())
				}
			}
		}
		if size > builtin.MaxText {
			return cty.NilVal, builtin.TooLong("join")
		}
		return stdlib.JoinFunc.Call(args)
	},
})
