package sdk

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// SchemaOf derives the object schema of a struct from its fields and their tags:
//
//	Prompt string        `spin:"prompt" doc:"What to say"`             name; default the field's in snake_case; "-" leaves it out
//	Height int           `default:"1080" min:"16" max:"4320"`          a default makes it optional
//	Voice  string        `spin:"voice,optional" enum:"anna|otto"`      optional; one of
//	Key    string        `spin:",sensitive" pattern:"^sk-"`            masked; must match
//	Size   int64         `format:"bytes"`                              may be written "6GiB"
//	Wait   time.Duration                                               written "90s"
//	Image  sdk.Artifact  `accept:"image/png|image/jpeg"`               of one of these media types
//	Answer sdk.Schema                                                  written as a type expression
//	Lora   sdk.Artifact  `setting:"models_dir"`                        needs that setting of the plugin
//	Tools  []sdk.Tool                                                  written as a list of names of node types
//
// json.Number keeps numbers exact; lists, maps with string keys, structs and any nest; a pointer is optional. min and
// max limit numbers, the length of text and the number of items.
func SchemaOf[T any]() (Schema, error) {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err == nil && s.kind != kindRecord {
		err = errors.New(s.typ.String() + " is not a struct")
	}
	if err != nil {
		return Schema{}, err
	}
	return s.schema()
}

// schema gives the schema of a shape, without what a field's tags add.
func (s *shape) schema() (Schema, error) {
	switch s.kind {
	case kindString:
		return Schema{Type: "string"}, nil
	case kindBool:
		return Schema{Type: "boolean"}, nil
	case kindInt:
		return Schema{Type: "integer"}, nil
	case kindUint:
		zero := json.Number("0")
		return Schema{Type: "integer", Minimum: &zero}, nil
	case kindFloat, kindNumber:
		return Schema{Type: "number"}, nil
	case kindDuration:
		return Schema{Type: "string", Format: FormatDuration}, nil
	case kindArtifact:
		return Schema{Type: "object", XType: XArtifact}, nil
	case kindSchema:
		return Schema{Type: "object", XType: XTypeSchema}, nil
	case kindList:
		if s.typ == toolsType {
			return Schema{Type: "array", XType: XTools}, nil
		}
		items, err := s.elem.schema()
		return Schema{Type: "array", Items: &items}, err
	case kindMapping:
		each, err := s.elem.schema()
		return Schema{Type: "object", Additional: &each}, err
	case kindPointer:
		return s.elem.schema()
	case kindRecord:
		return s.recordSchema()
	default: // anything at all
		return Schema{}, nil
	}
}

func (s *shape) recordSchema() (Schema, error) {
	out := Schema{Type: "object"}
	for i := range s.fields {
		f := &s.fields[i]
		p, err := f.schema()
		if err != nil {
			return out, at(s.typ.String()+": "+f.name, err)
		}
		out.Properties = append(out.Properties, Property{f.name, p})
		if !f.optional && f.shape.kind != kindAny {
			out.Required = append(out.Required, f.name)
		}
	}
	return out, nil
}

// schema adds what the field's tags say.
func (f *field) schema() (Schema, error) {
	p, err := f.shape.schema()
	if err != nil {
		return p, err
	}
	p.Description, p.Pattern, p.Sensitive = f.tag.Get("doc"), f.tag.Get("pattern"), f.sensitive
	p.Default, p.Setting = f.fallback, f.tag.Get("setting")
	if format := f.tag.Get("format"); format != "" {
		p.Format = format
	}
	if t := f.tag.Get("type_from"); t != "" {
		p.TypeFrom = t
	}
	if a := f.tag.Get("accept"); a != "" {
		if err := f.accept(&p, strings.Split(a, "|")); err != nil {
			return p, err
		}
	}
	if kind := f.tag.Get("model"); kind != "" {
		of := &p
		for of.Items != nil {
			of = of.Items
		}
		of.ModelFile = kind
	}
	if e := f.tag.Get("enum"); e != "" {
		for _, text := range strings.Split(e, "|") {
			x, err := tagValue(f.shape, text)
			if err != nil {
				return p, err
			}
			p.Enum = append(p.Enum, x)
		}
	}
	for _, bound := range []string{"min", "max"} {
		if text, ok := f.tag.Lookup(bound); ok {
			if err := setBound(&p, bound == "min", text); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

// accept puts media types on an artifact, or on a list's or map's artifacts.
func (f *field) accept(p *Schema, types []string) error {
	for p.XType != XArtifact {
		switch {
		case p.Items != nil:
			p = p.Items
		case p.Additional != nil:
			p = p.Additional
		default:
			return errors.New("accept is for artifacts")
		}
	}
	p.Accept = types
	return nil
}

func setBound(p *Schema, least bool, text string) error {
	switch p.Type {
	case "number", "integer":
		if !isNumber(text) {
			return errors.New("the bound " + strconv.Quote(text) + " is not a number")
		}
		n := json.Number(text)
		pick(least, &p.Minimum, &p.Maximum, &n)
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("the bound " + strconv.Quote(text) + " is not a whole number")
	}
	switch p.Type {
	case "string":
		pick(least, &p.MinLength, &p.MaxLength, &n)
	case "array":
		pick(least, &p.MinItems, &p.MaxItems, &n)
	default:
		return errors.New("min and max are for numbers, text and lists")
	}
	return nil
}

func pick[T any](first bool, a, b **T, v *T) {
	if first {
		*a = v
	} else {
		*b = v
	}
}
