package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// reserved input names belong to the pipeline language: meta-arguments and blocks of a node.
var reserved = []string{
	"for_each", "when", "depends_on", "timeout", "idle_timeout", "on_failure", "on_lost", "priority", "source", "version",
	"retry", "device", "cache", "degrade", "repeat", "limits",
}

// ReservedInputs lists the names that no input may have, because the pipeline language uses them.
func ReservedInputs() []string { return slices.Clone(reserved) }

// grants that a control node may ask for.
var grants = []string{"http", "kv", "secret", "random"}

const (
	wordPattern    = `^[a-z][a-z0-9_]*$`
	versionPattern = `^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`
)

// matches takes patterns as text: compiled ones in package variables would enter every WASM guest.
func matches(pattern, s string) bool {
	re, err := compiled(pattern)
	return err == nil && re.MatchString(s)
}

// Validate says everything that is wrong with the manifest, joined; nil when it can be used.
func (m Manifest) Validate() error {
	var errs []error
	if !matches(wordPattern, m.Name) {
		errs = append(errs, fmt.Errorf("plugin name %q: want lower-case letters, digits and _, beginning with a letter", m.Name))
	}
	if !matches(versionPattern, m.Version) {
		errs = append(errs, fmt.Errorf("plugin %s: version %q is not a semantic version such as 1.2.0", m.Name, m.Version))
	}
	if len(m.NodeTypes) == 0 {
		errs = append(errs, fmt.Errorf("plugin %s offers no node types", m.Name))
	}
	seen := map[string]bool{}
	for _, t := range m.NodeTypes {
		if seen[t.Name] {
			errs = append(errs, fmt.Errorf("node type %s is offered twice", t.Name))
		}
		seen[t.Name] = true
		if prefix, _, _ := strings.Cut(t.Name, "."); prefix != m.Name {
			errs = append(errs, fmt.Errorf("node type %s: its name must begin with the plugin's name, %s", t.Name, m.Name))
		}
		errs = append(errs, t.Validate())
	}
	if m.ConfigSchema != nil {
		errs = append(errs, prefixed("configuration", m.ConfigSchema.Validate()))
	}
	return errors.Join(errs...)
}

// Validate says everything that is wrong with the node type, joined; nil when it can be used.
func (t NodeType) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("node type %s: "+format, append([]any{t.Name}, args...)...))
	}
	plugin, verb, _ := strings.Cut(t.Name, ".")
	if !matches(wordPattern, plugin) || !matches(wordPattern, verb) {
		bad("want a name like render.clip: <plugin>.<verb>, lower-case letters, digits and _")
	}
	for _, side := range []struct {
		what   string
		schema *Schema
	}{{"inputs", &t.Inputs}, {"outputs", &t.Outputs}} {
		if side.schema.Type != "object" {
			bad("%s must be an object schema, not %q", side.what, side.schema.Type)
		}
		for _, p := range side.schema.Properties {
			if !IsName(p.Name) {
				bad("%s: %q is not a name (letters, digits, _ and -)", side.what, p.Name)
			}
		}
		if err := side.schema.Validate(); err != nil {
			bad("%s: %w", side.what, err)
		}
	}
	for _, p := range t.Inputs.Properties {
		if slices.Contains(reserved, p.Name) {
			bad("input %q is a word of the pipeline language; name it otherwise", p.Name)
		}
	}
	for _, p := range t.Outputs.Properties {
		if from := p.Schema.TypeFrom; from != "" {
			if in, ok := t.Inputs.Properties.Get(from); !ok || in.XType != XTypeSchema {
				bad("output %q: x-type-from names %q, which is no input with x-type \"type\"", p.Name, from)
			}
		}
	}
	for _, g := range t.Grants {
		if !slices.Contains(grants, g) {
			bad("unknown grant %q (known: %s)", g, strings.Join(grants, ", "))
		}
	}
	if t.Concurrency < 0 {
		bad("concurrency may not be negative")
	}
	if t.Workflow != "" {
		t.validateText("workflow", t.Workflow, bad)
	}
	t.validateNeed(t.Device, bad)
	t.validateCases(bad)
	return errors.Join(errs...)
}

