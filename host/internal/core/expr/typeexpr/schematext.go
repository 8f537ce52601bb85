package typeexpr

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// SchemaText writes a schema as the language's types, for documentation: with options instead of a type where there
// are some, media types and limits.
func SchemaText(s sdk.Schema) string {
	text := s.Type
	switch {
	case s.IsArtifact():
		text = "artifact"
		if len(s.Accept) > 0 {
			text += " (" + strings.Join(s.Accept, ", ") + ")"
		}
	case s.XType == sdk.XTypeSchema:
		text = "type"
	case s.XType == sdk.XTools:
		text = "list of node types"
	case len(s.Enum) > 0:
		options := make([]string, len(s.Enum))
		for i, o := range s.Enum {
			options[i] = JSONText(o)
		}
		text = strings.Join(options, " | ")
	case s.Format != "":
		text = s.Format
	case s.Type == "array" && s.Items != nil:
		text = "list(" + SchemaText(*s.Items) + ")"
	case s.Type == "object" && len(s.Properties) > 0:
		text = "object({" + strings.Join(s.Properties.Names(), ", ") + "})"
	case s.Type == "object" && s.Additional != nil:
		text = "map(" + SchemaText(*s.Additional) + ")"
	case s.Type == "boolean":
		text = "bool"
	case s.Type == "":
		text = "any"
	}
	return text + limitsText(s.Minimum, s.Maximum)
}

func limitsText(low, high *json.Number) string {
	switch {
	case low != nil && high != nil:
		return fmt.Sprintf(" %s..%s", *low, *high)
	case low != nil:
		return fmt.Sprintf(" ≥ %s", *low)
	case high != nil:
		return fmt.Sprintf(" ≤ %s", *high)
	}
	return ""
}

// JSONText writes a value as JSON does, which is how a pipeline writes it too where it is a text, a number or a bool.
func JSONText(v any) string {
	raw, err := sdk.Values{"v": v}.MarshalJSON()
	if err != nil {
		return "?"
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(raw), `{"v":`), "}")
}
