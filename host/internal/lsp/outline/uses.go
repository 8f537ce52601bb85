package outline

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
)

// Span is a stretch of a file.
type Span struct{ From, To int }

// Attribute gives where the name of an attribute of an item's block stands.
func (f *File) Attribute(item int, name string) (from, to int, ok bool) {
	it, start := f.item(item)
	for _, n := range remember(it).names() {
		if n.Text == name && !n.IsBlock {
			return start + n.From, start + n.To, true
		}
	}
	return 0, 0, false
}

// ModuleUses gives where a module's block, and what refers to it, name a variable (root var) or an output of its file.
func (f *File) ModuleUses(module Decl, root, name string) (out []Span) {
	if root == "output" {
		for _, r := range f.Refs() {
			if r.Root == "module" && r.Name == module.Name && r.Member == name {
				out = append(out, Span{r.MemberFrom, r.MemberTo})
			}
		}
		it, start := f.item(module.Item)
		for _, r := range remember(it).references() {
			if r.Root == "self" && r.Name == name {
				out = append(out, Span{start + r.From, start + r.To})
			}
		}
		return out
	}
	it, start := f.item(module.Item)
	for _, n := range remember(it).names() {
		if n.Text == name && !n.IsBlock {
			out = append(out, Span{start + n.From, start + n.To})
		}
		for _, inner := range n.Inside {
			if n.Text == "input" && inner.Text == name {
				out = append(out, Span{start + inner.From, start + inner.To})
			}
		}
	}
	for _, b := range remember(it).parse().Body.Blocks {
		if a := b.Body.Attributes["next"]; b.Type == "repeat" && a != nil {
			out = append(out, keysOf(a.Expr, name, start)...)
		}
	}
	return out
}

// Keys gives where the blocks of a kind name one of their inputs, written as an object.
func (f *File) Keys(kind, name string) (out []Span) {
	items, starts := f.Text.Items()
	for i, item := range items {
		if item.Kind == kind {
			out = append(out, keysOf(remember(item).attribute("inputs"), name, starts[i])...)
		}
	}
	return out
}

func keysOf(e hclsyntax.Expression, name string, start int) (out []Span) {
	object, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil
	}
	for _, item := range object.Items {
		if key, ok := expr.KeyName(item.KeyExpr); ok && key == name {
			rng := item.KeyExpr.Range()
			if rng.End.Byte-rng.Start.Byte == len(name)+2 { // in quotes
				rng = hcl.Range{Start: hcl.Pos{Byte: rng.Start.Byte + 1}, End: hcl.Pos{Byte: rng.End.Byte - 1}}
			}
			out = append(out, Span{start + rng.Start.Byte, start + rng.End.Byte})
		}
	}
	return out
}

// Constant gives the text of an attribute of an item's block; empty when it has none that is written out.
func (f *File) Constant(item int, name string) string {
	it, _ := f.item(item)
	return constant(remember(it).attribute(name))
}
