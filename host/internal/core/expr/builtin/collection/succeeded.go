package collection

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

var succeededFunction = builtin.New(
	"succeeded", "the instances of a node that were not skipped",
	`succeeded([{ a = 1 }, null])`, `[{ a = 1 }]`,
	succeededFunc,
)

// succeededFunc drops nulls from lists, maps and objects; their type stays where it is uniform.
var succeededFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "instances", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		v, _ := args[0].Unmark()
		t := v.Type()
		switch {
		case t == cty.DynamicPseudoType && v.IsNull():
			return cty.EmptyTuple, nil
		case t == cty.DynamicPseudoType, t.IsListType(), t.IsMapType():
			return t, nil
		case !v.IsKnown() && (t.IsTupleType() || t.IsObjectType()):
			return cty.DynamicPseudoType, nil
		case t.IsTupleType(), t.IsObjectType():
			return dropNulls(v).Type(), nil
		}
		return cty.NilType, function.NewArgErrorf(0, "want a node with for_each, got %s", datum.Describe(t))
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
		v, marks := args[0].Unmark()
		switch {
		case !v.IsKnown():
			return cty.UnknownVal(want).WithMarks(marks), nil
		case v.IsNull() && want.Equals(cty.EmptyTuple):
			return cty.EmptyTupleVal.WithMarks(marks), nil
		case v.IsNull():
			return cty.NilVal, function.NewArgErrorf(0, "may not be null")
		}
		out, err := convert.Convert(dropNulls(v), want)
		if err != nil {
			return cty.NilVal, err
		}
		return out.WithMarks(marks), nil
	},
})

func dropNulls(v cty.Value) cty.Value {
	if v.IsNull() {
		return cty.EmptyTupleVal
	}
	if t := v.Type(); t.IsObjectType() || t.IsMapType() {
		out := map[string]cty.Value{}
		for k, e := range v.AsValueMap() {
			if !e.IsNull() {
				out[k] = e
			}
		}
		return cty.ObjectVal(out)
	}
	var out []cty.Value
	for _, e := range v.AsValueSlice() {
		if !e.IsNull() {
			out = append(out, e)
		}
	}
	return cty.TupleVal(out)
}
