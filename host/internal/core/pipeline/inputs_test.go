package pipeline_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

func memory(src string) fstest.MapFS { return fstest.MapFS{"film.hcl": {Data: []byte(src)}} }

func TestInputs(t *testing.T) {
	t.Parallel()
	text := sdk.Artifact{Digest: "sha256:bb", MediaType: "text/plain; charset=utf-8", Size: 3, Name: "face.png"}
	big := sdk.Artifact{Digest: "sha256:cc", MediaType: "image/png", Size: 30 << 20, Name: "big.png"}
	for _, c := range []struct {
		variable string
		given    any
		want     any
		problem  string
	}{
		{`type = string`, "a", "a", ""}, {`type = string`, n("5"), "5", ""}, {`type = string`, []any{}, nil, "want text"},
		{`type = number`, "3", n("3"), ""}, {`type = number`, " 3 ", n("3"), ""}, {`type = number`, n("18446744073709551615"), n("18446744073709551615"), ""},
		{`type = number`, "three", nil, `variable "v": want a number, got the text "three"`},
		{`type = bool`, "true", true, ""}, {`type = bool`, "yes", nil, "want true or false"}, {`type = bool`, false, false, ""},
		{`type = any`, "3", "3", ""}, {``, []any{n("1")}, []any{n("1")}, ""},
		{`type = list(number)`, `[1, "2"]`, []any{n("1"), n("2")}, ""}, {`type = list(number)`, `1, 2`, nil, `--var 'v=["a", "b"]'`},
		{`type = list(number)`, []any{n("1"), "x"}, nil, `variable "v": [1]: want a number`},
		{`type = set(string)`, `["a"]`, []any{"a"}, ""},
		{`type = map(string)`, `{"a": 1}`, map[string]any{"a": "1"}, ""}, {`type = map(string)`, `{"a": 1} x`, nil, "is not JSON"},
		{`type = object({ a = string, b = optional(number, 2) })`, `{"a": "x"}`, map[string]any{"a": "x", "b": n("2")}, ""},
		{`type = object({ a = string })`, `{}`, nil, "a: is required"},
		{`default = 3`, nil, n("3"), ""}, {`default = null`, nil, nil, ""}, {"type = number\n  default = \"3\"", nil, n("3"), ""},
		{`description = "What to talk about"`, nil, nil, "variable \"v\" needs a value: What to talk about; give it with --var v=…"},
		{`type = artifact`, nil, nil, "--artifact v=FILE"}, {`type = artifact`, "face.png", nil, "--artifact v=FILE"},
		{`type = artifact`, picture, picture, ""}, {"type = artifact\n  accept = [\"image/*\"]", picture, picture, ""},
		{"type = artifact\n  accept = [\"image/*\"]", text, nil, "want an artifact of media type image/*; face.png is text/plain"},
		{"type = list(artifact)\n  accept = [\"image/*\"]", []any{picture, text}, nil, "[1]: want an artifact of media type image/*"},
		{"type = artifact\n  max_size = \"20MiB\"", big, nil, "big.png has 30 MiB; at most 20 MiB are taken"},
		{"type = list(artifact)\n  max_size = \"20MiB\"", []any{picture, big}, nil, "big.png has 30 MiB"},
		{"type = number\n  validation {\n  condition = var.v > 1\n  message = \"not ${var.v}\"\n  }", n("1"), nil, `variable "v": not 1`},
		{"type = number\n  validation {\n  condition = var.v > 1\n  message = \"not ${var.v}\"\n  }", n("2"), n("2"), ""},
		{"type = number\n  validation {\n  condition = var.v > 1\n  message = \"m\"\n  }", "x", nil, "want a number"},
		{"type = string\n  validation {\n  condition = can(regex(\"^[a-z]+$\", var.v))\n  message = \"small letters only\"\n  }", "A1", nil, "small letters only"},
	} {
		p := loaded(t, head+"variable \"v\" {\n  "+c.variable+"\n}\n")
		given := sdk.Values{}
		if c.given != nil {
			given["v"] = c.given
		}
		got, ds := eval.Inputs(p, given)
		switch {
		case c.problem != "" && (got != nil || !strings.Contains(ds.Error(), c.problem)):
			t.Errorf("%s with %v: %v %v", c.variable, c.given, got, ds)
		case c.problem != "" && len(ds) != 1:
			t.Errorf("%s with %v is wrong in more than one way: %v", c.variable, c.given, ds)
		case c.problem == "" && (ds.HasErrors() || !reflect.DeepEqual(got, sdk.Values{"v": c.want})):
			t.Errorf("%s with %v: %#v %v", c.variable, c.given, got, ds)
		}
	}
}

