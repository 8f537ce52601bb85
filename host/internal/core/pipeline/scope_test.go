package pipeline_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
)

const head = "pipeline \"film\" {}\n"

func n(s string) json.Number { return json.Number(s) }

var picture = sdk.Artifact{Digest: "sha256:aa", MediaType: "image/png", Size: 10, Name: "a.png"}

// node is a node that runs nothing: its outputs are set by the test.
func node(name, text string) string {
	return fmt.Sprintf("node \"control.storyboard\" %q {\n  script = %s\n}\n", name, text)
}

func set(t *testing.T, s *eval.Scope, name string, outputs ...sdk.Values) eval.Expansion {
	t.Helper()
	e, ds := s.Expand(name)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	if err := s.SetNode(name, e, outputs); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestResults: what node.x looks like to others, for every way in which a node may end.
func TestResults(t *testing.T) {
	t.Parallel()
	scene := func(text string) sdk.Values { return sdk.Values{"narration": text} }
	for _, c := range []struct {
		name, forEach, when string
		outputs             []sdk.Values
		value               string
		want                any
	}{
		{"one", "", "", []sdk.Values{scene("a")}, "node.x.narration", "a"},
		{"one without the output", "", "", []sdk.Values{{}}, "node.x.narration", nil},
		{"one that gave nothing", "", "", []sdk.Values{nil}, "[node.x.narration, node.x.scenes]", []any{nil, nil}},
		{"one skipped", "", "false", nil, "[node.x.narration, coalesce(node.x.narration, \"z\")]", []any{nil, "z"}},
		{"list", `["p", "q"]`, "", []sdk.Values{scene("a"), scene("b")}, "node.x[*].narration", []any{"a", "b"}},
		{"list keeps positions", `["p", "q"]`, "", []sdk.Values{nil, scene("b")}, "[node.x[0], node.x[1].narration, length(node.x)]", []any{nil, "b", n("2")}},
		{"succeeded of a list", `["p", "q"]`, "", []sdk.Values{nil, scene("b")}, "succeeded(node.x)[*].narration", []any{"b"}},
		{"empty list", `[]`, "", []sdk.Values{}, "[for x in node.x : x.narration]", []any{}},
		{"map", `{ a = 1, b = 2 }`, "", []sdk.Values{scene("a"), nil}, "[node.x.a.narration, node.x.b, keys(succeeded(node.x))]", []any{"a", nil, []any{"a"}}},
		{"map by key", `{ "a b" = 1 }`, "", []sdk.Values{scene("a")}, `node.x["a b"].narration`, "a"},
		{"set", `toset(["b", "a"])`, "", []sdk.Values{scene("a"), scene("b")}, `{ for k, x in node.x : k => x.narration }`, map[string]any{"a": "a", "b": "b"}},
		{"list skipped", `["p"]`, "false", nil, "succeeded(node.x)", []any{}},
		{"list skipped, an element asked for", `["p"]`, "false", nil, "node.x[0].narration", nil},
		{"list skipped, every element asked for", `["p"]`, "false", nil, "node.x[*].narration", []any{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			src := head + "node \"control.storyboard\" \"x\" {\n  script = \"s\"\n"
			if c.forEach != "" {
				src += "  for_each = " + c.forEach + "\n"
			}
			if c.when != "" {
				src += "  when = " + c.when + "\n"
			}
			p := loaded(t, src+"}\noutput \"o\" {\n  value = "+c.value+"\n}\n")
			s := eval.NewScope(p, nil)
			e := set(t, s, "x", c.outputs...)
			if e.Skip != (c.when != "") || e.Each != (c.forEach != "") {
				t.Errorf("%+v", e)
			}
			out, ds := s.Outputs()
			if ds.HasErrors() || !reflect.DeepEqual(out["o"], c.want) {
				t.Errorf("%#v, not %#v: %v", out["o"], c.want, ds)
			}
		})
	}
}

// TestTypeFrom: an output typed by an input has that type before the run and its optional members in it.
func TestTypeFrom(t *testing.T) {
	t.Parallel()
	const src = head + `
node "ollama.chat" "ask" {
  model  = "m"
  prompt = "p"
  answer = object({ text = string, note = optional(string) })
}
output "note" { value = coalesce(node.ask.answer.%s, "none") }
`
	p := loaded(t, fmt.Sprintf(src, "note"))
	s := eval.NewScope(p, nil)
	in, ds := s.Inputs("ask", sdk.Key{}, eval.Turn{})
	schema := map[string]any{
		"type": "object", "required": []any{"text"},
		"properties": map[string]any{"text": map[string]any{"type": "string"}, "note": map[string]any{"type": "string"}},
	}
	if ds.HasErrors() || !reflect.DeepEqual(in["answer"], schema) {
		t.Errorf("%v %v", in, ds)
	}
	set(t, s, "ask", sdk.Values{"answer": map[string]any{"text": "a"}})
	if out, ds := s.Outputs(); ds.HasErrors() || out["note"] != "none" {
		t.Errorf("%v %v", out, ds)
	}
	_, ds = load.Load(memory(fmt.Sprintf(src, "nott")), "film.hcl", types(t))
	if !strings.Contains(ds.Error(), `unknown attribute "nott"`) || !strings.Contains(ds.Error(), `did you mean "note"?`) {
		t.Error(ds)
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+`
variable "picture" { type = artifact }
variable "seed" { type = number }
locals { titles = [for s in node.plan.scenes : upper(s.text)] }
node "control.storyboard" "plan" { script = { seed = var.seed, at = run.id } }
node "render.clip" "clip" {
  for_each = node.plan.scenes
  picture  = var.picture
  seconds  = each.value.seconds
  captions = [{ text = "${each.key}: ${local.titles[each.key]}" }]
}
node "render.film" "film" {
  clips      = succeeded(node.clip)[*].clip
  title      = 5
  depends_on = [node.plan]
}
output "video" { value = node.film.video }
output "all" { value = { n = length(node.clip), user = run.user } }
`)
	film, _ := p.Node("film")
	if !slices.Equal(film.Needs, []string{"plan", "clip"}) {
		t.Errorf("film needs %v", film.Needs)
	}
	clip, _ := p.Node("clip")
	if !slices.Equal(clip.Needs, []string{"plan"}) {
		t.Errorf("clip needs %v", clip.Needs)
	}
	s := eval.NewScope(p, sdk.Values{"picture": picture, "seed": n("18446744073709551615")})
	s.SetRun("run_1", "anna")
	in, ds := s.Inputs("plan", sdk.Key{}, eval.Turn{})
	if want := (sdk.Values{"script": map[string]any{"seed": n("18446744073709551615"), "at": "run_1"}, "limit": n("12")}); ds.HasErrors() || !reflect.DeepEqual(in, want) {
		t.Fatalf("%#v %v", in, ds)
	}
	if _, ds = s.Expand("clip"); !strings.Contains(ds.Error(), "node.plan has not ended yet") {
		t.Errorf("too early: %v", ds)
	}
	set(t, s, "plan", sdk.Values{"scenes": []any{map[string]any{"text": "a", "seconds": n("2.5")}, map[string]any{"text": "b", "seconds": "x"}}})
	e, ds := s.Expand("clip")
	if ds.HasErrors() || !slices.Equal(e.Keys, []sdk.Key{sdk.NumberKey(0), sdk.NumberKey(1)}) || e.Map || !e.Each {
		t.Fatalf("%+v %v", e, ds)
	}
	in, ds = s.Inputs("clip", e.Keys[0], eval.Turn{})
	want := sdk.Values{"picture": picture, "seconds": n("2.5"), "layout": "full", "captions": []any{map[string]any{"text": "0: A", "at": n("0")}}}
	if ds.HasErrors() || !reflect.DeepEqual(in, want) {
		t.Errorf("%#v, not %#v: %v", in, want, ds)
	}
	_, ds = s.Inputs("clip", e.Keys[1], eval.Turn{})
	if got := ds.Error(); !strings.Contains(got, `film.hcl:10:14: node.clip[1]: input seconds: want a number, got the text "x"`) {
		t.Error(got)
	}
	if _, ds = s.Inputs("clip", sdk.NumberKey(7), eval.Turn{}); !ds.HasErrors() {
		t.Error("an instance that is not there")
	}
	made := sdk.Artifact{Digest: "sha256:cc", MediaType: "video/mp4", Size: 9, Name: "c.mp4"}
	if err := s.SetNode("clip", e, []sdk.Values{{"clip": made}, nil}); err != nil {
		t.Fatal(err)
	}
	in, ds = s.Inputs("film", sdk.Key{}, eval.Turn{})
	if ds.HasErrors() || !reflect.DeepEqual(in, sdk.Values{"clips": []any{made}, "title": "5"}) {
		t.Errorf("%#v %v", in, ds)
	}
	set(t, s, "film", sdk.Values{"video": made})
	out, ds := s.Outputs()
	if ds.HasErrors() || !reflect.DeepEqual(out, sdk.Values{"video": made, "all": map[string]any{"n": n("2"), "user": "anna"}}) {
		t.Errorf("%#v %v", out, ds)
	}
}

// TestResume: a scope that was told of an expansion it did not make gives the same inputs.
func TestResume(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+node("x", `"s"`)+"node \"control.storyboard\" \"y\" {\n  for_each = node.x.by_name\n  script = each.value\n}\n")
	s := eval.NewScope(p, nil)
	set(t, s, "x", sdk.Values{"by_name": map[string]any{"a/b": "1", "c": "2"}})
	in, ds := s.Inputs("y", sdk.TextKey("a/b"), eval.Turn{})
	if ds.HasErrors() || in["script"] != "1" {
		t.Errorf("%v %v", in, ds)
	}
}

