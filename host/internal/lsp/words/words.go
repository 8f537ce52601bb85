// Package words answers an editor's questions about files whose blocks and attributes are described, and which refer to nothing:
// spinbot.hcl, and what test files are made of.
package words

import (
	"fmt"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/docs"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

// Answerer answers questions about one file as it stands now. It belongs to one reader at a time.
type Answerer struct {
	File *outline.File
	// Language describes the top of the file, and all that may stand in it.
	Language language.Block
	// Encoding counts characters, Snippets says that the client takes snippets.
	Encoding text.Encoding
	Snippets bool
}

// Find gives the block that a place stands in; that of the file where it stands in none.
func (a *Answerer) Find(p outline.Place) (language.Block, bool) {
	b := a.Language
	for _, around := range p.Blocks {
		i := slices.IndexFunc(b.Blocks, func(inner language.Block) bool { return inner.Name == around.Type })
		if i < 0 {
			return language.Block{}, false
		}
		b = b.Blocks[i]
	}
	return b, true
}

// Completion proposes what may be written at an offset.
func (a *Answerer) Completion(offset int) protocol.CompletionList {
	p := a.File.At(offset)
	list := protocol.CompletionList{Items: []protocol.CompletionItem{}}
	add := func(item protocol.CompletionItem, text, snippet string) {
		item.SortText = fmt.Sprintf("%04d", len(list.Items))
		item.TextEdit = &protocol.TextEdit{Range: a.span(p), NewText: text}
		if a.Snippets && snippet != "" {
			item.TextEdit.NewText, item.InsertTextFormat = snippet, 2
		}
		list.Items = append(list.Items, item)
	}
	if p.Want != place.Item {
		a.options(p, add)
		return list
	}
	around := p
	if p.Name == place.BlockName {
		around.Blocks = p.Blocks[:len(p.Blocks)-1]
	}
	b, ok := a.Find(around)
	if !ok {
		return list
	}
	given := func(name string) bool {
		n := len(around.Blocks)
		return n > 0 && name != p.Word && slices.Contains(around.Blocks[n-1].Names, name)
	}
	for _, w := range b.Words {
		if !given(w.Name) {
			item := protocol.CompletionItem{Label: w.Name, Kind: protocol.CompletionKeyword, Detail: w.Type, Documentation: protocol.Markdown(docs.Word(w))}
			add(item, w.Name+" = ", w.Name+" = "+docs.WordSnippet(w))
		}
	}
	for _, inner := range b.Blocks {
		if inner.Many || !given(inner.Name) {
			item := protocol.CompletionItem{Label: inner.Name, Kind: protocol.CompletionStruct, Detail: "block", Documentation: protocol.Markdown(inner.Doc)}
			add(item, inner.Name+" ", docs.BlockSnippet(inner))
		}
	}
	return list
}

// options proposes the values of an attribute that has only some.
func (a *Answerer) options(p outline.Place, add func(item protocol.CompletionItem, text, snippet string)) {
	b, _ := a.Find(p)
	w, _ := b.Word(p.Attribute)
	for _, o := range w.Options {
		switch p.Want {
		case place.Text:
			add(protocol.CompletionItem{Label: o, Kind: protocol.CompletionEnumMember}, o, "")
		case place.Value:
			add(protocol.CompletionItem{Label: o, Kind: protocol.CompletionEnumMember}, `"`+o+`"`, "")
		default:
		}
	}
	if p.Want == place.Value && w.Type == "bool" {
		for _, o := range []string{"true", "false"} {
			add(protocol.CompletionItem{Label: o, Kind: protocol.CompletionEnumMember}, o, "")
		}
	}
}

// Hover documents the block or the attribute at an offset; nil when there is none.
func (a *Answerer) Hover(offset int) *protocol.Hover {
	p := a.File.At(offset)
	name := a.File.Text.String()[p.From:p.To]
	b, ok := a.Find(p)
	if !ok {
		return nil
	}
	doc := ""
	switch p.Name {
	case place.BlockName:
		doc = docs.Paragraphs(docs.Code(name), b.Doc)
	case place.AttributeName:
		if w, ok := b.Word(name); ok {
			doc = docs.Paragraphs(docs.Code(name+": "+w.Type), docs.Word(w))
		}
	default:
	}
	if doc == "" {
		return nil
	}
	rng := a.span(p)
	return &protocol.Hover{Contents: *protocol.Markdown(doc), Range: &rng}
}

// Definition gives nothing: nothing is referred to.
func (a *Answerer) Definition(int) []protocol.Location { return nil }

// Signature gives nothing.
func (a *Answerer) Signature(int) *protocol.SignatureHelp { return nil }

func (a *Answerer) span(p outline.Place) protocol.Range {
	return protocol.Range{
		Start: protocol.Position(a.File.Text.Position(p.From, a.Encoding)), End: protocol.Position(a.File.Text.Position(p.To, a.Encoding)),
	}
}
