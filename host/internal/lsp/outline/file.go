// Package outline knows what a pipeline file declares, what its references mean, and which type each of them has, from
// the text as it stands in an editor: complete or not, and item by item, so that a keystroke costs what it changed. The
// rules of types are those of core/pipeline/load, which checks a file as a whole; a test holds the two together.
package outline

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
	"github.com/myspinbot/spinbot/sdk"
)

// World is what a file does not hold itself.
type World interface {
	pipeline.Types
	// Open gives another pipeline file by its path, which is relative to the same folder as a File's; nil: there is none.
	Open(path string) *File
}

// File is one version of a pipeline file. It belongs to one reader at a time.
type File struct {
	// Path has slashes.
	Path  string
	Text  *text.Text
	World World

	decls  map[string][]Decl    // by root
	values map[string]cty.Value // types of references
}

// New makes a file of a text.
func New(path string, t *text.Text, w World) *File {
	return &File{Path: path, Text: t, World: w, decls: map[string][]Decl{}, values: map[string]cty.Value{}}
}

// Decl is where a name is declared. Offsets count in the whole file.
type Decl struct {
	// Root is what references to it begin with: var, local, node, gate, module, secret; output for an output.
	Root, Name string
	// [From, To) is the name.
	From, To int
	// Item is which item of the file.
	Item int
}

// roots gives what references begin with, by the type of the block that declares.
var roots = map[string]string{
	"variable": "var", "node": "node", "gate": "gate", "module": "module", "secret": "secret", "output": "output",
}

// index is what the heads of all items declare: names and items, but not where they stand.
type index struct {
	decls  map[string][]head         // by root
	byName map[string]map[string]int // by root and name: which of decls
}

type head struct {
	name string
	item int
}

// Decls gives all that references with a root may name, in the order of the file.
func (f *File) Decls(root string) []Decl {
	if known, ok := f.decls[root]; ok {
		return known
	}
	heads := f.index().decls[root]
	out := make([]Decl, len(heads))
	for i, h := range heads {
		out[i] = f.decl(root, h)
	}
	f.decls[root] = out
	return out
}

// Decl finds where a name is declared first.
func (f *File) Decl(root, name string) (Decl, bool) {
	x := f.index()
	i, ok := x.byName[root][name]
	if !ok {
		return Decl{}, false
	}
	return f.decl(root, x.decls[root][i]), true
}

// DeclOf gives what an item declares; false where that is nothing or, as with locals, many things.
func (f *File) DeclOf(item int) (Decl, bool) {
	items, _ := f.Text.Items()
	if item < 0 || item >= len(items) {
		return Decl{}, false
	}
	root, name, ok := declares(items[item])
	return f.decl(root, head{name, item}), ok
}

// decl says where a declaration stands now.
func (f *File) decl(root string, h head) Decl {
	d := Decl{Root: root, Name: h.name, Item: h.item}
	item, start := f.item(h.item)
	if root == "local" {
		for _, n := range remember(item).names() {
			if n.Text == h.name {
				d.From, d.To = start+n.From, start+n.To
				break
			}
		}
		return d
	}
	if n := len(item.Labels); n > 0 {
		l := item.Labels[nameLabel(item)]
		d.From, d.To = start+l.From, start+l.To
	}
	return d
}

// nameLabel is which label of a block is its name.
func nameLabel(item *text.Item) int {
	if item.Kind == "node" {
		return min(1, len(item.Labels)-1)
	}
	return 0
}

func declares(item *text.Item) (root, name string, ok bool) {
	root = roots[item.Kind]
	if i := nameLabel(item); root != "" && i >= 0 && i < len(item.Labels) && (item.Kind != "node" || i == 1) {
		return root, item.Labels[i].Text, true
	}
	return "", "", false
}

func (f *File) index() *index {
	if x, ok := f.Text.Heads().Memo.(*index); ok {
		return x
	}
	items, _ := f.Text.Items()
	x := &index{decls: map[string][]head{}, byName: map[string]map[string]int{}}
	for i, item := range items {
		if item.Kind == "locals" {
			for _, n := range remember(item).names() {
				x.add("local", n.Text, i, len(items))
			}
		} else if root, name, ok := declares(item); ok {
			x.add(root, name, i, len(items))
		}
	}
	f.Text.Heads().Memo = x
	return x
}

func (x *index) add(root, name string, item, size int) {
	if x.byName[root] == nil {
		x.byName[root] = make(map[string]int, min(size, 1<<16))
	}
	if _, twice := x.byName[root][name]; !twice {
		x.byName[root][name] = len(x.decls[root])
	}
	x.decls[root] = append(x.decls[root], head{name, item})
}

func (f *File) item(i int) (*text.Item, int) {
	items, starts := f.Text.Items()
	return items[i], starts[i]
}

// memo is what is known of an item from its text alone.
type memo struct {
	item    *text.Item
	block   *hclsyntax.Block // as far as it can be read; never nil once parsed
	inside  []place.Name
	refs    []Ref
	scanned struct{ names, refs bool }
}

func remember(item *text.Item) *memo {
	m, ok := item.Memo.(*memo)
	if !ok {
		m = &memo{item: item}
		item.Memo = m
	}
	return m
}

