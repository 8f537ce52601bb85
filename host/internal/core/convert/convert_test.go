package convert_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/core/convert"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk/comfyui"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

// nodeType stands in for the one that the plugin offers.
const nodeType = `{"name": "comfyui.workflow",
  "inputs": {"type": "object", "required": ["workflow"], "properties": {"workflow": {"type": "string"}, "inputs": {"type": "object", "additionalProperties": {}}}},
  "outputs": {"type": "object", "properties": {
    "images": {"type": "array", "items": {"type": "object", "x-type": "artifact"}},
    "videos": {"type": "array", "items": {"type": "object", "x-type": "artifact"}},
    "audio": {"type": "array", "items": {"type": "object", "x-type": "artifact"}}}}}`

func types(tb testing.TB) pipeline.Bundle {
	tb.Helper()
	var b pipeline.Bundle
	if err := json.Unmarshal([]byte("["+nodeType+"]"), &b.Types); err != nil {
		tb.Fatal(err)
	}
	return b
}

// check loads what was converted, which must be without any diagnostic, in canonical form, and whole.
func check(tb testing.TB, r *convert.Result) {
	tb.Helper()
	file := r.Name + ".hcl"
	p, ds := load.Load(fstest.MapFS{file: {Data: r.Pipeline}, r.WorkflowFile: {Data: r.Workflow}}, file, types(tb))
	if len(ds) > 0 {
		var b strings.Builder
		ds.Write(&b, func(string) []byte { return r.Pipeline }, false)
		tb.Fatalf("%s\n%s", b.String(), r.Pipeline)
	}
	if canonical, _ := syntax.Format(file, r.Pipeline); !bytes.Equal(canonical, r.Pipeline) {
		tb.Errorf("not canonical: want\n%s\ngot\n%s", canonical, r.Pipeline)
	}
	if len(p.Variables) != len(r.Variables) || len(p.Outputs) != len(r.Outputs) {
		tb.Errorf("%d variables and %d outputs, want %d and %d", len(p.Variables), len(p.Outputs), len(r.Variables), len(r.Outputs))
	}
	g, err := comfyui.Read(r.Workflow, nil)
	if err != nil {
		tb.Fatal(err)
	}
	for _, v := range r.Variables {
		for _, in := range v.Inputs {
			if name, input, ok := strings.Cut(in, "."); !ok || named(g, name, input) != 1 {
				tb.Errorf("variable %s: %d inputs are called %q in the workflow, want 1", v.Name, named(g, name, input), in)
			}
		}
	}
}

// named counts the inputs that "name.input" may mean: by title, class or id.
func named(g *comfyui.Graph, name, input string) (n int) {
	for _, x := range g.Nodes {
		if (x.ID == name || x.Class == name || x.Title == name) && x.Input(input) != nil {
			n++
		}
	}
	return n
}

