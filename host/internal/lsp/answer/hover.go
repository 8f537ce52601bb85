package answer

import (
	"fmt"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/docs"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
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
			return docs.Code(name) + "\n\n" + b.Doc
		}
	case place.LabelName:
		return a.labelDoc(p, name)
	case place.AttributeName:
		return a.attributeDoc(p, name)
	case place.KeyName:
		_, s, _ := a.File.Expected(p)
		if in, ok := s.Properties.Get(name); ok && p.Typed {
			return docs.Code(name+": "+typeexpr.SchemaText(in)) + "\n\n" + docs.Schema(in)
		}
	case place.FunctionName:
		if doc := FunctionDoc(name); doc != "" {
			return doc
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
		return docs.Code(name) + "\n\n" + docs.Type(t)
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
		return docs.Code(name+": "+w.Type) + "\n\n" + docs.Word(w)
	}
	if b.Names {
		return docs.Code("local." + name + ": " + typeexpr.SchemaText(a.File.Type("local", name)))
	}
	if takes, ok := a.File.Takes(p.Item); ok && b.Inputs {
		if in, ok := takes.Properties.Get(name); ok {
			need := ""
			if takes.IsRequired(name) {
				need = ", required"
			}
			return docs.Code(name+": "+typeexpr.SchemaText(in)+need) + "\n\n" + docs.Schema(in)
		}
	}
	return ""
}

func (a *Answerer) typeWordDoc(name string) string {
	if !isTypeWord(name) {
		return ""
	}
	b, _ := language.Find("variable")
	w, _ := b.Word("type")
	return docs.Code(name) + "\n\n" + w.Doc
}

// referenceDoc documents one part of a reference.
func (a *Answerer) referenceDoc(p outline.Place, name string) string {
	if p.Want == place.Value {
		if s, ok := a.File.Named(name, p); ok {
			return docs.Paragraphs(docs.Code(name+": "+typeexpr.SchemaText(s)), rootDoc(name), docs.Members(s))
		}
		if doc := rootDoc(name); doc != "" {
			return docs.Code(name) + "\n\n" + doc
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
	return docs.Paragraphs(docs.Code(p.Receiver+"."+name+": "+typeexpr.SchemaText(s)), docs.Schema(s), docs.Members(s))
}

// declDoc documents what a declaration is and gives.
func (a *Answerer) declDoc(d outline.Decl) string {
	s := a.File.Type(d.Root, d.Name)
	head := d.Root + "." + d.Name + ": " + typeexpr.SchemaText(s)
	switch d.Root {
	case "node":
		head = fmt.Sprintf("node %q %q", a.File.Label(d.Item, 0), d.Name)
	case "gate":
		head = fmt.Sprintf("gate %q", d.Name)
	case "module":
		head = fmt.Sprintf("module %q from %s", d.Name, a.File.Source(d, "source"))
	case "output":
		head = fmt.Sprintf("output %q: %s", d.Name, typeexpr.SchemaText(s))
	}
	parts := []string{docs.Code(head), a.File.Description(d)}
	if d.Root == "node" {
		if t, ok := a.File.NodeType(d.Item); ok {
			parts = append(parts, t.Description)
		}
	}
	if v := a.File.Source(d, "default"); v != "" && d.Root == "var" {
		parts = append(parts, "Default: `"+docs.FirstLine(v)+"`")
	}
	if v := a.File.Source(d, d.Name); d.Root == "local" && v != "" && len(v) < 200 {
		parts = append(parts, docs.Code(v))
	}
	return docs.Paragraphs(append(parts, docs.Members(s))...)
}

// FunctionDoc documents a function; empty when there is none of that name.
func FunctionDoc(name string) string {
	for _, f := range documented {
		if f.Name == name {
			return docs.Code(f.Signature()) + "\n\n" + docs.Function(f)
		}
	}
	return ""
}

// Signature says how the function around an offset is called; nil when there is none.
func (a *Answerer) Signature(offset int) *protocol.SignatureHelp {
	p := a.File.At(offset)
	i := slices.IndexFunc(documented, func(f builtin.Function) bool { return f.Name == p.Call })
	if i < 0 {
		return nil
	}
	f := documented[i]
	params := f.Params()
	s := protocol.Signature{Label: f.Signature(), Documentation: protocol.Markdown(docs.Function(f)), Parameters: []protocol.Parameter{}}
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
