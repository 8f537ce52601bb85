// Package nodedoc writes what node types say of themselves as a page of Markdown, for docs/.
package nodedoc

import (
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/sdk"
)

// Type writes a node type under a heading of that level: what it does, what it asks for, examples, inputs and outputs.
func Type(b *strings.Builder, level int, n sdk.NodeType) {
	fmt.Fprintf(b, "\n%s %s\n\n%s.\n", strings.Repeat("#", level), n.Name, strings.TrimSuffix(n.Description, "."))
	if len(n.Grants) > 0 {
		fmt.Fprintf(b, "\nIt asks for %s: `spinbot plugins grant %s …`.\n", strings.Join(n.Grants, ", "), n.Name)
	}
	if asks := device(n.Device); asks != "" {
		fmt.Fprintf(b, "\nIt asks for %s.\n", asks)
	}
	for _, e := range n.Examples {
		fmt.Fprintf(b, "\n%s:\n\n```hcl\n%s\n```\n", e.Title, strings.TrimSpace(e.HCL))
	}
	Properties(b, "input", n.Inputs)
	Properties(b, "output", n.Outputs)
}

// device is what a node type wants of devices when a pipeline does not say; empty: nothing.
func device(d *sdk.DeviceNeed) string {
	if d == nil {
		return ""
	}
	text := "a device"
	if d.Count > 1 {
		text = fmt.Sprintf("%d devices", d.Count)
	}
	if d.Memory > 0 {
		text += fmt.Sprintf(" with %.3g GiB free", float64(d.Memory)/(1<<30))
	}
	if d.Exclusive {
		text += ", which it has alone"
	}
	return text
}

// Properties writes a table of an object's properties, and of theirs; nothing when there are none.
func Properties(b *strings.Builder, what string, s sdk.Schema) {
	if len(s.Properties) == 0 {
		return
	}
	fmt.Fprintf(b, "\n| %s | type | | |\n|---|---|---|---|\n", what)
	for _, p := range s.Properties {
		property(b, p.Name, p.Schema, s.IsRequired(p.Name) && what == "input")
	}
}

func property(b *strings.Builder, name string, s sdk.Schema, required bool) {
	note := ""
	switch {
	case required:
		note = "required"
	case s.Default != nil:
		note = fmt.Sprintf("`%v`", s.Default)
	}
	cells := strings.NewReplacer("|", `\|`, "\n", " ")
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, cells.Replace(typeexpr.SchemaText(s)), cells.Replace(note), cells.Replace(s.Description))
	inner, prefix := s, name+"."
	if s.Type == "array" && s.Items != nil {
		inner, prefix = *s.Items, name+"[]."
	}
	if inner.Type == "object" && !inner.IsArtifact() {
		for _, p := range inner.Properties {
			property(b, prefix+p.Name, p.Schema, inner.IsRequired(p.Name) && required)
		}
	}
}
