package datum

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/sdk"
)

// Type is the type that values of the schema have in expressions; what the schema leaves open is dynamic.
func Type(s *sdk.Schema) cty.Type {
	switch {
	case s == nil, s.TypeFrom != "", s.XType == sdk.XTypeSchema, s.XType == sdk.XTools:
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

// SchemaOf is the schema of values of a type: the way back of Type. What a type leaves open is any.
func SchemaOf(t cty.Type) sdk.Schema {
	switch {
	case t.Equals(ArtifactType):
		return sdk.Schema{Type: "object", XType: sdk.XArtifact}
	case t == cty.String:
		return sdk.Schema{Type: "string"}
	case t == cty.Number:
		return sdk.Schema{Type: "number"}
	case t == cty.Bool:
		return sdk.Schema{Type: "boolean"}
	case t.IsListType(), t.IsSetType():
		items := SchemaOf(t.ElementType())
		return sdk.Schema{Type: "array", Items: &items}
	case t.IsTupleType():
		return sdk.Schema{Type: "array", Items: tupleItems(t)}
	case t.IsMapType():
		elem := SchemaOf(t.ElementType())
		return sdk.Schema{Type: "object", Additional: &elem}
	case t.IsObjectType():
		s := sdk.Schema{Type: "object"}
		for _, name := range SortedNames(t) {
			s.Properties = append(s.Properties, sdk.Property{Name: name, Schema: SchemaOf(t.AttributeType(name))})
		}
		return s
	}
	return sdk.Schema{}
}

// tupleItems is the one schema of a tuple's elements, any when they differ.
func tupleItems(t cty.Type) *sdk.Schema {
	var s sdk.Schema
	for i, e := range t.TupleElementTypes() {
		if i > 0 && !e.Equals(t.TupleElementType(0)) {
			return &sdk.Schema{}
		}
		s = SchemaOf(e)
	}
	return &s
}