// TestArchives converts each archive's workflow. "pipeline.hcl" and "workflows.json" are what it becomes, "notes" what
// is told of it.
func TestArchives(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 5 {
		t.Fatal("too few archives", names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := convert.Convert(archive.Files[0].Data, convert.Options{File: strings.TrimSuffix(filepath.Base(name), ".txtar") + ".json"})
			if err != nil {
				t.Fatal(err)
			}
			check(t, r)
			changed := false
			got := map[string]string{"pipeline.hcl": string(r.Pipeline), "workflows.json": string(r.Workflow), "notes": notes(r)}
			for i, f := range archive.Files {
				if text, compared := got[f.Name]; compared && text != string(f.Data) {
					if archive.Files[i].Data, changed = []byte(text), true; !*update {
						t.Errorf("%s: got\n%s\nwant\n%s", f.Name, text, f.Data)
					}
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

func notes(r *convert.Result) string {
	var b strings.Builder
	for _, g := range r.Gaps {
		fmt.Fprintf(&b, "gap: %s (%s): %s\n", g.ID, g.Class, g.Why)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

// TestNames: what a pipeline is called, and what it cannot be.
func TestNames(t *testing.T) {
	t.Parallel()
	const one = `{"3": {"class_type": "SaveImage", "inputs": {}}}`
	for file, want := range map[string]string{
		"ComfyUI_00001_.png": "comfyui_00001", "SDXL Über-Bild (2).json": "sdxl_uber_bild_2", "3d.json": "n3d", "图.json": "imported",
		`C:\flows\My flow.json`: "my_flow", "": "imported", strings.Repeat("long name ", 20): "long_name_long_name_long_name_long_name_l",
	} {
		r, err := convert.Convert([]byte(one), convert.Options{File: file})
		if err != nil || r.Name != want {
			t.Errorf("%q: got %+v, %v; want %s", file, r, err, want)
			continue
		}
		check(t, r)
	}
	if r, err := convert.Convert([]byte(one), convert.Options{File: "x", Name: "my-film_2"}); err != nil || r.WorkflowFile != "workflows/my-film_2.json" {
		t.Error(r, err)
	} else {
		check(t, r)
	}
	if _, err := convert.Convert([]byte(one), convert.Options{Name: "../x"}); err == nil || !strings.Contains(err.Error(), `"../x" cannot name a pipeline`) {
		t.Error(err)
	}
}

// TestMedia: pictures hold both forms; the one that was run counts, the drawing says where models come from.
func TestMedia(t *testing.T) {
	t.Parallel()
	api := `{"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}}, "9": {"class_type": "SaveImage", "inputs": {}}, "5": {"class_type": "Odd"}}`
	ui := `{"nodes": [{"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["b.safetensors"], "properties": {"models": [{"name": "a.safetensors", "url": "https://example.org/a", "directory": "checkpoints"}]}},
		{"id": 5, "type": "Odd", "properties": {"aux_id": "someone/odd-nodes"}}]}`
	for name, c := range map[string]struct{ in, source, pipeline string }{
		"both":          {text("prompt", api) + text("workflow", ui), "PNG, API format", "someone/odd-nodes: Odd"},
		"url":           {text("prompt", api) + text("workflow", ui), "PNG, API format", "checkpoints/a.safetensors https://example.org/a"},
		"drawing":       {text("workflow", ui), "PNG, UI format", `"b.safetensors"`},
		"broken prompt": {text("prompt", "{") + text("workflow", ui), "PNG, UI format", `"b.safetensors"`},
		"text in text":  {text("prompt", fmt.Sprintf("%q", api)), "PNG, API format", `"a.safetensors"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := convert.Convert([]byte(png+c.in+text("IEND", "")), convert.Options{File: "x.png"})
			if err != nil {
				t.Fatal(err)
			}
			check(t, r)
			if r.Source != c.source || !strings.Contains(string(r.Pipeline), c.pipeline) {
				t.Errorf("%s\n%s", r.Source, r.Pipeline)
			}
		})
	}
	_, err := convert.Convert([]byte(png+text("prompt", "{")+text("workflow", "[]")+text("IEND", "")), convert.Options{})
	if err == nil || !strings.Contains(err.Error(), "the prompt in the PNG: it is not JSON") || !strings.Contains(err.Error(), "the workflow in the PNG: it is JSON, but not a workflow") {
		t.Error(err)
	}
}

const png = "\x89PNG\r\n\x1a\n"

// text is a PNG chunk, its checksum left out.
func text(name, body string) string {
	kind := "tEXt"
	if name == "IEND" {
		kind = name
	} else {
		body = name + "\x00" + body
	}
	n := len(body)
	return string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + kind + body + "\x00\x00\x00\x00"
}

// TestCore: with a server's definitions, they say what is custom.
func TestCore(t *testing.T) {
	t.Parallel()
	defs, err := comfyui.ReadDefinitions([]byte(`{"KSampler": {"input": {}, "python_module": "nodes"}, "Canny": {"input": {}, "python_module": "comfy_extras.nodes_canny"},
		"Veo": {"input": {}, "python_module": "comfy_api_nodes.nodes_veo"}, "Odd": {"input": {}, "python_module": "custom_nodes.odd-nodes"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := convert.Convert([]byte(`{"1": {"class_type": "KSampler"}, "2": {"class_type": "Canny"}, "3": {"class_type": "Veo"}, "4": {"class_type": "Odd"}, "5": {"class_type": "Gone"}}`),
		convert.Options{Definitions: defs})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Packs); got != "[(package not known): Gone odd-nodes: Odd]" {
		t.Error(got)
	}
}

// FuzzConvert: whatever the bytes, nothing panics, and what is converted loads.
func FuzzConvert(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
		f.Add([]byte(png + text("prompt", string(archive.Files[0].Data)) + text("IEND", "")))
	}
	f.Add([]byte(`{"1": {"class_type": "KSampler", "inputs": {"seed": -0, "cfg": 1.000, "steps": 1e5, "prompt": "\u0000\u2028é${%{", "ckpt_name": "\\.ckpt"}, "_meta": {"title": "\n#"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 32<<10 {
			return
		}
		r, err := convert.Convert(data, convert.Options{File: "fuzz.json"})
		if err != nil {
			return
		}
		check(t, r)
	})
}
