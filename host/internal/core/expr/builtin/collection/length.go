package collection

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

var lengthFunction = builtin.New(
	"length", "how many elements a list, map or object has, or characters a text",
	`length([1, 2])`, `2`,
	lengthFunc,
)

// lengthFunc counts elements, and characters as Unicode text segmentation sees them. How many elements there are is not
// sensitive because one of them is.
var lengthFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true}},
	RefineResult: builtin.NotNull,
	Type: func(args []cty.Value) (cty.Type, error) {
		t := args[0].Type()
		if t == cty.DynamicPseudoType || t == cty.String || t.IsTupleType() || t.IsObjectType() || t.IsCollectionType() {
			return cty.Number, nil
		}
		return cty.NilType, function.NewArgErrorf(0, "want a list, map, object or text, got %s", datum.Describe(t))
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, marks := args[0].Unmark()
		n, err := v, error(nil)
		switch t := v.Type(); {
		case t == cty.DynamicPseudoType:
			n = cty.UnknownVal(cty.Number)
		case t == cty.String:
			n, err = stdlib.Strlen(v)
		case t.IsObjectType():
			n = cty.NumberIntVal(int64(len(t.AttributeTypes())))
		default:
			n = v.Length()
		}
		if err != nil {
			return cty.NilVal, err
		}
		return n.WithMarks(marks), nil
	},
})
