package collection

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var indexFunction = builtin.New(
	"index", "the position of an element",
	`index(["a", "b"], "b")`, `1`,
	indexFunc,
)

var indexFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "element", Type: cty.DynamicPseudoType}},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: builtin.NotNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if !args[0].CanIterateElements() || args[0].Type().IsObjectType() || args[0].Type().IsMapType() {
			return cty.NilVal, function.NewArgErrorf(0, "want a list")
		}
		if !args[0].IsWhollyKnown() || !args[1].IsWhollyKnown() {
			return cty.UnknownVal(cty.Number), nil
		}
		i := 0
		for it := args[0].ElementIterator(); it.Next(); i++ {
			if _, e := it.Element(); sameValue(e, args[1]) {
				return cty.NumberIntVal(int64(i)), nil
			}
		}
		return cty.NilVal, fmt.Errorf("the list has no such element")
	},
})

// sameValue compares where the types can be made equal.
func sameValue(a, b cty.Value) bool {
	b, err := convert.Convert(b, a.Type())
	return err == nil && a.Equals(b).IsKnown() && a.Equals(b).True()
}
