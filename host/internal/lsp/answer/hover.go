package answer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// Hover documents what stands at an offset; nil when there is nothing to say.
func (a *Answerer) Hover(offset int) *protocol.Hover {
	p := a.File.At(offset)
	doc := a.docAt(p)
	if doc == "" {
		return nil
	}
	rng := a.span(a.File, p.From, p.To)
	return &protocol.Hover{Contents: *protocol.Markdown(doc), Range: &rng}
}

func (a *Answerer) docAt(p outline.Place) string {
	name := a.File.Text.String()[p.From:p.To]
	switch p.Name {
	case place.BlockName:
		if b, ok := blockOf(p); ok {
			return code(name) + "\n\n" + b.Doc
		}
	case place.LabelName:
		return a.labelDoc(p, name)
	case place.AttributeName:
		return a.attributeDoc(p, name)
	case place.KeyName:
		_, s, _ := a.File.Expected(p)
		if in, ok := s.Properties.Get(name); ok && p.Typed {
			return code(name+": "+expr.SchemaText(in)) + "\n\n" + schemaDoc(in)
		}
	case place.FunctionName:
		for _, f := range documented {
			if f.Name == name {
				return code(f.Signature()) + "\n\n" + functionDoc(f)
			}
		}
		return a.typeWordDoc(name)
	case place.Reference:
		return a.referenceDoc(p, name)
	case place.LoopName, place.NoName:
	}
	return ""
}

// labelDoc documents a node type, or what a block with that name gives.
func (a *Answerer) labelDoc(p outline.Place, name string) string {
	b, ok := blockOf(p)
	if !ok || p.Label >= len(b.Labels) {
		return ""
	}
	if b.Labels[p.Label] == "type" {
		t, ok := a.File.World.NodeType(a.File.TypeName(name))
		if !ok {
			return ""
		}
		return code(name) + "\n\n" + typeDoc(t)
	}
	for _, root := range declared {
		if d, ok := a.File.Decl(root, name); ok && d.From == p.From {
			return a.declDoc(d)
		}
	}
	return b.Doc
}

func (a *Answerer) attributeDoc(p outline.Place, name string) string {
	b, ok := blockOf(p)
	if !ok {
		return ""
	}
	if w, ok := b.Word(name); ok {
		return code(name+": "+w.Type) + "\n\n" + wordDoc(w)
	}
	if b.Names {
		return code("local." + name + ": " + expr.SchemaText(a.File.Type("local", name)))
	}
	if takes, ok := a.File.Takes(p.Item); ok && b.Inputs {
		if in, ok := takes.Properties.Get(name); ok {
			need := ""
			if takes.IsRequired(name) {
				need = ", required"
			}
			return code(name+": "+expr.SchemaText(in)+need) + "\n\n" + schemaDoc(in)
		}
	}
	return ""
}

func (a *Answerer) typeWordDoc(name string) string {
	if !isTypeWord(name) {
		return ""
	}
	b, _ := pipeline.Find("variable")
	w, _ := b.Word("type")
	return code(name) + "\n\n" + w.Doc
}

// referenceDoc documents one part of a reference.
func (a *Answerer) referenceDoc(p outline.Place, name string) string {
	if p.Want == place.Value {
		if s, ok := a.File.Named(name, p); ok {
			return paragraphs(code(name+": "+expr.SchemaText(s)), rootDoc(name), membersDoc(s))
		}
		if doc := rootDoc(name); doc != "" {
			return code(name) + "\n\n" + doc
		}
		return a.typeWordDoc(name)
	}
	if _, local := a.File.Named(p.Receiver, p); !local && slices.Contains(declared, p.Receiver) {
		if d, ok := a.File.Decl(p.Receiver, name); ok {
			return a.declDoc(d)
		}
		return ""
	}
	whole, ok := a.File.Resolve(p.Receiver, p)
	if whole.IsArtifact() {
		whole = outline.ArtifactSchema
	}
	s, there := whole.Properties.Get(name)
	if !ok || !there {
		return ""
	}
	return paragraphs(code(p.Receiver+"."+name+": "+expr.SchemaText(s)), schemaDoc(s), membersDoc(s))
}

