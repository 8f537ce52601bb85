package suite

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/lsp/answer"
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
		return a.words().Hover(offset)
	}
	rng := a.span(a.File, p.From, p.To)
	return &protocol.Hover{Contents: *protocol.Markdown(doc), Range: &rng}
}

func (a *Answerer) docAt(p outline.Place) string {
	name := a.File.Text.String()[p.From:p.To]
	switch p.Name {
	case place.LabelName:
		if b := p.Blocks[len(p.Blocks)-1].Type; b != "mock" && b != "answer" {
			return ""
		}
		v, t, ok := a.target(p)
		switch {
		case !ok:
		case t.Name != "":
			return docs.Paragraphs(docs.Code(t.Name), docs.Type(t))
		default:
			return docs.Paragraphs(docs.Code(v.address), v.file.Description(v.decl), docs.Members(v.file.Outputs(v.decl.Item)))
		}
	case place.KeyName:
		if _, s, ok := a.expected(p); ok && p.Typed {
			if in, ok := s.Properties.Get(name); ok {
				return docs.Paragraphs(docs.Code(name+": "+typeexpr.SchemaText(in)), docs.Schema(in))
			}
		}
	case place.FunctionName:
		return answer.FunctionDoc(name)
	case place.Reference:
		return a.referenceDoc(p, name)
	default:
	}
	return ""
}

// referenceDoc documents one part of a reference.
func (a *Answerer) referenceDoc(p outline.Place, name string) string {
	within := a.visible(p)
	if p.Want != place.Value {
		s, ok := outline.Follow(within, p.Receiver)
		if !ok {
			return ""
		}
		if s.IsArtifact() {
			s = outline.ArtifactSchema
		}
		within = s
		name = p.Receiver + "." + name
	}
	s, ok := within.Properties.Get(name[strings.LastIndexByte(name, '.')+1:])
	if !ok {
		return ""
	}
	return docs.Paragraphs(docs.Code(name+": "+typeexpr.SchemaText(s)), docs.Schema(s), docs.Members(s))
}

// Signature says how the function around an offset is called; nil when there is none.
func (a *Answerer) Signature(offset int) *protocol.SignatureHelp {
	return (&answer.Answerer{File: a.File, Encoding: a.Encoding}).Signature(offset)
}

// Definition says where what stands at an offset is declared: in the pipeline, or which file it is.
func (a *Answerer) Definition(offset int) []protocol.Location {
	p := a.File.At(offset)
	if file := a.fileAt(p); file != "" && p.Want == place.Text && a.Workspace.Exists(file) {
		return []protocol.Location{{URI: a.Workspace.URI(file)}}
	}
	name := a.File.Text.String()[p.From:p.To]
	switch {
	case p.Name == place.LabelName:
		v, _, ok := a.target(p)
		if ok && v.file != nil {
			return a.declaration(v.file, v.decl.Root, v.decl.Name)
		}
		for _, v := range vertices(a.pipeline(p)) { // the first node of the type
			if t, ok := v.file.NodeType(v.decl.Item); ok && t.Name == name {
				return a.declaration(v.file, v.decl.Root, v.decl.Name)
			}
		}
	case p.Name == place.KeyName && len(p.Path) == 0:
		return a.keyDefinition(p, name)
	}
	if p.Name != place.Reference || p.Want != place.Member {
		return nil
	}
	root, rest, _ := strings.Cut(p.Receiver, ".")
	if rest != "" { // a part of what is declared: output.story.text
		end := strings.IndexFunc(rest, func(r rune) bool { return r == '.' || r == '[' })
		if name = rest; end >= 0 {
			name = rest[:end]
		}
	}
	return a.declaration(a.pipeline(p), root, name)
}

// keyDefinition finds what a key of inputs, outputs or nodes names.
func (a *Answerer) keyDefinition(p outline.Place, name string) []protocol.Location {
	block := ""
	if n := len(p.Blocks); n > 0 {
		block = p.Blocks[n-1].Type
	}
	switch block + "." + p.Attribute {
	case "run.inputs":
		return a.declaration(a.pipeline(p), "var", name)
	case "expect.outputs":
		return a.declaration(a.pipeline(p), "output", name)
	case "expect.nodes":
		for _, v := range vertices(a.pipeline(p)) {
			if v.address == name {
				return a.declaration(v.file, v.decl.Root, v.decl.Name)
			}
		}
	}
	return nil
}

func (a *Answerer) declaration(f *outline.File, root, name string) []protocol.Location {
	if f == nil {
		return nil
	}
	d, ok := f.Decl(root, name)
	if !ok {
		return nil
	}
	return []protocol.Location{{URI: a.Workspace.URI(f.Path), Range: a.span(f, d.From, d.To)}}
}
