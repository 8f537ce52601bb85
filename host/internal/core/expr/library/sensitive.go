package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

var sensitiveFunction = builtin.New(
	"sensitive", "a value that is kept out of the journal, logs and the UI",
	`nonsensitive(sensitive("a"))`, `"a"`,
	remark(func(v cty.Value) cty.Value { return v.Mark(datum.Declared) }),
)

// remark makes a function of one value of any kind that changes its marks.
func remark(fn func(v cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn(args[0]), nil },
	})
}
