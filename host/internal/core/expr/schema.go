package expr

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/sdk"
)

// Type is the type that values of the schema have in expressions; what the schema leaves open is dynamic.
func Type(s *sdk.Schema) cty.Type {
	switch {
	case s == nil, s.TypeFrom != "", s.XType == sdk.XTypeSchema:
		return cty.DynamicPseudoType
	case s.IsArtifact():
		return ArtifactType
	}
	switch s.Type {
	case "string":
		return cty.String
	case "number", "integer":
		if s.Format != "" {
			return cty.DynamicPseudoType // may be written as text
		}
		return cty.Number
	case "boolean":
		return cty.Bool
	case "array":
		return cty.List(Type(s.Items))
	case "object":
		return objectType(s)
	}
	return cty.DynamicPseudoType
}

func objectType(s *sdk.Schema) cty.Type {
	if s.Additional != nil {
		if len(s.Properties) > 0 {
			return cty.DynamicPseudoType
		}
		return cty.Map(Type(s.Additional))
	}
	attributes := make(map[string]cty.Type, len(s.Properties))
	for i := range s.Properties {
		attributes[s.Properties[i].Name] = Type(&s.Properties[i].Schema)
	}
	return cty.Object(attributes)
}