// TestRunTimeMistakes: what only shows during a run is said with the node and the place.
func TestRunTimeMistakes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`node.x.scenes[5].text`:             "node.y: invalid index",
		`node.x.scenes[0].seconds + 1`:      "node.y: ",
		`jsondecode(node.x.narration)`:      "node.y: error in function call",
		`regex("[0-9]+", node.x.narration)`: "node.y: error in function call",
		`local.bad`:                         "film.hcl:2:25: node.y: ",
	} {
		p := loaded(t, head+"locals { bad = tonumber(node.x.narration) }\n"+node("x", `"s"`)+node("y", value))
		s := eval.NewScope(p, nil)
		set(t, s, "x", sdk.Values{"narration": "none", "scenes": []any{map[string]any{}}})
		if _, ds := s.Inputs("y", sdk.Key{}, eval.Turn{}); !strings.Contains(ds.Error(), want) {
			t.Errorf("%s: %v", value, ds)
		}
	}
	for forEach, want := range map[string]string{
		`node.x.narration != "" ? [for i in range(101) : range(100)] : null`: "at most 10000",
		`jsondecode(node.x.narration)`:                                       "for_each wants a list",
		`jsondecode("null")`:                                                 "for_each is null",
		`{ for i in range(2) : format("%0129d", i) => i }`:                   "128 bytes",
	} {
		forEach = strings.Replace(forEach, "[for i in range(101) : range(100)]", "flatten([for i in range(101) : range(100)])", 1)
		src := head + node("x", `"s"`) + "node \"control.storyboard\" \"y\" {\n  for_each = " + forEach + "\n  script = 1\n}\n"
		p, _ := load.Load(memory(src), "film.hcl", types(t))
		s := eval.NewScope(p, nil)
		set(t, s, "x", sdk.Values{"narration": "5"})
		if _, ds := s.Expand("y"); !strings.Contains(ds.Error(), want) || !strings.Contains(ds.Error(), "node.y") {
			t.Errorf("%s: %v", forEach, ds)
		}
	}
	p := loaded(t, head+node("x", `"s"`)+"node \"control.storyboard\" \"y\" {\n  when = node.x.narration\n  script = 1\n}\n")
	s := eval.NewScope(p, nil)
	set(t, s, "x", sdk.Values{"narration": "perhaps"})
	if _, ds := s.Expand("y"); !strings.Contains(ds.Error(), "node.y: when wants true or false") {
		t.Error(ds)
	}
	for _, name := range []string{"nope", ""} {
		if _, ds := s.Expand(name); !ds.HasErrors() {
			t.Error("a node that is not there")
		}
		if _, ds := s.Inputs(name, sdk.Key{}, eval.Turn{}); !ds.HasErrors() || s.SetNode(name, eval.Expansion{}, nil) == nil {
			t.Error("a node that is not there")
		}
	}
	if s.SetNode("x", eval.Expansion{}, nil) == nil || s.SetNode("x", eval.Expansion{Each: true, Keys: []sdk.Key{{}}}, nil) == nil {
		t.Error("too few results")
	}
}

