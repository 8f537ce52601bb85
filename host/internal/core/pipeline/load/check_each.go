package load

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// checkForEach gives the types of each.key and each.value.
func (l *checker) checkForEach(n *pipeline.Node) map[string]cty.Value {
	v := l.forEachValue(n)
	if v.IsMarked() {
		l.seen(n.ForEachExpr, n.Refs, nil, "for_each", "its keys stand in addresses, logs and the journal")
		v, _ = v.Unmark()
	}
	key, value := l.eachTypes(n, v)
	return map[string]cty.Value{"key": key, "value": datum.ElementOf(v, value.Type())}
}

// eachTypes gives the types of keys and elements of what a node runs over.
func (l *checker) eachTypes(n *pipeline.Node, v cty.Value) (key, value cty.Value) {
	key, value = cty.DynamicVal, cty.DynamicVal
	switch t := v.Type(); {
	case v.IsWhollyKnown():
		if _, _, _, err := datum.Keys(v); err != nil {
			l.Fail(n.ForEachExpr.Range(), "", "%s", err)
		}
		key, value = elementTypes(t)
	case t == cty.DynamicPseudoType:
	case t.IsListType(), t.IsTupleType(), t.IsMapType(), t.IsSetType(), t.IsObjectType():
		key, value = elementTypes(t)
	default:
		_, _, _, err := datum.Keys(v)
		l.Fail(n.ForEachExpr.Range(), "", "%s", err)
	}
	return key, value
}

func elementTypes(t cty.Type) (key, value cty.Value) {
	key = cty.UnknownVal(cty.String)
	var elems []cty.Type
	switch {
	case t.IsListType(), t.IsTupleType():
		key = cty.UnknownVal(cty.Number)
	}
	switch {
	case t.IsCollectionType():
		return key, cty.UnknownVal(t.ElementType())
	case t.IsTupleType():
		elems = t.TupleElementTypes()
	case t.IsObjectType():
		for _, e := range t.AttributeTypes() {
			elems = append(elems, e)
		}
	}
	for _, e := range elems {
		if !e.Equals(elems[0]) {
			return key, cty.DynamicVal
		}
	}
	if len(elems) == 0 {
		return key, cty.DynamicVal
	}
	return key, cty.UnknownVal(elems[0])
}