// names gives what stands in the item's block.
func (m *memo) names() []place.Name {
	if !m.scanned.names {
		m.scanned.names = true
		for _, n := range place.New(m.item.Src).Names() {
			m.inside = append(m.inside, n.Inside...)
		}
	}
	return m.inside
}

// parse gives the item's block as HCL reads it. Where HCL gives up, each attribute is read by itself, and what is broken
// is left out.
func (m *memo) parse() *hclsyntax.Block {
	if m.block != nil {
		return m.block
	}
	m.block = &hclsyntax.Block{Body: &hclsyntax.Body{}}
	parsed, diags := expr.ParseConfig([]byte(m.item.Src), "")
	if diags.HasErrors() {
		for _, n := range place.New(m.item.Src).Names() {
			if n.IsBlock && n.Text == m.item.Kind {
				m.block = m.rebuild(n)
			}
		}
		return m.block
	}
	if b, ok := parsed.Body.(*hclsyntax.Body); ok && len(b.Blocks) > 0 {
		m.block = b.Blocks[0]
	}
	return m.block
}

func (m *memo) rebuild(n place.Name) *hclsyntax.Block {
	b := &hclsyntax.Block{Type: n.Text, Body: &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}}
	for _, l := range n.Labels {
		b.Labels = append(b.Labels, l.Text)
	}
	for _, inner := range n.Inside {
		if inner.IsBlock {
			b.Body.Blocks = append(b.Body.Blocks, m.rebuild(inner))
			continue
		}
		src := strings.TrimRight(m.item.Src[inner.Value:inner.End], " \t\r\n")
		lead := len(src) - len(strings.TrimLeft(src, " \t"))
		e, diags := expr.ParseExpression([]byte(src[lead:]), "", hcl.Pos{Line: 1, Column: 1, Byte: inner.Value + lead})
		if !diags.HasErrors() {
			b.Body.Attributes[inner.Text] = &hclsyntax.Attribute{Name: inner.Text, Expr: e}
		}
	}
	return b
}

// attribute gives the expression of an attribute of the item's block, nil when there is none that can be read.
func (m *memo) attribute(name string) hclsyntax.Expression {
	if a := m.parse().Body.Attributes[name]; a != nil {
		return a.Expr
	}
	return nil
}

// constant gives a text that is written out.
func constant(e hclsyntax.Expression) string {
	if e == nil {
		return ""
	}
	v, diags := expr.Eval(e, nil)
	if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return ""
	}
	v, _ = v.Unmark()
	return v.AsString()
}

// Description is what a declaration says of itself.
func (f *File) Description(d Decl) string {
	item, _ := f.item(d.Item)
	if d.Root == "local" {
		return ""
	}
	return constant(remember(item).attribute("description"))
}

// Source is the source of a declaration's attribute, empty when there is none.
func (f *File) Source(d Decl, attribute string) string {
	item, _ := f.item(d.Item)
	m := remember(item)
	if e := m.attribute(attribute); e != nil {
		return string(e.Range().SliceBytes([]byte(item.Src)))
	}
	return ""
}

// Label gives a label of the item's block, empty when it has none.
func (f *File) Label(item, i int) string {
	it, _ := f.item(item)
	if i >= len(it.Labels) {
		return ""
	}
	return it.Labels[i].Text
}

// NodeType is the type of the node that an item declares, by the name that its plugin gives it.
func (f *File) NodeType(item int) (sdk.NodeType, bool) {
	it, _ := f.item(item)
	if it.Kind != "node" || len(it.Labels) == 0 {
		return sdk.NodeType{}, false
	}
	return f.World.NodeType(f.TypeName(it.Labels[0].Text))
}

// TypeName resolves the local name of a required plugin in a node type's name.
func (f *File) TypeName(written string) string {
	local, verb, ok := strings.Cut(written, ".")
	if !ok {
		return written
	}
	for of, plugin := range f.Plugins() {
		if of == local {
			return plugin + "." + verb
		}
	}
	return written
}

// Plugins gives the local names of required plugins, and the plugins' own.
func (f *File) Plugins() map[string]string {
	items, _ := f.Text.Items()
	out := map[string]string{}
	for _, item := range items {
		if item.Kind != "requires" {
			continue
		}
		for _, b := range remember(item).parse().Body.Blocks {
			if b.Type != "plugin" || len(b.Labels) != 1 {
				continue
			}
			source := ""
			if a := b.Body.Attributes["source"]; a != nil {
				source = constant(a.Expr)
			}
			out[b.Labels[0]] = b.Labels[0]
			if source != "" {
				out[b.Labels[0]] = source[strings.LastIndexByte(source, '/')+1:]
			}
		}
	}
	return out
}

// Module is the file of the module that an item declares, nil when it cannot be read.
func (f *File) Module(item int) *File {
	if path := f.ModulePath(item); path != "" && path != f.Path {
		return f.World.Open(path)
	}
	return nil
}

// ModulePath is the path of the module's file that an item names, empty when it names none.
func (f *File) ModulePath(item int) string {
	it, _ := f.item(item)
	if it.Kind != "module" {
		return ""
	}
	source := constant(remember(it).attribute("source"))
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		return ""
	}
	return pipeline.ModuleFile(f.Path, source)
}