// declDoc documents what a declaration is and gives.
func (a *Answerer) declDoc(d outline.Decl) string {
	s := a.File.Type(d.Root, d.Name)
	head := d.Root + "." + d.Name + ": " + expr.SchemaText(s)
	switch d.Root {
	case "node":
		head = fmt.Sprintf("node %q %q", a.File.Label(d.Item, 0), d.Name)
	case "gate":
		head = fmt.Sprintf("gate %q", d.Name)
	case "module":
		head = fmt.Sprintf("module %q from %s", d.Name, a.File.Source(d, "source"))
	case "output":
		head = fmt.Sprintf("output %q: %s", d.Name, expr.SchemaText(s))
	}
	parts := []string{code(head), a.File.Description(d)}
	if d.Root == "node" {
		if t, ok := a.File.NodeType(d.Item); ok {
			parts = append(parts, t.Description)
		}
	}
	if v := a.File.Source(d, "default"); v != "" && d.Root == "var" {
		parts = append(parts, "Default: `"+firstLine(v)+"`")
	}
	if v := a.File.Source(d, d.Name); d.Root == "local" && v != "" && len(v) < 200 {
		parts = append(parts, code(v))
	}
	return paragraphs(append(parts, membersDoc(s))...)
}

// membersDoc lists what can be asked of a value.
func membersDoc(s sdk.Schema) string {
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

func paragraphs(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n\n")
}

func code(s string) string { return "```hcl\n" + s + "\n```" }

// typeDoc documents a node type.
func typeDoc(t sdk.NodeType) string {
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
		parts = append(parts, "**"+strings.TrimSpace("Example: "+e.Title)+"**", code(strings.TrimSpace(e.HCL)))
	}
	return paragraphs(parts...)
}

func properties(s sdk.Schema, inputs bool) string {
	var b strings.Builder
	for _, p := range s.Properties {
		fmt.Fprintf(&b, "- `%s` %s", p.Name, expr.SchemaText(p.Schema))
		switch {
		case p.Schema.Default != nil:
			fmt.Fprintf(&b, " = %s", expr.JSONText(p.Schema.Default))
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

func schemaDoc(s sdk.Schema) string {
	parts := []string{s.Description}
	if s.Default != nil {
		parts = append(parts, "Default: `"+expr.JSONText(s.Default)+"`")
	}
	if s.Pattern != "" {
		parts = append(parts, "Matches `"+s.Pattern+"`")
	}
	return paragraphs(parts...)
}

func wordDoc(w pipeline.Word) string {
	parts := []string{w.Doc}
	if len(w.Options) > 0 {
		parts = append(parts, "One of `"+strings.Join(w.Options, "`, `")+"`")
	}
	if w.Default != "" {
		parts = append(parts, "Default: `"+w.Default+"`")
	}
	return paragraphs(parts...)
}

func functionDoc(f expr.Function) string {
	return f.Doc + "\n\n" + code(f.Example+"  # "+f.Result)
}

// Signature says how the function around an offset is called; nil when there is none.
func (a *Answerer) Signature(offset int) *protocol.SignatureHelp {
	p := a.File.At(offset)
	i := slices.IndexFunc(documented, func(f expr.Function) bool { return f.Name == p.Call })
	if i < 0 {
		return nil
	}
	f := documented[i]
	params := f.Params()
	s := protocol.Signature{Label: f.Signature(), Documentation: protocol.Markdown(functionDoc(f)), Parameters: []protocol.Parameter{}}
	at := len(f.Name) + 1
	for _, param := range params {
		width := len(param.Name) + len(": ") + len(param.Type)
		if param.Variadic {
			width += len("...")
		}
		end := at + width
		s.Parameters = append(s.Parameters, protocol.Parameter{Label: [2]int{at, end}})
		at = end + len(", ")
	}
	return &protocol.SignatureHelp{Signatures: []protocol.Signature{s}, ActiveParameter: max(0, min(p.Arg, len(params)-1))}
}
