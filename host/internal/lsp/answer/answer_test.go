package answer_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/lsp/answer"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

func types(tb testing.TB) pipeline.Bundle {
	tb.Helper()
	data, err := os.ReadFile("../../core/pipeline/testdata/types.json")
	if err != nil {
		tb.Fatal(err)
	}
	var b pipeline.Bundle
	if err := json.Unmarshal(data, &b.Types); err != nil {
		tb.Fatal(err)
	}
	b.Assets = asset.StandIn([]asset.Ref{{Kind: asset.Voice, Name: "anna"}, {Kind: asset.Style, Name: "noir"}}).Assets
	return b
}

// world is the files of an archive.
type world struct {
	pipeline.Bundle
	files map[string]string
	open  map[string]*outline.File
}

func (w *world) Open(name string) *outline.File {
	src, ok := w.files[path.Clean(name)]
	if !ok {
		return nil
	}
	if w.open[name] == nil {
		w.open[name] = outline.New(name, text.New(src), w)
	}
	return w.open[name]
}

func (w *world) List(dir string) (out []string) {
	for name := range w.files {
		rest, ok := strings.CutPrefix(name, strings.TrimPrefix(path.Clean(dir)+"/", "./"))
		if !ok {
			continue
		}
		first, _, more := strings.Cut(rest, "/")
		if more {
			first += "/"
		}
		if !slices.Contains(out, first) {
			out = append(out, first)
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) Exists(name string) bool { _, ok := w.files[name]; return ok }

func (w *world) Users(of string) (out []*outline.File) {
	for name := range w.files {
		if strings.HasSuffix(name, ".hcl") && name != of {
			out = append(out, w.Open(name))
		}
	}
	slices.SortFunc(out, func(a, b *outline.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func (w *world) URI(name string) string { return name }

var marker = regexp.MustCompile(`⟦(\w+)⟧`)

// TestArchives asks at the places marked ⟦name⟧ what the archive's sections ask: "complete name", "hover name",
// "define name", "references name", "rename name to", "signature name"; "symbols file" asks of a whole file.
func TestArchives(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			testArchive(t, name, archive)
		})
	}
}

type cursor struct {
	file   string
	offset int
}

func testArchive(t *testing.T, name string, archive *txtar.Archive) {
	w := &world{types(t), map[string]string{}, map[string]*outline.File{}}
	cursors := map[string]cursor{}
	for _, f := range archive.Files {
		if strings.Contains(f.Name, " ") {
			continue
		}
		src := string(f.Data)
		for m := marker.FindStringSubmatchIndex(src); m != nil; m = marker.FindStringSubmatchIndex(src) {
			cursors[src[m[2]:m[3]]] = cursor{f.Name, m[0]}
			src = src[:m[0]] + src[m[1]:]
		}
		w.files[f.Name] = src
	}
	changed := false
	for i, f := range archive.Files {
		if !strings.Contains(f.Name, " ") {
			continue
		}
		got := ask(t, w, cursors, strings.Fields(f.Name))
		if got == string(f.Data) {
			continue
		}
		if changed = true; *update {
			archive.Files[i].Data = []byte(got)
		} else {
			t.Errorf("%s: got\n%s\nwant\n%s", f.Name, got, f.Data)
		}
	}
	if changed && *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func ask(t *testing.T, w *world, cursors map[string]cursor, question []string) string {
	t.Helper()
	if question[0] == "symbols" {
		a := &answer.Answerer{File: w.Open(question[1]), Workspace: w, Encoding: text.UTF8}
		return symbols(a.Symbols(), "")
	}
	at, ok := cursors[question[1]]
	if !ok {
		t.Fatalf("no cursor ⟦%s⟧", question[1])
	}
	a := &answer.Answerer{File: w.Open(at.file), Workspace: w, Encoding: text.UTF8, Snippets: question[0] == "complete"}
	switch question[0] {
	case "complete", "plain":
		return proposals(a, at.offset, len(question) > 2)
	case "hover":
		if h := a.Hover(at.offset); h != nil {
			return span(h.Range) + "\n" + h.Contents.Value + "\n"
		}
		return "nothing\n"
	case "define":
		return locations(a.Definition(at.offset))
	case "references":
		return locations(a.References(at.offset, true))
	case "rename":
		if p := a.PrepareRename(at.offset); p == nil {
			return "cannot be renamed\n"
		}
		edit, err := a.Rename(at.offset, question[2])
		if err != nil {
			return err.Error() + "\n"
		}
		return renamed(w, edit)
	case "signature":
		s := a.Signature(at.offset)
		if s == nil {
			return "nothing\n"
		}
		label := s.Signatures[0].Label
		if params := s.Signatures[0].Parameters; len(params) > 0 {
			l := params[s.ActiveParameter].Label
			label = label[:l[0]] + "<" + label[l[0]:l[1]] + ">" + label[l[1]:]
		}
		return label + "\n"
	}
	t.Fatalf("unknown question %v", question)
	return ""
}

// proposals writes one proposal a line, in the order in which an editor shows them; functions only when asked for.
func proposals(a *answer.Answerer, offset int, functions bool) string {
	list := a.Completion(offset)
	slices.SortStableFunc(list.Items, func(x, y protocol.CompletionItem) int { return strings.Compare(x.SortText, y.SortText) })
	var b strings.Builder
	for _, item := range list.Items {
		if item.Kind == protocol.CompletionFunction && !functions {
			continue
		}
		line := item.Label
		if item.Detail != "" {
			line += " · " + item.Detail
		}
		if item.TextEdit.NewText != item.Label {
			line += fmt.Sprintf(" · %q", item.TextEdit.NewText)
		}
		b.WriteString(line + "\n")
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func span(r *protocol.Range) string {
	return fmt.Sprintf("%d:%d-%d:%d", r.Start.Line+1, r.Start.Character+1, r.End.Line+1, r.End.Character+1)
}

func locations(list []protocol.Location) string {
	var b strings.Builder
	for _, l := range list {
		fmt.Fprintf(&b, "%s %s\n", l.URI, span(&l.Range))
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// renamed applies an edit and shows the lines that it changed.
func renamed(w *world, edit *protocol.WorkspaceEdit) string {
	var b strings.Builder
	for _, name := range slices.Sorted(mapsKeys(edit.Changes)) {
		edits := edit.Changes[name]
		slices.SortFunc(edits, func(x, y protocol.TextEdit) int {
			return y.Range.Start.Line*1000 + y.Range.Start.Character - x.Range.Start.Line*1000 - x.Range.Start.Character
		})
		t := text.New(w.files[name])
		for _, e := range edits {
			t = t.Edit(t.Offset(text.Position(e.Range.Start), text.UTF8), t.Offset(text.Position(e.Range.End), text.UTF8), e.NewText)
		}
		before, after := strings.Split(w.files[name], "\n"), strings.Split(t.String(), "\n")
		for i := range after {
			if i >= len(before) || after[i] != before[i] {
				fmt.Fprintf(&b, "%s:%d %s\n", name, i+1, after[i])
			}
		}
	}
	return b.String()
}

func mapsKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func symbols(list []protocol.DocumentSymbol, indent string) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s%s (%s) %s %s\n", indent, s.Name, s.Detail, span(&s.Range), span(&s.SelectionRange))
		b.WriteString(symbols(s.Children, indent+"  "))
	}
	return b.String()
}
