package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var sensitiveFunction = Function{
	"sensitive", "a value that is kept out of the journal, logs and the UI",
	`nonsensitive(sensitive("a"))`, `"a"`,
	remark(func(v cty.Value) cty.Value { return v.Mark(Declared) }),
}

// remark makes a function of one value of any kind that changes its marks.
func remark(fn func(v cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn(args[0]), nil },
	})
}
