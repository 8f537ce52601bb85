package suite

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

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

// world is the files of an archive.
type world struct {
	pipeline.Bundle
	files map[string]string
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	data, err := os.ReadFile("../../core/pipeline/testdata/types.json")
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{files: map[string]string{}}
	if err := json.Unmarshal(data, &w.Types); err != nil {
		tb.Fatal(err)
	}
	return w
}

func (w *world) Open(name string) *outline.File {
	src, ok := w.files[path.Clean(name)]
	if !ok {
		return nil
	}
	return outline.New(name, text.New(src), w)
}

func (w *world) List(dir string) (out []string) {
	for name := range w.files {
		if path.Dir(name) == path.Clean(dir) {
			out = append(out, path.Base(name))
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) Exists(name string) bool      { _, ok := w.files[name]; return ok }
func (w *world) Users(string) []*outline.File { return nil }
func (w *world) URI(name string) string       { return name }
func (w *world) ask(file string) *Answerer {
	return &Answerer{File: w.Open(file), Workspace: w, Encoding: text.UTF8, Snippets: true}
}

var marker = regexp.MustCompile(`⟦(\w+)⟧`)

type cursor struct {
	file   string
	offset int
}

// TestArchives asks about cursors in test files: each ⟦name⟧ is one. A file "complete name", "hover name" or "define name" is
// what is wanted.
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
			w, cursors := newWorld(t), map[string]cursor{}
			changed := false
			for i, f := range archive.Files {
				question := strings.Fields(f.Name)
				if len(question) == 1 {
					w.add(f, cursors)
					continue
				}
				at, ok := cursors[question[1]]
				if !ok {
					t.Fatalf("no cursor ⟦%s⟧", question[1])
				}
				got := answerTo(w.ask(at.file), question[0], at.offset)
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
		})
	}
}

func (w *world) add(f txtar.File, cursors map[string]cursor) {
	src := string(f.Data)
	for m := marker.FindStringSubmatchIndex(src); m != nil; m = marker.FindStringSubmatchIndex(src) {
		cursors[src[m[2]:m[3]]] = cursor{f.Name, m[0]}
		src = src[:m[0]] + src[m[1]:]
	}
	w.files[f.Name] = src
}

func answerTo(a *Answerer, question string, at int) string {
	var b strings.Builder
	switch question {
	case "complete":
		for _, item := range a.Completion(at).Items {
			if item.Kind != protocol.CompletionFunction {
				fmt.Fprintf(&b, "%s · %s · %q\n", item.Label, item.Detail, item.TextEdit.NewText)
			}
		}
	case "hover":
		if h := a.Hover(at); h != nil {
			b.WriteString(h.Contents.Value + "\n")
		}
	case "define":
		for _, l := range a.Definition(at) {
			fmt.Fprintf(&b, "%s %d:%d\n", l.URI, l.Range.Start.Line+1, l.Range.Start.Character+1)
		}
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

var known = regexp.MustCompile(`known here: ([\w, ]+)`)

// TestLanguage: each block takes what is described, and nothing else.
func TestLanguage(t *testing.T) {
	t.Parallel()
	heads := map[string]string{"run": `run "a"`, "mock": `mock "x.y"`, "answer": `answer "g"`, "expect": "expect", "artifact": `artifact "output.x"`, "condition": "condition"}
	asked := 0
	var look func(b language.Block, open, shut string)
	look = func(b language.Block, open, shut string) {
		words, blocks := map[string]bool{}, map[string]bool{}
		for _, w := range b.Words {
			words[w.Name] = true
		}
		for _, inner := range b.Blocks {
			blocks[inner.Name] = true
		}
		for _, c := range []struct {
			src  string
			want map[string]bool
		}{{"zzz = 1\n", words}, {"zzz {}\n", blocks}} {
			_, ds := testfile.Parse("x.test.hcl", []byte(open+c.src+shut))
			got := map[string]bool{}
			for _, d := range ds {
				if m := known.FindStringSubmatch(d.Detail); m != nil && strings.Contains(d.Summary, "zzz") {
					for _, name := range strings.Split(m[1], ", ") {
						got[name] = true
					}
				}
			}
			if b.Name == "answer" { // what suits a node is taken of a node
				_, ds := testfile.Parse("x.test.hcl", []byte(strings.Replace(open, `"g"`, `"node.g"`, 1)+c.src+shut))
				for _, d := range ds {
					if m := known.FindStringSubmatch(d.Detail); m != nil && strings.Contains(d.Summary, "zzz") {
						for _, name := range strings.Split(m[1], ", ") {
							got[name] = true
						}
					}
				}
			}
			asked++
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("in %q: %v is taken, %v is described", open, got, c.want)
			}
		}
		for _, inner := range b.Blocks {
			look(inner, open+heads[inner.Name]+" {\n", "}\n"+shut)
		}
	}
	look(described, "", "")
	if asked < 14 {
		t.Errorf("only %d blocks were looked at", asked/2)
	}
}

// FuzzAnswers: no text and no offset makes it panic.
func FuzzAnswers(f *testing.F) {
	archives, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range archives {
		if archive, err := txtar.ParseFile(name); err == nil {
			for _, file := range archive.Files {
				f.Add(string(file.Data), len(file.Data)/2)
			}
		}
	}
	w := newWorld(f)
	w.files["film.hcl"] = "pipeline \"film\" {}\nnode \"ollama.chat\" \"script\" {\n}\nmodule \"m\" {\n  source = \"./film.hcl\"\n}\n"
	f.Fuzz(func(_ *testing.T, src string, at int) {
		files := &world{Bundle: w.Bundle, files: map[string]string{"film.hcl": w.files["film.hcl"], "film.test.hcl": src}}
		a := files.ask("film.test.hcl")
		at = max(0, min(at, len(a.File.Text.String())))
		_, _, _, _ = a.Completion(at), a.Hover(at), a.Definition(at), a.Signature(at)
	})
}
