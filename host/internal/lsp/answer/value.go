package answer

import (
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/docs"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// typeWords begin type expressions, with how they go on.
var typeWords = [][2]string{
	{"string", ""}, {"number", ""}, {"bool", ""}, {"any", ""}, {"artifact", ""}, {"list", "list($1)"}, {"set", "set($1)"}, {"map", "map($1)"},
	{"object", "object({ $1 })"}, {"optional", "optional($1)"},
}

// value proposes what a value may begin with: what is expected first, then references, then functions.
func (c *completion) value() {
	word, s, _ := c.File.Expected(c.p)
	expected := c.p.Typed
	switch {
	case s.XType == sdk.XTypeSchema && (expected || isTypeWord(c.p.Call)), c.typeAround():
		for _, w := range typeWords {
			c.add(0, protocol.CompletionItem{Label: w[0], Kind: protocol.CompletionKeyword, Detail: "type"}, w[0], w[1])
		}
		return
	case word.Type == "nodes":
		c.references("node", "gate", "module")
		return
	}
	if expected {
		c.literals(s)
	}
	c.locals()
	outer := ""
	if len(c.p.Blocks) > 0 {
		outer = c.p.Blocks[0].Type
	}
	switch {
	case outer == "variable":
		c.references("var")
	case outer == "trigger" && word.Name == "secret":
		c.references("secret")
		return
	case outer == "trigger":
		c.references("local")
	default:
		c.references("var", "local", "node", "gate", "module", "secret")
		c.add(4, protocol.CompletionItem{Label: "run", Kind: protocol.CompletionVariable, Documentation: protocol.Markdown(rootDoc("run"))}, "run", "")
	}
	for i, f := range documented {
		item := functionItems[i]
		if f.Name == "artifact" && outer != "trigger" {
			continue
		}
		if strings.HasPrefix(c.File.Text.String()[c.p.To:], "(") {
			c.add(5, item, f.Name, "")
			continue
		}
		c.add(5, item, f.Name+"()", f.Name+"($1)")
	}
}

var (
	documented    = library.Documented()
	functionItems = func() []protocol.CompletionItem {
		out := make([]protocol.CompletionItem, len(documented))
		for i, f := range documented {
			out[i] = protocol.CompletionItem{Label: f.Name, Kind: protocol.CompletionFunction, Detail: f.Signature(), Documentation: protocol.Markdown(docs.Function(f)), SortText: f.Name}
		}
		return out
	}()
)

// Functions proposes the functions of the language.
func Functions() []protocol.CompletionItem { return functionItems }

func isTypeWord(name string) bool {
	return slices.ContainsFunc(typeWords, func(w [2]string) bool { return w[0] == name })
}

// typeAround says whether the cursor stands within a type expression, at any depth.
func (c *completion) typeAround() bool {
	if !isTypeWord(c.p.Call) {
		return false
	}
	p := c.p
	p.Path = nil
	_, s, ok := c.File.Expected(p)
	return ok && s.XType == sdk.XTypeSchema
}

func (c *completion) literals(s sdk.Schema) {
	options := s.Enum
	if s.Type == "boolean" && len(options) == 0 {
		options = []any{true, false}
	}
	for i, o := range options {
		text := typeexpr.JSONText(o)
		c.add(0, protocol.CompletionItem{Label: text, Kind: protocol.CompletionEnumMember, Detail: when(text == typeexpr.JSONText(s.Default), "default"), SortText: order(i)}, text, "")
	}
}

func when(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// locals proposes the names that mean something only here: of loops, each and self.
func (c *completion) locals() {
	seen := map[string]bool{}
	for _, l := range c.p.Loops {
		for _, v := range l.Vars {
			if s, ok := c.File.Resolve(v, c.p); ok && !seen[v] {
				seen[v] = true
				c.add(1, protocol.CompletionItem{Label: v, Kind: protocol.CompletionVariable, Detail: typeexpr.SchemaText(s)}, v, "")
			}
		}
	}
	if each, ok := c.File.Each(c.p); ok {
		for _, m := range each.Properties {
			item := protocol.CompletionItem{Label: "each." + m.Name, Kind: protocol.CompletionVariable, Detail: typeexpr.SchemaText(m.Schema), Documentation: protocol.Markdown(m.Schema.Description)}
			c.add(1, item, item.Label, "")
		}
	}
	if s, ok := c.File.Named("trigger", c.p); ok {
		for _, m := range s.Properties {
			item := protocol.CompletionItem{Label: "trigger." + m.Name, Kind: protocol.CompletionVariable, Detail: typeexpr.SchemaText(m.Schema), Documentation: protocol.Markdown(m.Schema.Description)}
			c.add(1, item, item.Label, "")
		}
	}
	if s, ok := c.File.Self(c.p); ok {
		c.add(1, protocol.CompletionItem{Label: "self", Kind: protocol.CompletionVariable, Detail: typeexpr.SchemaText(s), Documentation: protocol.Markdown(rootDoc("self"))}, "self", "")
	}
}

// references proposes whole references: node.plan. Of very many only those that hold what was typed.
func (c *completion) references(roots ...string) {
	self, _ := c.File.DeclOf(c.p.Item)
	for i, root := range roots {
		for j, d := range c.some(root) {
			if root == self.Root && d.Name == self.Name {
				continue
			}
			item := c.declared(d)
			item.Label = root + "." + d.Name
			item.SortText = order(i) + order(j)
			c.add(2, item, item.Label, "")
		}
	}
}

// some gives the declarations that a proposal may be made of.
func (c *completion) some(root string) []outline.Decl {
	all := c.File.Decls(root)
	if len(all) <= most {
		return all
	}
	c.cut = true
	word := strings.ToLower(strings.TrimPrefix(c.p.Word, root+"."))
	var out []outline.Decl
	for _, d := range all {
		if len(out) == most {
			break
		}
		if strings.Contains(strings.ToLower(d.Name), word) {
			out = append(out, d)
		}
	}
	return out
}

var kinds = map[string]int{
	"var": protocol.CompletionVariable, "local": protocol.CompletionVariable, "node": protocol.CompletionReference,
	"gate": protocol.CompletionReference, "module": protocol.CompletionModule, "secret": protocol.CompletionVariable,
}

// declared proposes something that the file declares.
func (c *completion) declared(d outline.Decl) protocol.CompletionItem {
	item := protocol.CompletionItem{Label: d.Name, Kind: kinds[d.Root], Detail: c.detail(d)}
	if d.Root == "var" || d.Root == "secret" {
		item.Documentation = protocol.Markdown(c.File.Description(d))
	}
	return item
}

// detail says in a few words what a declaration is.
func (a *Answerer) detail(d outline.Decl) string {
	switch d.Root {
	case "var":
		return or(a.File.Source(d, "type"), "any")
	case "local":
		return typeexpr.SchemaText(a.File.Type("local", d.Name))
	case "node":
		return a.File.Label(d.Item, 0)
	case "module":
		return strings.Trim(a.File.Source(d, "source"), `"`)
	}
	return d.Root
}

func or(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// member proposes what may follow a dot, or stand in ["…"].
func (c *completion) member() {
	if _, ok := c.File.Named(c.p.Receiver, c.p); !ok && slices.Contains(declared, c.p.Receiver) {
		self, _ := c.File.DeclOf(c.p.Item)
		for i, d := range c.some(c.p.Receiver) {
			if c.p.Receiver == self.Root && d.Name == self.Name {
				continue
			}
			item := c.declared(d)
			item.SortText = order(i)
			c.add(0, item, d.Name, "")
		}
		return
	}
	s, ok := c.File.Resolve(c.p.Receiver, c.p)
	if !ok {
		return
	}
	if s.IsArtifact() {
		s = outline.ArtifactSchema
	}
	for i, m := range s.Properties {
		item := protocol.CompletionItem{Label: m.Name, Kind: protocol.CompletionField, Detail: typeexpr.SchemaText(m.Schema), Documentation: protocol.Markdown(m.Schema.Description), SortText: order(i)}
		c.add(0, item, m.Name, "")
	}
}

// text proposes what may stand in quotes: options, paths, media types, durations and sizes.
func (c *completion) text() {
	word, s, _ := c.File.Expected(c.p)
	switch {
	case readsFile(c.p.Call) && c.p.Arg == 0:
		c.paths(func(string) bool { return true })
	case c.p.Call == "asset" && c.p.Arg == 0:
		if l, ok := c.File.World.(pipeline.Library); ok {
			c.texts(l.Library().Names()...)
		}
	case word.Type == "path":
		c.paths(func(name string) bool {
			return strings.HasSuffix(name, ".hcl") && !strings.HasSuffix(name, ".test.hcl")
		})
	case !c.p.Typed:
	case word.Name == "accept" && len(c.p.Path) > 0:
		c.texts("image/*", "image/png", "image/jpeg", "audio/*", "audio/wav", "video/*", "video/mp4", "text/*", "text/plain", "text/markdown", "application/json")
	case len(s.Enum) > 0:
		for _, o := range s.Enum {
			if text, ok := o.(string); ok {
				c.texts(text)
			}
		}
	case s.Format == sdk.FormatDuration:
		c.texts("10s", "30s", "1m", "5m", "30m", "1h", "24h")
	case s.Format == sdk.FormatBytes:
		c.texts("1MiB", "20MiB", "512MiB", "1GiB", "6GiB", "10GiB", "24GiB")
	}
}

func (c *completion) texts(options ...string) {
	for _, text := range options {
		c.add(0, protocol.CompletionItem{Label: text, Kind: protocol.CompletionEnumMember, SortText: order(len(c.items))}, text, "")
	}
}

// paths proposes files and folders beside the pipeline's file.
func (c *completion) paths(take func(name string) bool) {
	dir, _ := c.splitPath()
	c.at = c.span(c.File, c.p.From+len(dir), c.p.To)
	prefix := ""
	word, _, _ := c.File.Expected(c.p)
	if word.Type == "path" && dir == "" {
		prefix = "./"
	}
	for i, name := range c.Workspace.List(join(folder(c.File.Path), dir)) {
		isFolder := strings.HasSuffix(name, "/")
		kind := protocol.CompletionFile
		if isFolder {
			kind = protocol.CompletionFolder
		}
		own := join(folder(c.File.Path), dir, name) == c.File.Path
		if strings.HasPrefix(name, ".") || own || !isFolder && !take(name) {
			continue
		}
		c.add(0, protocol.CompletionItem{Label: prefix + name, Kind: kind, SortText: order(i)}, prefix+name, "")
	}
}

func (c *completion) splitPath() (dir, name string) {
	i := strings.LastIndexByte(c.p.Word, '/')
	return c.p.Word[:i+1], c.p.Word[i+1:]
}

// rootDoc documents what references begin with.
func rootDoc(root string) string {
	for _, w := range language.Roots() {
		if w.Name == root {
			return w.Doc
		}
	}
	return ""
}
