package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
)

// Fit says how a value that may be unknown in parts cannot fit the schema: what is known is checked like any value,
// what is not only by its type. Nulls stand for absent values.
func Fit(s *sdk.Schema, v cty.Value) []sdk.Violation { return FitWith(datum.Artifacts{}, s, v) }

// FitWith is Fit for values with artifacts among them that a knows already.
func FitWith(a datum.Artifacts, s *sdk.Schema, v cty.Value) []sdk.Violation {
	if v.ContainsMarked() {
		v, _ = v.UnmarkDeep() // what of it is known stands in the pipeline's file
	}
	return fit(a, "", s, v)
}

func fit(a datum.Artifacts, path string, s *sdk.Schema, v cty.Value) []sdk.Violation {
	t := v.Type()
	switch {
	case s == nil, t == cty.DynamicPseudoType && !v.IsKnown(), v.IsKnown() && v.IsNull():
		return nil
	case v.IsWhollyKnown():
		return fitKnown(a, path, s, v)
	case !v.IsKnown():
		return fitType(path, s, t)
	case s.IsArtifact():
		return fitType(path, s, t)
	case t.IsObjectType(), t.IsMapType():
		return fitMembers(a, path, s, v)
	default:
		return fitElements(a, path, s, v)
	}
}

func fitKnown(a datum.Artifacts, path string, s *sdk.Schema, v cty.Value) []sdk.Violation {
	x, err := a.Out(v)
	if err != nil {
		return []sdk.Violation{{Path: path, Message: err.Error()}}
	}
	found := s.Check(datum.Coerce(s, x))
	for i := range found {
		found[i].Path = joinPath(path, found[i].Path)
	}
	return found
}

func joinPath(path, rest string) string {
	if path == "" || rest == "" || rest[0] == '[' {
		return path + rest
	}
	return path + "." + rest
}

func mismatch(path, want string, t cty.Type) []sdk.Violation {
	return []sdk.Violation{{Path: path, Message: "want " + want + ", got " + datum.Describe(t)}}
}

// fitMembers checks an object of which some members are unknown.
func fitMembers(a datum.Artifacts, path string, s *sdk.Schema, v cty.Value) []sdk.Violation {
	if s.Type != "object" {
		return fitType(path, s, v.Type())
	}
	members := v.AsValueMap()
	found := missing(path, s, func(name string) bool {
		m, ok := members[name]
		return ok && (!m.IsKnown() || !m.IsNull())
	})
	for _, name := range sortedKeys(members) {
		sub, known := member(s, name)
		if !known {
			found = append(found, unknownMember(path, s, name))
			continue
		}
		found = append(found, fit(a, joinPath(path, name), sub, members[name])...)
	}
	return found
}

func sortedKeys(m map[string]cty.Value) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func missing(path string, s *sdk.Schema, has func(name string) bool) (found []sdk.Violation) {
	for _, name := range s.Required {
		if p, ok := s.Properties.Get(name); !has(name) && ok && p.Default == nil {
			found = append(found, sdk.Violation{Path: joinPath(path, name), Message: "is required"})
		}
	}
	return found
}

func member(s *sdk.Schema, name string) (*sdk.Schema, bool) {
	for i := range s.Properties {
		if s.Properties[i].Name == name {
			return &s.Properties[i].Schema, true
		}
	}
	return s.Additional, s.Additional != nil
}

func unknownMember(path string, s *sdk.Schema, name string) sdk.Violation {
	message := "is unknown here; nothing may be given"
	if names := s.Properties.Names(); len(names) > 0 {
		message = "is unknown here" + DidYouMean(name, names) + "; known: " + strings.Join(names, ", ")
	}
	return sdk.Violation{Path: joinPath(path, name), Message: message}
}

// fitElements checks a list of which some elements are unknown.
func fitElements(a datum.Artifacts, path string, s *sdk.Schema, v cty.Value) []sdk.Violation {
	if s.Type != "array" || !v.CanIterateElements() {
		return fitType(path, s, v.Type())
	}
	var found []sdk.Violation
	i := 0
	for it := v.ElementIterator(); it.Next(); i++ {
		_, e := it.Element()
		found = append(found, fit(a, fmt.Sprintf("%s[%d]", path, i), s.Items, e)...)
	}
	return found
}

// fitType says whether values of a type could fit. Text may turn out to be a number or a bool.
func fitType(path string, s *sdk.Schema, t cty.Type) []sdk.Violation {
	if s == nil || t == cty.DynamicPseudoType {
		return nil
	}
	if s.IsArtifact() {
		if !t.Equals(datum.ArtifactType) {
			return mismatch(path, "an artifact", t)
		}
		return nil
	}
	switch s.Type {
	case "string":
		if !t.IsPrimitiveType() {
			return mismatch(path, "text", t)
		}
	case "number", "integer":
		if t != cty.Number && t != cty.String {
			return mismatch(path, "a number", t)
		}
	case "boolean":
		if t != cty.Bool && t != cty.String {
			return mismatch(path, "true or false", t)
		}
	case "array":
		return fitListType(path, s, t)
	case "object":
		return fitObjectType(path, s, t)
	}
	return nil
}

func fitListType(path string, s *sdk.Schema, t cty.Type) []sdk.Violation {
	switch {
	case t.IsListType(), t.IsSetType():
		return fitType(path+"[*]", s.Items, t.ElementType())
	case t.IsTupleType():
		var found []sdk.Violation
		for i, e := range t.TupleElementTypes() {
			found = append(found, fitType(fmt.Sprintf("%s[%d]", path, i), s.Items, e)...)
		}
		return found
	}
	return mismatch(path, "a list", t)
}

func fitObjectType(path string, s *sdk.Schema, t cty.Type) []sdk.Violation {
	switch {
	case t.IsMapType():
		if len(s.Properties) == 0 {
			return fitType(path+"[*]", s.Additional, t.ElementType())
		}
		return nil // which keys it has shows at run time
	case !t.IsObjectType():
		return mismatch(path, "an object", t)
	}
	found := missing(path, s, t.HasAttribute)
	for _, name := range datum.SortedNames(t) {
		sub, known := member(s, name)
		if !known {
			found = append(found, unknownMember(path, s, name))
			continue
		}
		found = append(found, fitType(joinPath(path, name), sub, t.AttributeType(name))...)
	}
	return found
}
