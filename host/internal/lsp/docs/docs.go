// Package docs writes what an editor shows of node types, types, words of the language and functions: as Markdown, and as
// snippets with places to fill in.
package docs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/sdk"
)

// Members lists what can be asked of a value.
func Members(s sdk.Schema) string {
	lead := "Gives"
	switch {
	case s.Items != nil && s.Type == "array":
		lead, s = "A list; each element gives", *s.Items
	case s.Additional != nil && s.Type == "object":
		lead, s = "A map; each element gives", *s.Additional
	case s.Items != nil:
		lead, s = "A list or a map; each element gives", *s.Items
	}
	if len(s.Properties) == 0 {
		return ""
	}
	return lead + "\n\n" + properties(s, false)
}

// Paragraphs puts what there is under one another.
func Paragraphs(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n\n")
}

// Code is a piece of HCL.
func Code(s string) string { return "```hcl\n" + s + "\n```" }

// Type documents a node type.
func Type(t sdk.NodeType) string {
	parts := []string{t.Description}
	if len(t.Inputs.Properties) > 0 {
		parts = append(parts, "**Inputs**", properties(t.Inputs, true))
	}
	if len(t.Outputs.Properties) > 0 {
		parts = append(parts, "**Outputs**", properties(t.Outputs, false))
	}
	var notes []string
	if d := t.Device; d != nil {
		notes = append(notes, "needs a device with "+sdk.FormatSize(d.Memory))
	}
	if len(t.Grants) > 0 {
		notes = append(notes, "asks for "+strings.Join(t.Grants, ", "))
	}
	if len(notes) > 0 {
		parts = append(parts, "*"+strings.Join(notes, "; ")+"*")
	}
	for _, e := range t.Examples {
		parts = append(parts, "**"+strings.TrimSpace("Example: "+e.Title)+"**", Code(strings.TrimSpace(e.HCL)))
	}
	return Paragraphs(parts...)
}

func properties(s sdk.Schema, inputs bool) string {
	var b strings.Builder
	for _, p := range s.Properties {
		fmt.Fprintf(&b, "- `%s` %s", p.Name, typeexpr.SchemaText(p.Schema))
		switch {
		case p.Schema.Default != nil:
			fmt.Fprintf(&b, " = %s", typeexpr.JSONText(p.Schema.Default))
		case inputs && s.IsRequired(p.Name):
			b.WriteString(", required")
		}
		if p.Schema.Description != "" {
			b.WriteString(": " + strings.ReplaceAll(p.Schema.Description, "\n", " "))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Schema documents an input or an output.
func Schema(s sdk.Schema) string {
	parts := []string{s.Description}
	if s.Default != nil {
		parts = append(parts, "Default: `"+typeexpr.JSONText(s.Default)+"`")
	}
	if s.Pattern != "" {
		parts = append(parts, "Matches `"+s.Pattern+"`")
	}
	return Paragraphs(parts...)
}

// Word documents an attribute of the language.
func Word(w language.Word) string {
	parts := []string{w.Doc}
	if len(w.Options) > 0 {
		parts = append(parts, "One of `"+strings.Join(w.Options, "`, `")+"`")
	}
	if w.Default != "" {
		parts = append(parts, "Default: `"+w.Default+"`")
	}
	return Paragraphs(parts...)
}

// Function documents a function.
func Function(f builtin.Function) string {
	return f.Doc + "\n\n" + Code(f.Example+"  # "+f.Result)
}

// BlockSnippet is a whole block with what it must have.
func BlockSnippet(b language.Block) string {
	s, n := b.Name, 0
	for _, l := range b.Labels {
		n++
		s += fmt.Sprintf(" \"${%d:%s}\"", n, l)
	}
	s += " {\n"
	longest := 0
	for _, w := range b.Words {
		if w.Required {
			longest = max(longest, len(w.Name))
		}
	}
	for _, w := range b.Words {
		if w.Required {
			n++
			s += fmt.Sprintf("  %-*s = $%d\n", longest, w.Name, n)
		}
	}
	return s + "  $0\n}"
}

// WordSnippet is how the value of an attribute begins.
func WordSnippet(w language.Word) string {
	switch {
	case len(w.Options) > 0:
		return "\"${1|" + strings.Join(w.Options, ",") + "|}\""
	case w.Type == "bool" && w.Default == "false":
		return "${1|true,false|}"
	case w.Type == "duration", w.Type == "size", w.Type == "path", w.Type == "string" && !w.Required:
		return "\"$1\""
	case w.Type == "nodes", strings.HasPrefix(w.Type, "list("):
		return "[$1]"
	case w.Type == "object":
		return "{ $1 }"
	}
	return "$1"
}

// ValueSnippet is how a value of a type begins. used counts the places to fill in that come before.
func ValueSnippet(s sdk.Schema, used int) string {
	at := fmt.Sprintf("$%d", used+1)
	switch {
	case s.IsArtifact(), s.XType != "":
	case len(s.Enum) > 0:
		options := make([]string, len(s.Enum))
		for i, o := range s.Enum {
			options[i] = strings.ReplaceAll(strings.ReplaceAll(typeexpr.JSONText(o), ",", `\,`), "|", `\|`)
		}
		return fmt.Sprintf("${%d|%s|}", used+1, strings.Join(options, ","))
	case s.Type == "boolean":
		return fmt.Sprintf("${%d|true,false|}", used+1)
	case s.Type == "string" && s.Format != "":
		return `"` + at + `"`
	case s.Type == "array" && s.Items != nil && s.Items.Type == "string":
		return "[" + at + "]"
	case s.Type == "object":
		return "{ " + at + " }"
	}
	return at
}

// Escape makes text stand for itself in a snippet.
func Escape(s string) string { return strings.NewReplacer(`\`, `\\`, `$`, `\$`, `}`, `\}`).Replace(s) }

// FirstLine is the first line of a text.
func FirstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