// validateText checks what names an input that the host reads.
func (t NodeType) validateText(what, name string, bad func(format string, args ...any)) {
	switch in, ok := t.Inputs.Properties.Get(name); {
	case !ok:
		bad("%s names %q, which is no input", what, name)
	case in.Type != "string":
		bad("%s names the input %q, which is no text", what, name)
	case in.Sensitive:
		bad("%s names the input %q, which is sensitive", what, name)
	}
}

var schemaTypes = []string{"", "string", "number", "integer", "boolean", "array", "object"}

// Validate says everything that is wrong with the schema itself, joined.
func (s Schema) Validate() error {
	v := schemaValidator{}
	v.schema("", &s, 1)
	return errors.Join(v.errs...)
}

type schemaValidator struct{ errs []error }

func (v *schemaValidator) add(path, format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if path != "" {
		err = fmt.Errorf("%s: %w", path, err)
	}
	v.errs = append(v.errs, err)
}

func (v *schemaValidator) schema(path string, s *Schema, depth int) {
	if depth > MaxDepth {
		v.add(path, "nested too deep")
		return
	}
	if !slices.Contains(schemaTypes, s.Type) {
		v.add(path, "unknown type %q (known: %s)", s.Type, strings.Join(schemaTypes[1:], ", "))
	}
	switch s.XType {
	case "", XArtifact, XTypeSchema:
	case XTools:
		if s.Type != "array" {
			v.add(path, "x-type \"tools\" is for arrays")
		}
	default:
		v.add(path, "unknown x-type %q (known: artifact, type, tools)", s.XType)
	}
	switch kind := s.ModelFile; {
	case kind == "":
	case s.Type != "string" || s.Sensitive:
		v.add(path, "x-model is for texts that are not sensitive")
	case !IsModelFile(kind + "/x"):
		v.add(path, "x-model %q is no kind of model files: want the name of a folder, such as \"loras\"", kind)
	}
	for _, name := range strings.Split(s.Setting, "|") {
		if s.Setting != "" && !IsName(name) {
			v.add(path, "x-setting %q is no name of a setting", name)
		}
	}
	if s.Pattern != "" {
		if _, err := compiled(s.Pattern); err != nil {
			v.add(path, "pattern %q is not a regular expression in RE2 syntax", s.Pattern)
		}
	}
	v.bounds(path, s)
	seen := map[string]bool{}
	for i := range s.Properties {
		p := &s.Properties[i]
		if seen[p.Name] {
			v.add(path, "property %q stands twice", p.Name)
		}
		seen[p.Name] = true
		v.schema(join(path, p.Name), &p.Schema, depth+1)
	}
	for _, r := range s.Required {
		if !seen[r] {
			v.add(path, "%q is required but is no property", r)
		}
	}
	if s.Items != nil {
		v.schema(path+"[]", s.Items, depth+1)
	}
	if s.Additional != nil {
		v.schema(join(path, "*"), s.Additional, depth+1)
	}
	v.defaults(path, s)
}

func (v *schemaValidator) bounds(path string, s *Schema) {
	for _, n := range []*json.Number{s.Minimum, s.Maximum} {
		if n != nil && !isNumber(string(*n)) {
			v.add(path, "%q is not a number", *n)
			return
		}
	}
	if s.Minimum != nil && s.Maximum != nil && compareNumbers(string(*s.Minimum), string(*s.Maximum)) > 0 {
		v.add(path, "minimum %s is above maximum %s", *s.Minimum, *s.Maximum)
	}
	for _, pair := range [][2]*int{{s.MinLength, s.MaxLength}, {s.MinItems, s.MaxItems}} {
		if pair[0] != nil && pair[1] != nil && *pair[0] > *pair[1] {
			v.add(path, "the least length %d is above the greatest, %d", *pair[0], *pair[1])
		}
	}
}

// defaults checks that a default fits its own schema.
func (v *schemaValidator) defaults(path string, s *Schema) {
	if s.Default == nil || s.XType == XTypeSchema || s.XType == XTools {
		return
	}
	for _, x := range s.Check(s.Default) {
		v.add(path, "default: %s", x)
	}
}

func prefixed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
