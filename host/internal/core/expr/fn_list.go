package expr

import (
	"fmt"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var listFunctions = []Function{
	{"length", "how many elements a list, map or object has, or characters a text", `length([1, 2])`, `2`, lengthFunc},
	{"range", "numbers from 0, or from a to before b, in steps of c", `range(3)`, `[0, 1, 2]`, rangeFunc},
	{"concat", "lists one after the other", `concat([1], [2, 3])`, `[1, 2, 3]`, stdlib.ConcatFunc},
	{"flatten", "lists within a list dissolved", `flatten([[1], [2, [3]]])`, `[1, 2, 3]`, stdlib.FlattenFunc},
	{"distinct", "each element once, in order of first sight", `distinct(["a", "b", "a"])`, `["a", "b"]`, stdlib.DistinctFunc},
	{"compact", "without empty texts and nulls", `compact(["a", "", "b"])`, `["a", "b"]`, stdlib.CompactFunc},
	{"contains", "whether a list or set has an element", `contains(["a", "b"], "a")`, `true`, stdlib.ContainsFunc},
	{"index", "the position of an element", `index(["a", "b"], "b")`, `1`, indexFunc},
	{"element", "the element at a position, counting around the end", `element(["a", "b"], 2)`, `"a"`, stdlib.ElementFunc},
	{"slice", "the elements from a position to before another", `slice([1, 2, 3], 0, 2)`, `[1, 2]`, stdlib.SliceFunc},
	{"reverse", "from back to front", `reverse([1, 2])`, `[2, 1]`, stdlib.ReverseListFunc},
	{"sort", "texts in order", `sort(["b", "a"])`, `["a", "b"]`, stdlib.SortFunc},
	{"chunklist", "a list cut into lists of so many", `chunklist([1, 2, 3], 2)`, `[[1, 2], [3]]`, stdlib.ChunklistFunc},
	{"coalescelist", "the first list that has elements", `coalescelist([], [1])`, `[1]`, stdlib.CoalesceListFunc},
	{"one", "the only element of a list, null of an empty one", `one(["a"])`, `"a"`, oneFunc},
	{"sum", "the sum of numbers", `sum([1, 2.5])`, `3.5`, sumFunc},
	{"alltrue", "whether all are true", `alltrue([true, false])`, `false`, fold(true)},
	{"anytrue", "whether any is true", `anytrue([true, false])`, `true`, fold(false)},
	{"succeeded", "the instances of a node that were not skipped", `succeeded([{ a = 1 }, null])`, `[{ a = 1 }]`, succeededFunc},
}

// lengthFunc counts elements, and characters as Unicode text segmentation sees them.
var lengthFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true}},
	RefineResult: notNull,
	Type: func(args []cty.Value) (cty.Type, error) {
		t := args[0].Type()
		if t == cty.DynamicPseudoType || t == cty.String || t.IsTupleType() || t.IsObjectType() || t.IsCollectionType() {
			return cty.Number, nil
		}
		return cty.NilType, function.NewArgErrorf(0, "want a list, map, object or text, got %s", Describe(t))
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		switch t := args[0].Type(); {
		case t == cty.DynamicPseudoType:
			return cty.UnknownVal(cty.Number), nil
		case t == cty.String:
			return stdlib.Strlen(args[0])
		case t.IsObjectType():
			return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
		}
		return args[0].Length(), nil
	},
})

var rangeFunc = function.New(&function.Spec{
	VarParam:     &function.Parameter{Name: "bounds", Type: cty.Number},
	Type:         function.StaticReturnType(cty.List(cty.Number)),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		start, step := cty.Zero, cty.NumberIntVal(1)
		var end cty.Value
		switch len(args) {
		case 1:
			end = args[0]
		case 2, 3:
			start, end = args[0], args[1]
			if end.LessThan(start).True() {
				step = cty.NumberIntVal(-1)
			}
			if len(args) == 3 {
				step = args[2]
			}
		default:
			return cty.NilVal, fmt.Errorf("want range(end), range(start, end) or range(start, end, step)")
		}
		return count(start, end, step)
	},
})

func count(start, end, step cty.Value) (cty.Value, error) {
	up := step.GreaterThan(cty.Zero).True()
	if step.Equals(cty.Zero).True() || up == end.LessThan(start).True() && !end.Equals(start).True() {
		return cty.NilVal, fmt.Errorf("the step never leads from the start to the end")
	}
	var out []cty.Value
	for n := start; up && n.LessThan(end).True() || !up && n.GreaterThan(end).True(); n = n.Add(step) {
		if len(out) == maxItems {
			return cty.NilVal, fmt.Errorf("range of more than %d numbers", maxItems)
		}
		out = append(out, n)
	}
	if len(out) == 0 {
		return cty.ListValEmpty(cty.Number), nil
	}
	return cty.ListVal(out), nil
}

var indexFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "element", Type: cty.DynamicPseudoType}},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: notNull,
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
		return cty.NilType, function.NewArgErrorf(0, "want a list, got %s", Describe(t))
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

var sumFunc = function.New(&function.Spec{
	Params:       []function.Parameter{{Name: "numbers", Type: cty.List(cty.Number)}},
	Type:         function.StaticReturnType(cty.Number),
	RefineResult: notNull,
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(cty.Number), nil
		}
		total := new(big.Float).SetPrec(512)
		for it := args[0].ElementIterator(); it.Next(); {
			_, e := it.Element()
			if e.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "may hold no nulls")
			}
			total.Add(total, e.AsBigFloat())
		}
		return cty.NumberVal(total), nil
	},
})

// fold is alltrue (from true, stopped by false) or anytrue (the other way round); nulls count as false.
func fold(from bool) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(cty.Bool), nil
			}
			for it := args[0].ElementIterator(); it.Next(); {
				if _, e := it.Element(); (!e.IsNull() && e.True()) != from {
					return cty.BoolVal(!from), nil
				}
			}
			return cty.BoolVal(from), nil
		},
	})
}

// succeededFunc drops nulls from lists, maps and objects; their type stays where it is uniform.
var succeededFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "instances", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		v := args[0]
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
		return cty.NilType, function.NewArgErrorf(0, "want a node with for_each, got %s", Describe(t))
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
		switch v := args[0]; {
		case !v.IsKnown():
			return cty.UnknownVal(want), nil
		case v.IsNull() && want.Equals(cty.EmptyTuple):
			return cty.EmptyTupleVal, nil
		case v.IsNull():
			return cty.NilVal, function.NewArgErrorf(0, "may not be null")
		default:
			return convert.Convert(dropNulls(v), want)
		}
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
