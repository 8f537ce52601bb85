package datum

import (
	"maps"

	"github.com/zclconf/go-cty/cty"
)

// PartMarks gathers the marks of the parts of a value, without its own.
func PartMarks(v cty.Value) cty.ValueMarks {
	v, _ = v.Unmark()
	return MarksOf(v)
}

// ElementOf gives what is known of any one element of a collection: a value of the type, with the marks of all of them.
func ElementOf(coll cty.Value, t cty.Type) cty.Value {
	if coll, _ = coll.Unmark(); !coll.IsKnown() || coll.IsNull() || !coll.CanIterateElements() || !coll.ContainsMarked() {
		return cty.UnknownVal(t)
	}
	var elems []cty.Value
	for it := coll.ElementIterator(); it.Next(); {
		_, e := it.Element()
		elems = append(elems, e)
	}
	return blend(t, elems)
}

// blend is ElementOf for elements that have the type; members of objects keep their own marks.
func blend(t cty.Type, elems []cty.Value) cty.Value {
	members := map[string][]cty.Value{}
	for _, e := range elems {
		if e, _ = e.Unmark(); !t.IsObjectType() || !e.IsKnown() || e.IsNull() || !e.Type().Equals(t) {
			return cty.UnknownVal(t).WithMarks(MarksOf(elems...))
		}
		for name, m := range e.AsValueMap() {
			members[name] = append(members[name], m)
		}
	}
	out := map[string]cty.Value{}
	for name, all := range members {
		out[name] = blend(t.AttributeType(name), all)
	}
	v := cty.ObjectVal(out)
	for _, e := range elems {
		v = v.WithMarks(e.Marks())
	}
	return v
}

// MarksOf gathers the marks of values and all their parts.
func MarksOf(values ...cty.Value) cty.ValueMarks {
	out := cty.ValueMarks{}
	for _, v := range values {
		if v.ContainsMarked() {
			_, marks := v.UnmarkDeep()
			maps.Copy(out, marks)
		}
	}
	return out
}

// WorstOf is the gravest of marks.
func WorstOf(marks cty.ValueMarks) Origin {
	if marks.Has(Declared) {
		return Declared
	}
	return Derived
}

// MarkAt gives the value with marks at its parts; parts that are not there are passed over.
func MarkAt(v cty.Value, marks []Mark) cty.Value {
	if len(marks) == 0 || !v.IsKnown() || v.IsNull() {
		return v
	}
	whole, rest := split(marks)
	v, had := v.Unmark()
	switch t := v.Type(); {
	case len(rest) == 0:
	case t.IsObjectType():
		members := v.AsValueMap()
		for k, below := range rest {
			if name, ok := k.(string); ok && t.HasAttribute(name) {
				members[name] = MarkAt(members[name], below)
			}
		}
		v = cty.ObjectVal(members)
	case t.IsTupleType():
		elems := v.AsValueSlice()
		for k, below := range rest {
			if i, ok := k.(int); ok && i < len(elems) {
				elems[i] = MarkAt(elems[i], below)
			}
		}
		v = cty.TupleVal(elems)
	default: // of one type throughout: a mark on a part is one on the whole
		whole = gravest(marks)
	}
	if v = v.WithMarks(had); whole != "" {
		v = v.Mark(whole)
	}
	return v
}

// split parts marks into the one of the whole value, "" when there is none, and those of its parts.
func split(marks []Mark) (whole Origin, parts map[any][]Mark) {
	for _, m := range marks {
		if len(m.Path) == 0 {
			if whole != Declared {
				whole = m.Origin
			}
			continue
		}
		if parts == nil {
			parts = map[any][]Mark{}
		}
		parts[m.Path[0]] = append(parts[m.Path[0]], Mark{m.Path[1:], m.Origin})
	}
	return whole, parts
}
