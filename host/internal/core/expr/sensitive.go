package expr

import (
	"errors"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/sdk"
)

// Origin says why a value is sensitive. It is the mark that the value, and whatever is made of it, carries through
// expressions.
type Origin string

// The origins.
const (
	// Declared: a secret, or a variable, an input or an output that is declared sensitive. Its text is masked wherever
	// it shows up.
	Declared Origin = "declared"
	// Derived: a node that was given something sensitive made it. What it says may well be harmless.
	Derived Origin = "derived"
)

// Sealer keeps sensitive values out of what is stored. Equal values are sealed equally.
type Sealer interface {
	// Seal encrypts a value of a run. mask says that its text is to be masked wherever it shows up.
	Seal(x any, mask bool) (sdk.Sealed, error)
	Open(s sdk.Sealed) (x any, mask bool, err error)
}

// ErrSensitive says that a value may not be used where it was, since it is sensitive.
var ErrSensitive = errors.New("is sensitive")

// errNoSealer is a mistake in the wiring of a program.
var errNoSealer = errors.New("is sensitive, and there is nothing to seal it with")

// Mark says that a part of a value is sensitive.
type Mark struct {
	// Path leads to the part: names (string) and positions (int), outermost first; empty: the whole value.
	Path   []any
	Origin Origin
}

// Under puts a step before the paths of marks.
func Under(step any, marks []Mark) []Mark {
	out := make([]Mark, len(marks))
	for i, m := range marks {
		out[i] = Mark{append([]any{step}, m.Path...), m.Origin}
	}
	return out
}

// IsSensitive says whether the value or a part of it is sensitive.
func IsSensitive(v cty.Value) bool { return v != cty.NilVal && v.ContainsMarked() }

// Sensitive gives the value with a mark.
func Sensitive(v cty.Value, why Origin) cty.Value { return v.Mark(why) }

// marksOf gathers the marks of values and all their parts.
func marksOf(values ...cty.Value) cty.ValueMarks {
	out := cty.ValueMarks{}
	for _, v := range values {
		if v.ContainsMarked() {
			_, marks := v.UnmarkDeep()
			maps.Copy(out, marks)
		}
	}
	return out
}

// HasOrigin says whether the value or a part of it is sensitive for that reason.
func HasOrigin(v cty.Value, why Origin) bool { return v.HasMarkDeep(why) }

// origin is the gravest of marks.
func origin(marks cty.ValueMarks) Origin {
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

func gravest(marks []Mark) Origin {
	if slices.ContainsFunc(marks, func(m Mark) bool { return m.Origin == Declared }) {
		return Declared
	}
	return Derived
}

// Seal gives a value of a run with its marked parts sealed. What is null stays null. The value itself is not changed.
func Seal(x any, marks []Mark, s Sealer) (any, error) {
	if len(marks) == 0 || x == nil {
		return x, nil
	}
	whole, parts := split(marks)
	if w, ok := x.(sdk.Values); ok {
		x = map[string]any(w)
	}
	m, isObject := x.(map[string]any)
	list, isList := x.([]any)
	switch {
	case whole != "" || !isObject && !isList:
		if s == nil {
			return nil, errNoSealer
		}
		return s.Seal(x, gravest(marks) == Declared)
	case isObject:
		m = maps.Clone(m)
	default:
		list = slices.Clone(list)
	}
	for step, below := range parts {
		var err error
		switch k := step.(type) {
		case string:
			if part, there := m[k]; there {
				m[k], err = Seal(part, below, s)
			}
		case int:
			if k < len(list) {
				list[k], err = Seal(list[k], below, s)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if isObject {
		return m, nil
	}
	return list, nil
}

// Open gives a value with everything opened that is sealed in it, and says what that was. The value itself is not
// changed.
func Open(x any, s Sealer) (any, []Mark, error) {
	if !sdk.HasSealed(x) {
		return x, nil, nil
	}
	switch x := x.(type) {
	case sdk.Sealed:
		if s == nil {
			return nil, nil, errNoSealer
		}
		plain, mask, err := s.Open(x)
		if err != nil {
			return nil, nil, err
		}
		return plain, []Mark{{nil, originOf(mask)}}, nil
	case []any:
		out := make([]any, len(x))
		var marks []Mark
		for i := range x {
			y, found, err := Open(x[i], s)
			if err != nil {
				return nil, nil, err
			}
			out[i], marks = y, append(marks, Under(i, found)...)
		}
		return out, marks, nil
	case sdk.Values:
		return openObject(x, s)
	case map[string]any:
		return openObject(x, s)
	}
	return x, nil, nil
}

func openObject(m map[string]any, s Sealer) (any, []Mark, error) {
	out := make(map[string]any, len(m))
	var marks []Mark
	for k := range m {
		y, found, err := Open(m[k], s)
		if err != nil {
			return nil, nil, err
		}
		out[k], marks = y, append(marks, Under(k, found)...)
	}
	return out, marks, nil
}

func originOf(mask bool) Origin {
	if mask {
		return Declared
	}
	return Derived
}

// Private says which parts of a value its schema declares sensitive.
func Private(s *sdk.Schema, x any) (marks []Mark) {
	switch {
	case s == nil || x == nil:
		return nil
	case s.Sensitive:
		return []Mark{{nil, Declared}}
	}
	switch x := x.(type) {
	case []any:
		for i := range x {
			marks = append(marks, Under(i, Private(s.Items, x[i]))...)
		}
	case sdk.Values:
		return Private(s, map[string]any(x))
	case map[string]any:
		for i := range s.Properties {
			p := &s.Properties[i]
			marks = append(marks, Under(p.Name, Private(&p.Schema, x[p.Name]))...)
		}
		if s.Additional == nil {
			break
		}
		for k := range x {
			if _, named := s.Properties.Get(k); !named {
				marks = append(marks, Under(k, Private(s.Additional, x[k]))...)
			}
		}
	}
	return marks
}

// DeclaresPrivate says whether any value of the schema can be sensitive.
func DeclaresPrivate(s *sdk.Schema) bool {
	if s == nil {
		return false
	}
	return s.Sensitive || DeclaresPrivate(s.Items) || DeclaresPrivate(s.Additional) ||
		slices.ContainsFunc(s.Properties, func(p sdk.Property) bool { return DeclaresPrivate(&p.Schema) })
}
