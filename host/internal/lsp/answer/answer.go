// Package answer answers what an editor asks about a place in a pipeline file: what may be written there, what stands
// there, where it is declared, where else it is used, and what would change with its name. It works on outline.File,
// knows no connection, and gives the shapes of the protocol.
package answer

import (
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

// Workspace is what lies around a file.
type Workspace interface {
	// List gives the names in a folder, sorted, those of folders with a slash at their end.
	List(dir string) []string
	// Exists says whether there is a file.
	Exists(path string) bool
	// Users gives the files that use a file as a module.
	Users(path string) []*outline.File
	// URI is what the client calls a file.
	URI(path string) string
}

// Answerer answers questions about one version of a file.
type Answerer struct {
	File      *outline.File
	Workspace Workspace
	// Encoding counts characters, Snippets says that the client takes snippets.
	Encoding text.Encoding
	Snippets bool
}

func (a *Answerer) span(f *outline.File, from, to int) protocol.Range {
	return protocol.Range{
		Start: protocol.Position(f.Text.Position(from, a.Encoding)), End: protocol.Position(f.Text.Position(to, a.Encoding)),
	}
}

func (a *Answerer) location(f *outline.File, from, to int) protocol.Location {
	return protocol.Location{URI: a.Workspace.URI(f.Path), Range: a.span(f, from, to)}
}

// blockOf is what the language says of the block around a place.
func blockOf(p outline.Place) (language.Block, bool) {
	names := make([]string, len(p.Blocks))
	for i := range p.Blocks {
		names[i] = p.Blocks[i].Type
	}
	return language.Find(names...)
}

// target is something that has a name and is used by it.
type target struct {
	file       *outline.File
	root, name string
}

// declared are the roots of what a file declares.
var declared = []string{"var", "local", "node", "gate", "module", "secret", "output"}

// targetAt finds what the name at an offset means.
func (a *Answerer) targetAt(offset int) (t target, from, to int, ok bool) {
	f := a.File
	if r, found := f.RefAt(offset); found && r.Root != "self" {
		if child := a.child(r); child != nil && offset >= r.MemberFrom {
			return target{child, "output", r.Member}, r.MemberFrom, r.MemberTo, true
		}
		if offset > r.To {
			return target{}, 0, 0, false // an output of a node
		}
		return target{f, r.Root, r.Name}, r.From, r.To, true
	}
	for _, root := range declared {
		for _, d := range f.Decls(root) {
			if d.From <= offset && offset <= d.To {
				return target{f, root, d.Name}, d.From, d.To, true
			}
		}
	}
	p := f.At(offset)
	if p.Name == place.AttributeName && p.Item >= 0 {
		if child := f.Module(p.Item); child != nil {
			name := f.Text.String()[p.From:p.To]
			if b, ok := blockOf(p); ok && b.Inputs {
				if _, word := b.Word(name); !word {
					return target{child, "var", name}, p.From, p.To, true
				}
			}
		}
	}
	return target{}, 0, 0, false
}

// child is the file of the module whose output a reference names.
func (a *Answerer) child(r outline.Ref) *outline.File {
	if r.Root != "module" || r.Member == "" {
		return nil
	}
	d, ok := a.File.Decl("module", r.Name)
	if !ok {
		return nil
	}
	return a.File.Module(d.Item)
}

// Definition gives where what stands at an offset is declared.
func (a *Answerer) Definition(offset int) []protocol.Location {
	if t, _, _, ok := a.targetAt(offset); ok {
		if d, ok := t.file.Decl(t.root, t.name); ok {
			return []protocol.Location{a.location(t.file, d.From, d.To)}
		}
		return nil
	}
	f := a.File
	p := f.At(offset)
	if r, ok := f.RefAt(offset); ok { // an output of a node: where the node is
		if d, ok := f.Decl(r.Root, r.Name); ok {
			return []protocol.Location{a.location(f, d.From, d.To)}
		}
	}
	if path := a.pathAt(p); path != "" && a.Workspace.Exists(path) {
		return []protocol.Location{{URI: a.Workspace.URI(path)}}
	}
	if p.Name == place.Reference && p.Item >= 0 && a.root(p) == "each" {
		if from, to, ok := f.Attribute(p.Item, "for_each"); ok {
			return []protocol.Location{a.location(f, from, to)}
		}
	}
	return nil
}

// root is what the reference at a place begins with.
func (a *Answerer) root(p outline.Place) string {
	whole := p.Receiver
	if p.Want == place.Value {
		whole = a.File.Text.String()[p.From:p.To]
	}
	i := 0
	for i < len(whole) && text.IsWordByte(whole[i]) {
		i++
	}
	return whole[:i]
}

// pathAt is the file that a text names, empty when it names none.
func (a *Answerer) pathAt(p outline.Place) string {
	if p.Want != place.Text || p.From == p.To {
		return ""
	}
	written := a.File.Text.String()[p.From:p.To]
	switch {
	case readsFile(p.Call) && p.Arg == 0:
		return join(folder(a.File.Path), written)
	case p.Attribute == "source" && len(p.Blocks) == 1 && p.Blocks[0].Type == "module":
		return pipeline.ModuleFile(a.File.Path, written)
	}
	return ""
}

func readsFile(function string) bool {
	return slices.Contains([]string{"file", "templatefile", "artifact"}, function)
}

func folder(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "."
	}
	return path[:max(i, 1)]
}
