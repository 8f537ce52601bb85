package datum

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

// HasOrigin says whether the value or a part of it is sensitive for that reason.
func HasOrigin(v cty.Value, why Origin) bool { return v.HasMarkDeep(why) }

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
