package suite

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/lsp/answer"
	"github.com/myspinbot/spinbot/host/internal/lsp/docs"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// completion gathers the proposals for one place.
type completion struct {
	*Answerer
	p     outline.Place
	at    protocol.Range
	items []protocol.CompletionItem
}

// Completion proposes what may be written at an offset.
func (a *Answerer) Completion(offset int) protocol.CompletionList {
	p := a.File.At(offset)
	c := &completion{Answerer: a, p: p, at: a.span(a.File, p.From, p.To), items: []protocol.CompletionItem{}}
	switch p.Want {
	case place.Item:
		c.inBlock(offset)
	case place.Labels:
		c.label()
	case place.Key:
		c.key()
	case place.Value:
		c.value()
	case place.Member:
		c.member()
	case place.Text:
		c.text()
	case place.Head, place.Nothing:
	}
	return protocol.CompletionList{Items: c.items}
}

// add proposes an item that puts text in the place of the name at the cursor; a snippet has places to fill in.
func (c *completion) add(item protocol.CompletionItem, text, snippet string) {
	item.SortText = fmt.Sprintf("%04d", len(c.items))
	item.TextEdit = &protocol.TextEdit{Range: c.at, NewText: text}
	if c.Snippets && snippet != "" {
		item.TextEdit.NewText, item.InsertTextFormat = snippet, 2
	}
	c.items = append(c.items, item)
}

// inBlock proposes attributes and blocks.
func (c *completion) inBlock(offset int) {
	c.items = c.words().Completion(offset).Items
	if n := len(c.p.Blocks); n > 0 && c.p.Blocks[n-1].Type == "answer" {
		c.items = slices.DeleteFunc(c.items, func(i protocol.CompletionItem) bool { return !fits(c.p, i.Label) })
	}
}

// fits says whether a word of an answer suits whom it answers: a gate, or a node.
func fits(p outline.Place, word string) bool {
	gate := slices.Contains([]string{"approved", "form", "timed_out", "message"}, word)
	node := slices.Contains([]string{"decide", "inputs", "outputs"}, word)
	toNode := strings.Contains(label(p), "node.")
	if toNode {
		return !gate
	}
	return !node
}

// label proposes what mocks stand in for, who is answered, and artifacts.
func (c *completion) label() {
	all := vertices(c.pipeline(c.p))
	propose := func(label, detail, doc string) {
		if !slices.ContainsFunc(c.items, func(i protocol.CompletionItem) bool { return i.Label == label }) {
			c.add(protocol.CompletionItem{Label: label, Kind: protocol.CompletionReference, Detail: detail, Documentation: protocol.Markdown(doc)}, label, "")
		}
	}
	switch c.p.Blocks[len(c.p.Blocks)-1].Type {
	case "mock":
		for _, v := range all {
			if t, ok := v.file.NodeType(v.decl.Item); ok {
				propose(t.Name, docs.FirstLine(t.Description), docs.Type(t))
			}
		}
		for _, v := range all {
			if t, ok := v.file.NodeType(v.decl.Item); ok {
				propose(v.address, t.Name, docs.Type(t))
			}
		}
	case "answer":
		for _, root := range []string{"gate", "node"} {
			for _, v := range all {
				if v.decl.Root == root {
					propose(strings.TrimPrefix(v.address, "gate."), root, v.file.Description(v.decl))
				}
			}
		}
	case "artifact":
		for _, o := range declared(c.pipeline(c.p), "output").Properties {
			if s := o.Schema; s.IsArtifact() || s.Type == "" {
				propose("output."+o.Name, typeexpr.SchemaText(s), s.Description)
			}
		}
	}
}

// key proposes the keys of an object whose type is known.
func (c *completion) key() {
	_, s, ok := c.expected(c.p)
	if !ok || !c.p.Typed {
		return
	}
	src := c.File.Text.String()
	quoted := strings.HasSuffix(src[:c.p.From], `"`)
	line, start := c.File.Text.Line(c.p.To)
	follows := strings.HasPrefix(strings.TrimLeft(line[c.p.To-start:], "\" \t"), "=")
	for _, in := range s.Properties {
		detail := typeexpr.SchemaText(in.Schema)
		if len(detail) > 40 { // the states of a node
			detail = in.Schema.Type
		}
		item := protocol.CompletionItem{Label: in.Name, Kind: protocol.CompletionField, Detail: detail, Documentation: protocol.Markdown(docs.Schema(in.Schema))}
		name := in.Name
		if !sdk.IsName(name) && !quoted {
			name = strconv.Quote(name)
		}
		if quoted || follows {
			c.add(item, name, "")
			continue
		}
		c.add(item, name+" = ", docs.Escape(name)+" = "+docs.ValueSnippet(in.Schema, 0))
	}
}

// value proposes what is expected first, then names, then functions.
func (c *completion) value() {
	_, s, ok := c.expected(c.p)
	if options := s.Enum; ok && c.p.Typed {
		if s.Type == "boolean" && len(options) == 0 {
			options = []any{true, false}
		}
		for _, o := range options {
			c.add(protocol.CompletionItem{Label: typeexpr.JSONText(o), Kind: protocol.CompletionEnumMember}, typeexpr.JSONText(o), "")
		}
	}
	for _, n := range c.visible(c.p).Properties {
		item := protocol.CompletionItem{Label: n.Name, Kind: protocol.CompletionVariable, Documentation: protocol.Markdown(n.Schema.Description)}
		c.add(item, n.Name, "")
	}
	for _, item := range answer.Functions() {
		c.add(item, item.Label+"()", item.Label+"($1)")
	}
}

// member proposes what may follow a dot.
func (c *completion) member() {
	s, ok := outline.Follow(c.visible(c.p), c.p.Receiver)
	if !ok {
		return
	}
	if s.IsArtifact() {
		s = outline.ArtifactSchema
	}
	for _, m := range s.Properties {
		item := protocol.CompletionItem{Label: m.Name, Kind: protocol.CompletionField, Detail: typeexpr.SchemaText(m.Schema), Documentation: protocol.Markdown(m.Schema.Description)}
		c.add(item, m.Name, "")
	}
}

// text proposes what may stand in quotes: options and paths.
func (c *completion) text() {
	word, s, _ := c.expected(c.p)
	switch {
	case word.Type == "path", readsFile(c.p):
		c.paths()
	case c.p.Typed:
		for _, o := range s.Enum {
			if text, ok := o.(string); ok {
				c.add(protocol.CompletionItem{Label: text, Kind: protocol.CompletionEnumMember}, text, "")
			}
		}
	}
}

// paths proposes files and folders beside the test file.
func (c *completion) paths() {
	dir := c.p.Word[:strings.LastIndexByte(c.p.Word, '/')+1]
	c.at = c.span(c.File, c.p.From+len(dir), c.p.To)
	for _, name := range c.Workspace.List(path.Join(path.Dir(c.File.Path), dir)) {
		kind := protocol.CompletionFile
		if strings.HasSuffix(name, "/") {
			kind = protocol.CompletionFolder
		}
		if !strings.HasPrefix(name, ".") {
			c.add(protocol.CompletionItem{Label: name, Kind: kind}, name, "")
		}
	}
}
