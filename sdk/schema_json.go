package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MarshalJSON writes an object whose members keep their order.
func (p Properties) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("null"), nil
	}
	return appendProperties(nil, p), nil
}

// UnmarshalJSON reads an object and keeps the order of its members.
func (p *Properties) UnmarshalJSON(data []byte) error {
	var out Properties
	err := eachMember(data, func(name string, raw json.RawMessage) error {
		if _, twice := out.Get(name); twice {
			return fmt.Errorf("property %q stands twice", name)
		}
		var s Schema
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("property %q: %w", name, err)
		}
		out = append(out, Property{name, s})
		return nil
	})
	*p = out
	return err
}

// MarshalJSON writes the schema, members in the order of the struct's fields.
func (s Schema) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil), nil }

// UnmarshalJSON reads a schema, numbers as json.Number. true is any; keywords outside the profile are passed over:
// ParseSchema refuses them.
func (s *Schema) UnmarshalJSON(data []byte) error {
	if string(bytes.TrimSpace(data)) == "true" {
		*s = Schema{}
		return nil
	}
	type plain Schema
	var p struct {
		plain
		Additional json.RawMessage `json:"additionalProperties"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&p); err != nil {
		return err
	}
	*s = Schema(p.plain)
	switch a := string(p.Additional); a {
	case "", "null", "false":
		return nil
	default:
		s.Additional = new(Schema)
		return json.Unmarshal(p.Additional, s.Additional)
	}
}

// keywords of the profile; the value says what kind of schema the keyword holds, if any.
var keywords = map[string]string{
	"type": "", "description": "", "properties": "members", "required": "", "additionalProperties": "schema",
	"items": "schema", "enum": "", "default": "", "minimum": "", "maximum": "", "minLength": "", "maxLength": "",
	"minItems": "", "maxItems": "", "pattern": "", "format": "", "x-type": "", "x-accept": "", "x-type-from": "",
	"x-sensitive": "", "x-model": "", "x-setting": "", "$schema": "", "$comment": "", "title": "",
}

// ParseSchema reads a schema and refuses, by name and place, every keyword outside the profile, and what
// Schema.Validate refuses. $schema, $comment and title are allowed and dropped.
func ParseSchema(data []byte) (Schema, error) {
	if err := checkKeywords(data, ""); err != nil {
		return Schema{}, err
	}
	var s Schema
	if err := json.Unmarshal(data, &s); err != nil {
		return Schema{}, fmt.Errorf("schema: %w", err)
	}
	return s, s.Validate()
}

func checkKeywords(data json.RawMessage, path string) error {
	if t := string(bytes.TrimSpace(data)); t == "true" || t == "false" && strings.HasSuffix(path, ".additionalProperties") {
		return nil
	}
	return eachMember(data, func(keyword string, raw json.RawMessage) error {
		kind, known := keywords[keyword]
		where := path + "." + keyword
		switch {
		case !known:
			return fmt.Errorf("schema%s: keyword %q is outside the profile (allowed: %s)", path, keyword, strings.Join(keywordNames(), ", "))
		case kind == "schema":
			return checkKeywords(raw, where)
		case kind == "members":
			return eachMember(raw, func(name string, raw json.RawMessage) error {
				return checkKeywords(raw, where+"."+name)
			})
		}
		return nil
	})
}

func keywordNames() []string {
	names := make([]string, 0, len(keywords))
	for k := range keywords {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// eachMember walks a JSON object in its written order.
func eachMember(data []byte, fn func(name string, raw json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t == nil {
		return nil
	}
	if t != json.Delim('{') {
		return errors.New("want a JSON object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if err := fn(t.(string), raw); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
