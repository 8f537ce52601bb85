package answer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/docs"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// most is how many proposals are given at once; of more, those that hold what was typed.
const most = 300

// completion gathers the proposals for one place.
type completion struct {
	*Answerer
	p     outline.Place
	at    protocol.Range
	items []protocol.CompletionItem
	cut   bool
}

// Completion proposes what may be written at an offset.
func (a *Answerer) Completion(offset int) protocol.CompletionList {
	p := a.File.At(offset)
	c := &completion{Answerer: a, p: p, at: a.span(a.File, p.From, p.To), items: []protocol.CompletionItem{}}
	switch p.Want {
	case place.Item:
		c.inBlock()
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
	return protocol.CompletionList{IsIncomplete: c.cut, Items: c.items}
}

// add proposes an item that puts text in the place of the name at the cursor; a snippet has places to fill in.
func (c *completion) add(group int, item protocol.CompletionItem, text, snippet string) {
	item.SortText = fmt.Sprintf("%d%s", group, item.SortText)
	if item.TextEdit == nil {
		item.TextEdit = &protocol.TextEdit{Range: c.at}
	}
	item.TextEdit.NewText = text
	if c.Snippets && snippet != "" {
		item.TextEdit.NewText, item.InsertTextFormat = snippet, 2
	}
	c.items = append(c.items, item)
}

// inBlock proposes attributes and blocks.
func (c *completion) inBlock() {
	if len(c.p.Blocks) == 0 || c.p.Name == place.BlockName && len(c.p.Blocks) == 1 {
		c.blocks(language.Blocks(), 0)
		return
	}
	p := c.p
	if p.Name == place.BlockName {
		p.Blocks = p.Blocks[:len(p.Blocks)-1]
	}
	b, ok := blockOf(p)
	if !ok {
		return
	}
	here := p.Blocks[len(p.Blocks)-1]
	given := func(name string) bool { return slices.Contains(here.Names, name) && name != c.p.Word }
	if takes, ok := c.takes(); ok && b.Inputs {
		for i, in := range takes.Properties {
			if !given(in.Name) {
				c.input(i, in, takes.IsRequired(in.Name) && in.Schema.Default == nil)
			}
		}
	}
	for i, w := range b.Words {
		if given(w.Name) {
			continue
		}
		group := 2
		if w.Required {
			group = 0
		}
		item := protocol.CompletionItem{Label: w.Name, Kind: protocol.CompletionKeyword, Detail: w.Type, Documentation: protocol.Markdown(docs.Word(w)), SortText: order(i)}
		c.add(group, item, w.Name+" = ", w.Name+" = "+docs.WordSnippet(w))
	}
	c.blocks(slices.DeleteFunc(slices.Clone(b.Blocks), func(b language.Block) bool { return !b.Many && given(b.Name) }), 3)
}

func order(i int) string { return fmt.Sprintf("%03d", i) }

// takes is what the node, gate or module around takes as inputs.
func (c *completion) takes() (sdk.Schema, bool) {
	if c.p.Item < 0 {
		return sdk.Schema{}, false
	}
	return c.File.Takes(c.p.Item)
}

func (c *completion) input(i int, in sdk.Property, required bool) {
	group, detail := 1, typeexpr.SchemaText(in.Schema)
	if required {
		group, detail = 0, detail+", required"
	}
	item := protocol.CompletionItem{Label: in.Name, Kind: protocol.CompletionProperty, Detail: detail, Documentation: protocol.Markdown(docs.Schema(in.Schema)), SortText: order(i)}
	c.add(group, item, in.Name+" = ", in.Name+" = "+docs.ValueSnippet(in.Schema, 0))
}

func (c *completion) blocks(blocks []language.Block, group int) {
	for i, b := range blocks {
		item := protocol.CompletionItem{Label: b.Name, Kind: protocol.CompletionStruct, Detail: "block", Documentation: protocol.Markdown(b.Doc), SortText: order(i)}
		c.add(group, item, b.Name+" ", docs.BlockSnippet(b))
	}
}

// label proposes node types, kinds of triggers and plugins.
func (c *completion) label() {
	b, ok := blockOf(c.p)
	if !ok || c.p.Label >= len(b.Labels) {
		return
	}
	switch b.Labels[c.p.Label] {
	case "type":
		c.nodeTypes()
	case "kind":
		for _, kind := range []string{"cron", "webhook"} {
			c.add(0, protocol.CompletionItem{Label: kind, Kind: protocol.CompletionEnumMember}, kind, "")
		}
	case "plugin":
		seen := map[string]bool{}
		for _, name := range c.File.World.Names() {
			if plugin, _, ok := strings.Cut(name, "."); ok && !seen[plugin] {
				seen[plugin] = true
				c.add(0, protocol.CompletionItem{Label: plugin, Kind: protocol.CompletionModule}, plugin, "")
			}
		}
	}
}

// nodeTypes proposes node types by the names that the file calls them. Where nothing follows on the line, the whole
// node is proposed, with the inputs that it must have.
func (c *completion) nodeTypes() {
	local := map[string]string{}
	for name, plugin := range c.File.Plugins() {
		local[plugin] = name
	}
	for _, name := range c.File.World.Names() {
		t, ok := c.File.World.NodeType(name)
		if !ok {
			continue
		}
		written := name
		if plugin, verb, ok := strings.Cut(name, "."); ok && local[plugin] != "" {
			written = local[plugin] + "." + verb
		}
		item := protocol.CompletionItem{Label: written, Kind: protocol.CompletionClass, Detail: docs.FirstLine(t.Description), Documentation: protocol.Markdown(docs.Type(t))}
		if c.p.Closed || !c.Snippets {
			c.add(0, item, written, "")
			continue
		}
		line, start := c.File.Text.Line(c.p.From)
		item.TextEdit = &protocol.TextEdit{Range: c.span(c.File, c.p.From, start+len(line))}
		c.add(0, item, written, nodeSnippet(written, t))
	}
}

func nodeSnippet(written string, t sdk.NodeType) string {
	s, n := docs.Escape(written)+"\" \"${1:name}\" {\n", 1
	longest := 0
	for _, name := range t.Inputs.Required {
		longest = max(longest, len(name))
	}
	for _, name := range t.Inputs.Required {
		if in, ok := t.Inputs.Properties.Get(name); ok && in.Default == nil {
			s += fmt.Sprintf("  %-*s = %s\n", longest, name, docs.ValueSnippet(in, n))
			n++
		}
	}
	return s + "  $0\n}"
}

// key proposes the keys of an object whose type is known.
func (c *completion) key() {
	if !c.p.Typed {
		return
	}
	_, s, ok := c.File.Expected(c.p)
	if !ok {
		return
	}
	line, _ := c.File.Text.Line(c.p.To)
	quoted := strings.HasSuffix(c.File.Text.String()[:c.p.From], `"`)
	for i, in := range s.Properties {
		item := protocol.CompletionItem{Label: in.Name, Kind: protocol.CompletionField, Detail: typeexpr.SchemaText(in.Schema), Documentation: protocol.Markdown(docs.Schema(in.Schema)), SortText: order(i)}
		if quoted || strings.Contains(line, "=") && c.p.Word != "" && strings.Contains(line[strings.Index(line, c.p.Word):], "=") {
			c.add(0, item, in.Name, "")
			continue
		}
		c.add(0, item, in.Name+" = ", in.Name+" = "+docs.ValueSnippet(in.Schema, 0))
	}
}
