package answer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

func join(parts ...string) string { return path.Join(parts...) }

// use is one place where a name stands.
type use struct {
	file     *outline.File
	from, to int
	declares bool
}

// uses gives every place where a target's name stands: where it is declared, in its own file, and, for variables and
// outputs, in the files that use it as a module.
func (a *Answerer) uses(t target) []use {
	var out []use
	for _, d := range t.file.Decls(t.root) {
		if d.Name == t.name {
			out = append(out, use{t.file, d.From, d.To, true})
		}
	}
	for _, r := range t.file.Refs() {
		if r.Root == t.root && r.Name == t.name {
			out = append(out, use{t.file, r.From, r.To, false})
		}
	}
	switch t.root {
	case "var":
		for _, k := range t.file.Keys("trigger", t.name) {
			out = append(out, use{t.file, k.From, k.To, false})
		}
	case "output":
	default:
		return out
	}
	for _, user := range a.Workspace.Users(t.file.Path) {
		for _, d := range user.Decls("module") {
			if user.ModulePath(d.Item) != t.file.Path {
				continue
			}
			for _, u := range user.ModuleUses(d, t.root, t.name) {
				out = append(out, use{user, u.From, u.To, false})
			}
		}
	}
	return out
}

// References gives every place where the name at an offset is used.
func (a *Answerer) References(offset int, declaration bool) []protocol.Location {
	t, _, _, ok := a.targetAt(offset)
	if !ok {
		return nil
	}
	var out []protocol.Location
	for _, u := range a.uses(t) {
		if !u.declares || declaration {
			out = append(out, a.location(u.file, u.from, u.to))
		}
	}
	return out
}

// PrepareRename gives the name at an offset that can be changed; nil when there is none.
func (a *Answerer) PrepareRename(offset int) *protocol.PrepareRename {
	t, from, to, ok := a.targetAt(offset)
	if !ok {
		return nil
	}
	if _, ok := t.file.Decl(t.root, t.name); !ok {
		return nil
	}
	return &protocol.PrepareRename{Range: a.span(a.File, from, to), Placeholder: t.name}
}

// Rename changes the name at an offset wherever it is used. The error is for the person.
func (a *Answerer) Rename(offset int, to string) (*protocol.WorkspaceEdit, error) {
	t, _, _, ok := a.targetAt(offset)
	if !ok {
		return nil, fmt.Errorf("nothing that has a name of its own stands here")
	}
	if _, ok := t.file.Decl(t.root, t.name); !ok {
		return nil, fmt.Errorf("%s.%s is not declared", t.root, t.name)
	}
	if err := t.takes(to); err != nil {
		return nil, err
	}
	edit := &protocol.WorkspaceEdit{Changes: map[string][]protocol.TextEdit{}}
	for _, u := range a.uses(t) {
		uri := a.Workspace.URI(u.file.Path)
		edit.Changes[uri] = append(edit.Changes[uri], protocol.TextEdit{Range: a.span(u.file, u.from, u.to), NewText: to})
	}
	return edit, nil
}

// takes says why the target cannot be called so.
func (t target) takes(name string) error {
	if !sdk.IsName(name) || !hclsyntax.ValidIdentifier(name) {
		return fmt.Errorf("%q is not a name: names have letters, digits, _ and -, and begin with a letter or _", name)
	}
	if t.root == "var" && slices.Contains(sdk.ReservedInputs(), name) {
		return fmt.Errorf("%q is a word of the language; name the variable otherwise", name)
	}
	if d, taken := t.file.Decl(t.root, name); taken && name != t.name {
		line := strings.Count(t.file.Text.String()[:d.From], "\n") + 1
		return fmt.Errorf("there is a %s.%s already, at line %d", t.root, name, line)
	}
	return nil
}
