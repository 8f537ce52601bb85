package collection

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var setproductFunction = builtin.New(
	"setproduct", "every combination of elements",
	`setproduct(["a", "b"], [1])`, `[["a", 1], ["b", 1]]`,
	setProductFunc,
)

// setProductFunc is the library's, refused when it would make more combinations than anyone wants.
var setProductFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "sets", Type: cty.DynamicPseudoType},
	Type: func(args []cty.Value) (cty.Type, error) {
		product := 1
		for _, a := range args {
			if a.IsKnown() && !a.IsNull() && a.CanIterateElements() {
				product *= max(1, a.LengthInt())
			}
			if product > builtin.MaxItems {
				return cty.NilType, fmt.Errorf("setproduct of more than %d combinations", builtin.MaxItems)
			}
		}
		return stdlib.SetProductFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return stdlib.SetProductFunc.Call(args) },
})