// TestBomb: thirty locals that each double the one before are refused when the file is checked, not evaluated.
func TestBomb(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(head + "locals {\n  l0 = \"0123456789\"\n")
	for i := range 30 {
		fmt.Fprintf(&b, "  l%d = \"${local.l%d}${local.l%d}\"\n", i+1, i, i)
	}
	b.WriteString("}\noutput \"o\" {\n  value = local.l30\n}\n")
	_, ds := load.Load(memory(b.String()), "film.hcl", types(t))
	if len(ds) != 1 || !strings.Contains(ds.Error(), "too large") {
		t.Error(ds)
	}
}

// TestSharedPipeline: many runs of one pipeline at once; what one is given may be changed by it. Run with -race.
func TestSharedPipeline(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+`
variable "tags" { default = { a = ["x"] } }
node "ollama.chat" "ask" {
  model  = "m"
  prompt = templatefile("t.txt", { tags = var.tags.a[*] })
  answer = object({ a = list(string) })
}
node "control.storyboard" "each" {
  for_each = node.ask.answer.a
  script   = node.ask.answer.a[*]
}
output "all" { value = node.each[*].narration }
`, "t.txt", "%{ for t in tags }${t},%{ endfor }")
	touch := func(v sdk.Values) {
		_ = v.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) { return a, nil })
	}
	for range 8 {
		t.Run("run", func(t *testing.T) {
			t.Parallel()
			for range 20 {
				vars, ds := eval.Inputs(p, nil)
				touch(vars)
				s := eval.NewScope(p, vars)
				in, more := s.Inputs("ask", sdk.Key{}, eval.Turn{})
				touch(in)
				if ds.HasErrors() || more.HasErrors() || in["prompt"] != "x," {
					t.Fatal(in, ds, more)
				}
				set(t, s, "ask", sdk.Values{"answer": map[string]any{"a": []any{"p", "q"}}})
				set(t, s, "each", sdk.Values{"narration": "1"}, sdk.Values{"narration": "2"})
				if out, ds := s.Outputs(); ds.HasErrors() || !reflect.DeepEqual(out["all"], []any{"1", "2"}) {
					t.Fatal(out, ds)
				}
			}
		})
	}
}

func TestNumbersOutOfRange(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"x = 1e999999999", "x = \"${1e-2000}\"", "x = [for i in [1] : 1e1001]"} {
		_, ds := load.Load(memory(head+"locals {\n  "+src+"\n}\n"), "film.hcl", types(t))
		if len(ds) != 1 || !strings.Contains(ds.Error(), "number out of range") {
			t.Errorf("%s: %v", src, ds)
		}
	}
}