func TestInputsAllAtOnce(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+"variable \"topic\" {}\nvariable \"scenes\" {\n  type = number\n}\nvariable \"x\" {\n  validation {\n  condition = var.scenes > 1 && var.x == 1\n  message = \"m\"\n  }\n}\n")
	_, ds := eval.Inputs(p, sdk.Values{"topik": "a", "scenes": "b", "x": "c"})
	if len(ds) != 3 || !strings.Contains(ds.Error(), `no variable "topik": its variables are topic, scenes, x; did you mean "topic"?`) {
		t.Error(ds)
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	src := head + "node \"ollama.chat\" \"a\" {\n  model = \"m\"\n  prompt = \"${file(\"./p/a.txt\")} ${templatefile(\"p/b.txt\", { x = 1 })}\"\n}\n"
	fsys := fstest.MapFS{"films/film.hcl": {Data: []byte(src)}, "films/p/a.txt": {Data: []byte("A")}, "films/p/b.txt": {Data: []byte("${x + 1}")}, "films/other": {Data: []byte("o")}}
	p, ds := load.Load(fsys, "films/film.hcl", types(t))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	b := p.Bundle()
	if len(b.Files) != 3 || len(b.Types) != 1 || b.Types[0].Name != "ollama.chat" || string(b.Source("films/p/a.txt")) != "A" {
		t.Errorf("%v %v", b.Files, b.Types)
	}
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var back pipeline.Bundle
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	again, ds := load.Load(back.FS(), back.File, back)
	if len(ds) > 0 || b.Digest() != back.Digest() || again.Bundle().Digest() != b.Digest() {
		t.Fatalf("%s %s %s %v", b.Digest(), back.Digest(), again.Bundle().Digest(), ds)
	}
	in, ds := eval.NewScope(again, nil).Inputs("a", sdk.Key{}, eval.Turn{})
	if ds.HasErrors() || in["prompt"] != "A 2" {
		t.Errorf("%v %v", in, ds)
	}
	fsys["films/p/a.txt"] = &fstest.MapFile{Data: []byte("B")}
	if other, _ := load.Load(fsys, "films/film.hcl", types(t)); other.Bundle().Digest() == b.Digest() {
		t.Error("another file, the same digest")
	}
	for _, name := range []string{"../x", "", "films", "nope"} {
		if _, err := b.FS().Open(name); err == nil {
			t.Errorf("opened %q", name)
		}
	}
}

// TestNotPipelines: files that cannot be pipelines get one diagnostic each.
func TestNotPipelines(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"empty.hcl": {Data: []byte(" \n\t\n")}, "bom.hcl": {Data: []byte("\xef\xbb\xbfpipeline \"x\" {}")}, "utf16.hcl": {Data: []byte("\xff\xfep\x00")},
		"binary.hcl": {Data: []byte("\x89PNG\r\n\x1a\n\x00")}, "nul.hcl": {Data: []byte("a\x00b")}, "yaml.hcl": {Data: []byte("---\na: 1\n")},
		"html.hcl": {Data: []byte("<html></html>")}, "huge.hcl": {Data: make([]byte, syntax.MaxFile+1)}, "comment.hcl": {Data: []byte("# nothing\n")},
		"folder/x": {Data: []byte("x")}, "quote.hcl": {Data: []byte("\"")},
	}
	for file, want := range map[string]string{
		"empty.hcl": "the file is empty", "bom.hcl": "byte order mark", "utf16.hcl": "UTF-16", "binary.hcl": "not a text file", "nul.hcl": "not a text file",
		"yaml.hcl": "looks like YAML", "html.hcl": "looks like XML", "huge.hcl": "too large", "comment.hcl": "no pipeline block", "missing.hcl": "there is no file missing.hcl",
		"folder": "it is a folder", "../x.hcl": "no path within", "quote.hcl": "not a pipeline in HCL",
	} {
		_, ds := load.Load(fsys, file, types(t))
		if len(ds) != 1 || !ds.HasErrors() || !strings.Contains(ds.Error(), want) {
			t.Errorf("%s: %v", file, ds)
		}
	}
}

func TestWriteColours(t *testing.T) {
	t.Parallel()
	src := "\tx = \"日本\" + é\n" + strings.Repeat("a", 500)
	at := func(start, end, line int) diagnostic.Range {
		return diagnostic.Range{File: "f.hcl", Start: diagnostic.Pos{Line: line, Column: 1, Byte: start}, End: diagnostic.Pos{Line: line, Byte: end}}
	}
	ds := diagnostic.Diagnostics{
		{Severity: diagnostic.Error, Summary: "wide", Range: at(5, 13, 1), Detail: "one\ntwo"},
		{Severity: diagnostic.Warning, Summary: "far", Range: at(200, 203, 2)},
		{Severity: diagnostic.Error, Summary: "outside", Range: at(5000, 5001, 9)},
		{Severity: diagnostic.Error, Summary: "nowhere"},
	}
	var b strings.Builder
	ds.Write(&b, func(string) []byte { return []byte(src) }, true)
	for _, want := range []string{
		"\x1b[1;31merror\x1b[0m\x1b[1m: wide\x1b[0m\n", "      \x1b[1;31m^^^^^^\x1b[0m\n", "\x1b[1;33mwarning", "…aaaa", "\x1b[1;33m^^^\x1b[0m", ": nowhere\x1b[0m\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%q", want, b.String())
		}
	}
	b.Reset()
	ds.Write(&b, nil, false)
	if strings.Contains(b.String(), "\x1b") || strings.Contains(b.String(), "^") {
		t.Error(b.String())
	}
}
