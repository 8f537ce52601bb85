package datum

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// TypeText writes a type as the language does; a list of different things is a tuple.
func TypeText(t cty.Type) string {
	switch {
	case t.Equals(ArtifactType):
		return "artifact"
	case t == cty.String:
		return "string"
	case t == cty.Number:
		return "number"
	case t == cty.Bool:
		return "bool"
	case t.IsListType():
		return "list(" + TypeText(t.ElementType()) + ")"
	case t.IsSetType():
		return "set(" + TypeText(t.ElementType()) + ")"
	case t.IsMapType():
		return "map(" + TypeText(t.ElementType()) + ")"
	case t.IsTupleType():
		return tupleText(t)
	case t.IsObjectType():
		types := t.AttributeTypes()
		parts := make([]string, 0, len(types))
		for _, name := range slices.Sorted(maps.Keys(types)) {
			parts = append(parts, name+" = "+TypeText(types[name]))
		}
		if len(parts) == 0 {
			return "object({})"
		}
		return "object({ " + strings.Join(parts, ", ") + " })"
	}
	return "any"
}

func tupleText(t cty.Type) string {
	parts := []string{}
	for _, e := range t.TupleElementTypes() {
		parts = append(parts, TypeText(e))
	}
	same := slices.Compact(slices.Clone(parts))
	switch len(same) {
	case 0:
		return "list(any)"
	case 1:
		return "list(" + same[0] + ")"
	}
	return "tuple([" + strings.Join(parts, ", ") + "])"
}
