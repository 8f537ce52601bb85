package sdk

import "fmt"

// Tool is a node type that a node may ask for by its outputs, such as what a language model wants to be called: an input of
// type []Tool is written as a list of names of node types. The node says which calls it wants; nodes of the pipeline
// carry them out.
type Tool struct {
	// Name is the node type's, such as "control.http".
	Name        string
	Description string
	// Inputs are those that can be written as JSON: neither artifacts, nor types, nor what is sensitive.
	Inputs Schema
}

// toolsSchema is what an input of []Tool has to fit. Its Inputs are read when it is bound.
var toolsSchema = &Schema{Type: "array", Items: &Schema{Type: "object", Required: []string{"name", "inputs"}, Properties: Properties{
	{"name", Schema{Type: "string"}}, {"description", Schema{Type: "string"}}, {"inputs", Schema{Type: "object", XType: XTypeSchema}},
}}}

// ToolOf describes a node type as a tool. One that requires an input which cannot be written as JSON is none.
func ToolOf(t NodeType) (Tool, error) {
	out := Tool{Name: t.Name, Description: t.Description, Inputs: t.Inputs}
	out.Inputs.Properties, out.Inputs.Required = nil, nil
	if more := t.Inputs.Additional; more != nil && more.unwritable() != "" {
		out.Inputs.Additional = nil
	}
	for _, p := range t.Inputs.Properties {
		required := t.Inputs.IsRequired(p.Name)
		if why := p.Schema.unwritable(); why != "" {
			if required {
				return Tool{}, fmt.Errorf("%s requires the input %q, %s", t.Name, p.Name, why)
			}
			continue
		}
		out.Inputs.Properties = append(out.Inputs.Properties, p)
		if required {
			out.Inputs.Required = append(out.Inputs.Required, p.Name)
		}
	}
	return out, nil
}

// unwritable says why no value of the schema can be written as JSON by a model; empty when one can.
func (s *Schema) unwritable() string {
	switch {
	case s.XType != "":
		return "which is of the kind " + s.XType
	case s.Sensitive:
		return "which is sensitive"
	case s.Items != nil && s.Items.unwritable() != "":
		return s.Items.unwritable()
	case s.Additional != nil && s.Additional.unwritable() != "":
		return s.Additional.unwritable()
	}
	for i := range s.Properties {
		if why := s.Properties[i].Schema.unwritable(); why != "" {
			return why
		}
	}
	return ""
}
