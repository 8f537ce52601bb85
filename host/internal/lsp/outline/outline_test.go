package outline_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

const corpus = "../../core/pipeline/testdata"

func types(tb testing.TB) pipeline.Bundle {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, "types.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var b pipeline.Bundle
	if err := json.Unmarshal(data, &b.Types); err != nil {
		tb.Fatal(err)
	}
	return b
}

// world is a set of files.
type world struct {
	pipeline.Bundle
	files map[string]string
	open  map[string]*outline.File
}

func newWorld(tb testing.TB, files map[string]string) *world {
	return &world{Bundle: types(tb), files: files, open: map[string]*outline.File{}}
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

// TestTypesAgree: every output, node, gate, module and local has the type that the checker gives it.
func TestTypesAgree(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob(corpus + "/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	compared := 0
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, f := range archive.Files {
			files[f.Name] = string(f.Data)
		}
		first := archive.Files[0].Name
		for _, root := range []string{"local", "node", "gate", "module", "var"} { // what is referred to is an output too
			for _, d := range newWorld(t, files).Open(first).Decls(root) {
				files[first] += fmt.Sprintf("\noutput \"zz_%s_%s\" {\n  value = %s.%s\n}\n", root, d.Name, root, d.Name)
			}
		}
		compared += agree(t, name, first, files)
	}
	if compared < 30 {
		t.Errorf("only %d types were compared", compared)
	}
}

func agree(t *testing.T, name, first string, files map[string]string) (compared int) {
	fsys := fstest.MapFS{}
	for file, src := range files {
		fsys[file] = &fstest.MapFile{Data: []byte(src)}
	}
	p, ds := load.Load(fsys, first, types(t))
	if p == nil || ds.HasErrors() { // what the checker refuses has no type
		return 0
	}
	f := newWorld(t, files).Open(first)
	for _, o := range p.Outputs {
		compared++
		if got, want := shape(t, f.Type("output", o.Name)), shape(t, o.Schema); got != want {
			t.Errorf("%s: output %s has the type %s, not %s", name, o.Name, got, want)
		}
	}
	for _, v := range p.Variables {
		if got := f.Type("var", v.Name); got.Description != v.Description {
			t.Errorf("%s: var.%s is described as %q", name, v.Name, got.Description)
		}
	}
	for _, n := range p.Nodes {
		if d, ok := f.Decl(string(n.Kind), n.Name); !ok || d.Name != n.Name {
			t.Errorf("%s: %s %s is not declared", name, n.Kind, n.Name)
		}
	}
	return compared
}

// shape is a schema's type without documentation and limits.
func shape(t *testing.T, s any) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var x any
	if err := json.Unmarshal(data, &x); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(bare(x))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func bare(x any) any {
	m, ok := x.(map[string]any)
	if !ok {
		return x
	}
	out := map[string]any{}
	for k, v := range m {
		switch k {
		case "type", "items", "additionalProperties", "x-type":
			out[k] = bare(v)
		case "properties":
			inner := map[string]any{}
			for name, p := range v.(map[string]any) {
				inner[name] = bare(p)
			}
			out[k] = inner
		}
	}
	return out
}

const film = `pipeline "film" {}

requires {
  plugin "llm" {
    source = "github.com/myspinbot/ollama"
  }
}

variable "topic" {
  type        = string
  description = "What to talk about"
}

locals {
  style = { tone = "soft", size = 3 }
}

node "llm.chat" "script" {
  model  = "m"
  prompt = var.topic
  answer = object({ narration = string, scenes = list(object({ text = string })) })
}

node "control.storyboard" "plan" {
  script = node.script.answer
}

node "render.clip" "shot" {
  for_each = node.plan.scenes
  picture  = each.value.¦
}

gate "ok" {
  form "title" {
    type        = number
    description = "How it is called"
  }
}

module "part" {
  source   = "./part.hcl"
  for_each = { a = 1, b = 2 }
}
`

func TestResolve(t *testing.T) {
	t.Parallel()
	clean, _, _ := strings.Cut(film, "¦")
	clean += strings.TrimPrefix(film[len(clean):], "¦")
	f := newWorld(t, map[string]string{
		"film.hcl": clean, "part.hcl": "variable \"v\" {\n  type = string\n}\noutput \"out\" {\n  value       = [1, 2]\n  description = \"numbers\"\n}\n",
	}).Open("film.hcl")
	p := f.At(strings.Index(film, "¦"))
	for src, want := range map[string]string{
		"each":                            "key value",
		"each.value":                      "text image seconds",
		"node.script.answer":              "narration scenes",
		"node.script.answer.scenes[0]":    "text",
		"node.shot":                       "",
		"node.shot[0]":                    "clip seconds",
		"node.shot[0].clip":               "",
		"node.shot[*]":                    "clip seconds",
		"one(succeeded(node.shot))":       "clip seconds",
		"values({ a = node.plan })[0]":    "by_name narration scenes",
		"gate.ok":                         "approved form by comment",
		"gate.ok.form":                    "title",
		"module.part[\"a\"]":              "out",
		"local.style":                     "size tone",
		"run":                             "id user",
		"[for s in node.plan.scenes : s]": "",
		"node.nothing":                    "",
		"var.topic +":                     "broken",
	} {
		s, ok := f.Resolve(src, p)
		got := strings.Join(s.Properties.Names(), " ")
		if !ok {
			got = "broken"
		}
		if got != want {
			t.Errorf("%s has %q, not %q", src, got, want)
		}
	}
	if s := f.Type("var", "topic"); s.Description != "What to talk about" {
		t.Errorf("%+v", s)
	}
	form, _ := f.Resolve("gate.ok.form", p)
	if s, _ := form.Properties.Get("title"); s.Type != "number" || s.Description != "How it is called" {
		t.Errorf("%+v", s)
	}
}
