package sdk

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// schemaValues gives a schema as the plain value in which a type expression reaches a node: JSON Schema.
func schemaValues(s Schema) map[string]any {
	m := map[string]any{}
	put := func(k, v string) {
		if v != "" {
			m[k] = v
		}
	}
	put("type", s.Type)
	put("description", s.Description)
	put("pattern", s.Pattern)
	put("format", s.Format)
	put("x-type", s.XType)
	put("x-type-from", s.TypeFrom)
	put("x-model", s.ModelFile)
	put("x-setting", s.Setting)
	if len(s.Properties) > 0 {
		props := make(map[string]any, len(s.Properties))
		for _, p := range s.Properties {
			props[p.Name] = schemaValues(p.Schema)
		}
		m["properties"] = props
	}
	if s.Additional != nil {
		m["additionalProperties"] = schemaValues(*s.Additional)
	}
	if s.Items != nil {
		m["items"] = schemaValues(*s.Items)
	}
	if len(s.Required) > 0 {
		m["required"] = anyList(s.Required)
	}
	if len(s.Accept) > 0 {
		m["x-accept"] = anyList(s.Accept)
	}
	if len(s.Enum) > 0 {
		m["enum"] = s.Enum
	}
	if s.Default != nil {
		m["default"] = s.Default
	}
	if s.Sensitive {
		m["x-sensitive"] = true
	}
	for k, n := range map[string]*json.Number{"minimum": s.Minimum, "maximum": s.Maximum} {
		if n != nil {
			m[k] = *n
		}
	}
	for k, n := range map[string]*int{"minLength": s.MinLength, "maxLength": s.MaxLength, "minItems": s.MinItems, "maxItems": s.MaxItems} {
		if n != nil {
			m[k] = json.Number(strconv.Itoa(*n))
		}
	}
	return m
}

// SchemaFromValues reads a schema given as a plain value, JSON Schema: how an input written as a type reaches a node.
// A map has no order, so properties come in the order of their names. Keywords outside the profile are passed over.
func SchemaFromValues(x any) (Schema, error) {
	switch x := x.(type) {
	case bool:
		if x {
			return Schema{}, nil
		}
	case Values:
		return schemaFrom(x, 1)
	case map[string]any:
		return schemaFrom(x, 1)
	}
	return Schema{}, errors.New("want a type, got " + kindOf(x))
}

func bindSchema(dst reflect.Value, x any) error {
	s, err := SchemaFromValues(x)
	if err == nil {
		dst.Set(reflect.ValueOf(s))
	}
	return err
}

func schemaFrom(m map[string]any, depth int) (s Schema, err error) {
	if depth > MaxDepth {
		return s, errors.New("nested too deep")
	}
	text := func(k string) string { t, _ := m[k].(string); return t }
	s = Schema{
		Type: text("type"), Description: text("description"), Pattern: text("pattern"), Format: text("format"),
		XType: text("x-type"), TypeFrom: text("x-type-from"), ModelFile: text("x-model"), Setting: text("x-setting"),
		Required: textList(m["required"]), Accept: textList(m["x-accept"]), Default: m["default"],
		Minimum: numberAt(m, "minimum"), Maximum: numberAt(m, "maximum"),
		MinLength: countAt(m, "minLength"), MaxLength: countAt(m, "maxLength"),
		MinItems: countAt(m, "minItems"), MaxItems: countAt(m, "maxItems"),
	}
	s.Enum, _ = m["enum"].([]any)
	s.Sensitive, _ = m["x-sensitive"].(bool)
	props, _ := m["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(props)) {
		p, err := schemaAt(props, name, depth)
		if err != nil {
			return s, at(name, err)
		}
		if p == nil {
			p = &Schema{}
		}
		s.Properties = append(s.Properties, Property{name, *p})
	}
	if s.Additional, err = schemaAt(m, "additionalProperties", depth); err != nil {
		return s, err
	}
	s.Items, err = schemaAt(m, "items", depth)
	return s, err
}

func schemaAt(m map[string]any, k string, depth int) (*Schema, error) {
	switch x := m[k].(type) {
	case nil:
		return nil, nil
	case bool:
		if x {
			return &Schema{}, nil
		}
		return nil, nil
	case map[string]any:
		s, err := schemaFrom(x, depth+1)
		return &s, err
	}
	return nil, errors.New(k + ": want a type, got " + kindOf(m[k]))
}

func numberAt(m map[string]any, k string) *json.Number {
	if text, ok := numberOf(m[k]); ok {
		n := json.Number(text)
		return &n
	}
	return nil
}

func countAt(m map[string]any, k string) *int {
	if text, ok := numberOf(m[k]); ok {
		if n, err := strconv.Atoi(text); err == nil {
			return &n
		}
	}
	return nil
}

func textList(x any) []string {
	list, _ := x.([]any)
	var out []string
	for _, y := range list {
		if t, ok := y.(string); ok {
			out = append(out, t)
		}
	}
	return out
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}
