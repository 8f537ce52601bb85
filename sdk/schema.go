package sdk

import "encoding/json"

// Schema is the profile of JSON Schema that node types are written in. What it cannot say becomes "any" (an
// empty Schema) and is checked after evaluation. Objects are closed: what Properties does not name is refused
// unless Additional is set.
type Schema struct {
	// Type is "string", "number", "integer", "boolean", "array", "object", or "" for any.
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	// Properties of an object, in the order in which documentation shows them.
	Properties Properties `json:"properties,omitempty"`
	Required   []string   `json:"required,omitempty"`
	// Additional is the schema of a map's values: an object without Properties.
	Additional *Schema      `json:"additionalProperties,omitempty"`
	Items      *Schema      `json:"items,omitempty"`
	Enum       []any        `json:"enum,omitempty"`
	Default    any          `json:"default,omitempty"`
	Minimum    *json.Number `json:"minimum,omitempty"`
	Maximum    *json.Number `json:"maximum,omitempty"`
	MinLength  *int         `json:"minLength,omitempty"`
	MaxLength  *int         `json:"maxLength,omitempty"`
	MinItems   *int         `json:"minItems,omitempty"`
	MaxItems   *int         `json:"maxItems,omitempty"`
	Pattern    string       `json:"pattern,omitempty"`
	// Format "duration" and "bytes" let a pipeline write "5m" and "6GiB".
	Format string `json:"format,omitempty"`
	// XType "artifact" makes an object schema an artifact; "type" an input written as a type expression; "tools" an
	// input written as a list of names of node types, which reach the node as a list of Tool.
	XType string `json:"x-type,omitempty"`
	// Accept lists an artifact's media types, such as "image/*".
	Accept []string `json:"x-accept,omitempty"`
	// TypeFrom names the input whose type expression types this output.
	TypeFrom string `json:"x-type-from,omitempty"`
	// Sensitive values are masked wherever they would be shown.
	Sensitive bool `json:"x-sensitive,omitempty"`
	// ModelFile makes a text the name of a model file, and says of which kind: "checkpoints", "loras". A task is placed where
	// that file is: see NodeType.ModelFiles.
	ModelFile string `json:"x-model,omitempty"`
	// Setting is what the plugin has to be told in spinbot.hcl before the input can be used, such as "models_dir"; of several
	// names, with | between them, one. A pipeline that uses the input where no machine has it is refused before it runs.
	Setting string `json:"x-setting,omitempty"`
}

// Property is one named property of an object schema.
type Property struct {
	Name   string
	Schema Schema
}

// Properties keeps the order in which they were declared, in Go and in JSON.
type Properties []Property

// Get finds a property by name.
func (p Properties) Get(name string) (Schema, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Schema, true
		}
	}
	return Schema{}, false
}

// Names lists the properties in their order.
func (p Properties) Names() []string {
	names := make([]string, len(p))
	for i := range p {
		names[i] = p[i].Name
	}
	return names
}

// IsArtifact says whether the schema is that of an artifact.
func (s Schema) IsArtifact() bool { return s.XType == XArtifact }

// IsRequired says whether an object schema requires the property.
func (s Schema) IsRequired(name string) bool {
	for _, r := range s.Required {
		if r == name {
			return true
		}
	}
	return false
}

// The values of Schema.XType, and the formats that Check knows.
const (
	XArtifact      = "artifact"
	XTypeSchema    = "type"
	XTools         = "tools"
	FormatDuration = "duration"
	FormatBytes    = "bytes"
)
