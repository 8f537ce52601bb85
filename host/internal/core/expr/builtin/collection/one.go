package collection

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

var oneFunction = builtin.New(
	"one", "the only element of a list, null of an empty one",
	`one(["a"])`, `"a"`,
	oneFunc,
)

var oneFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		t := args[0].Type()
		switch {
		case t.IsListType(), t.IsSetType():
			return t.ElementType(), nil
		case t.IsTupleType() && len(t.TupleElementTypes()) == 0:
			return cty.DynamicPseudoType, nil
		case t.IsTupleType() && len(t.TupleElementTypes()) == 1:
			return t.TupleElementTypes()[0], nil
		case t.IsTupleType():
			return cty.NilType, function.NewArgErrorf(0, "want at most one element, got %d", len(t.TupleElementTypes()))
		}
		return cty.NilType, function.NewArgErrorf(0, "want a list, got %s", datum.Describe(t))
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
		switch n := args[0].LengthInt(); n {
		case 0:
			return cty.NullVal(want), nil
		case 1:
			it := args[0].ElementIterator()
			it.Next()
			_, e := it.Element()
			return e, nil
		default:
			return cty.NilVal, function.NewArgErrorf(0, "want at most one element, got %d", n)
		}
	},
})
