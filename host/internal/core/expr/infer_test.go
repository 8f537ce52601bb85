package expr_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/sdk"
)

func parse(tb testing.TB, src string) hclsyntax.Expression {
	tb.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(src), "test.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		tb.Fatalf("%s: %s", src, diags)
	}
	return e
}

func inferContext() *hcl.EvalContext {
	scene := cty.Object(map[string]cty.Type{"text": cty.String, "seconds": cty.Number})
	plan := cty.Object(map[string]cty.Type{
		"title": cty.String, "scenes": cty.List(scene), "names": cty.Map(cty.String), "any": cty.DynamicPseudoType, "face": datum.ArtifactType,
	})
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"node": cty.ObjectVal(map[string]cty.Value{"plan": cty.UnknownVal(plan)}),
			"each": cty.ObjectVal(map[string]cty.Value{"key": cty.UnknownVal(cty.Number)}),
		},
		Functions: library.Table(&library.Files{}),
	}
}

func TestInfer(t *testing.T) {
	t.Parallel()
	scene := cty.Object(map[string]cty.Type{"text": cty.String, "seconds": cty.Number})
	for src, want := range map[string]cty.Type{
		`node.plan.scenes[0].seconds`:                                                  cty.Number,
		`[for s in node.plan.scenes : s.text]`:                                         cty.List(cty.String),
		`[for s in node.plan.scenes : { a = s, b = upper(s.text) }][3].a`:              scene,
		`{ for s in node.plan.scenes : s.text => s.seconds }`:                          cty.Map(cty.Number),
		`{ for s in node.plan.scenes : s.text => s... }`:                               cty.Map(cty.List(scene)),
		`node.plan.scenes[*].text`:                                                     cty.List(cty.String),
		`{ for k, v in node.plan.names : k => length(v) }["a"]`:                        cty.Number,
		`[for i, s in node.plan.scenes : i if s.seconds > 2]`:                          cty.List(cty.Number),
		`"a ${node.plan.title}"`:                                                       cty.String,
		`"%{ for s in node.plan.scenes }${s.text}%{ endfor }"`:                         cty.String,
		`node.plan.any.what.ever[3]`:                                                   cty.DynamicPseudoType,
		`[for x in node.plan.any : x.y]`:                                               cty.DynamicPseudoType,
		`true ? node.plan.scenes[0].text : "none"`:                                     cty.String,
		`try(node.plan.nope, 1)`:                                                       cty.Number,
		`[for s in ["a", "b"] : upper(s)]`:                                             cty.Tuple([]cty.Type{cty.String, cty.String}),
		`succeeded(node.plan.scenes)[*].text`:                                          cty.List(cty.String),
		`node.plan.face.digest`:                                                        cty.String,
		`(node.plan.scenes)[each.key].text`:                                            cty.String,
		`!(node.plan.scenes[0].seconds > -1)`:                                          cty.Bool,
		`[for a in [for s in node.plan.scenes : [s.text]] : [for t in a : length(t)]]`: cty.List(cty.List(cty.Number)),
	} {
		v, diags := expr.Infer(parse(t, src), inferContext())
		if diags.HasErrors() || !v.Type().Equals(want) {
			t.Errorf("%s is %#v, not %#v: %s", src, v.Type(), want, diags)
		}
	}
}

func TestInferMistakes(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`node.plan.titel`:                     `unknown output "titel"; node.plan has any, face, names, scenes, title; did you mean "title"?`,
		`node.plan.scenes[0].tex`:             `unknown attribute "tex"; node.plan.scenes[0] has seconds, text; did you mean "text"?`,
		`[for s in node.plan.scenes : s.tex]`: `unknown attribute "tex"; s has seconds, text; did you mean "text"?`,
		`[for s in node.plan.scenes : [for t in node.plan.scenes : t.x + s.y]]`: `unknown attribute "x"`,
		`node.plan.scenes[*].tex`:                `unknown attribute "tex"`,
		`node.plan.scenes.text`:                  `node.plan.scenes is a list; take one element with [0]`,
		`node.plan.names[*]`:                     `a splat wants a list; this is a map; write values(…)`,
		`[for s in node.plan.title : s]`:         `for wants a list, a map or a set; this is text`,
		`uppr("a")`:                              `unknown function "uppr"; there is no function uppr; did you mean "upper"?`,
		`upper(node.plan.scenes)`:                `Invalid function argument`,
		`[for s in node.plan.scenes : s if s]`:   `a condition must be true or false; this is an object`,
		`{ for s in node.plan.scenes : s => s }`: `a key must be text; this is an object`,
		`node.plan.scenes + 1`:                   `Unsuitable value for left operand`,
		`node.plan.title ? 1 : 2`:                ``,
		`(node.plan).nope`:                       `unknown attribute "nope"`,
		`jsondecode("{")`:                        `Error in function call`,
	} {
		_, diags := expr.Infer(parse(t, src), inferContext())
		var got []string
		for _, d := range diags {
			got = append(got, d.Summary+"; "+d.Detail)
		}
		if want == "" && len(got) == 0 {
			continue
		}
		if len(got) == 0 || !strings.Contains(got[0], want) {
			t.Errorf("%s: got %q, not %q", src, got, want)
		}
	}
	_, diags := expr.Infer(parse(t, `[node.plan.a, node.plan.b, upper(node.plan.a)]`), inferContext())
	if len(diags) != 3 {
		t.Errorf("each mistake once: %s", diags)
	}
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`string`: `{"type":"string"}`, `number`: `{"type":"number"}`, `bool`: `{"type":"boolean"}`, `any`: `{}`, `(any)`: `{}`,
		`artifact`:               `{"type":"object","x-type":"artifact"}`,
		`list(map(number))`:      `{"type":"array","items":{"type":"object","additionalProperties":{"type":"number"}}}`,
		`set(string)`:            `{"type":"array","items":{"type":"string"}}`,
		`object({ a = string })`: `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`,
		`object({ "b c" = optional(number, "3"), d = optional(bool) })`: `{"type":"object","properties":{"b c":{"type":"number","default":3},"d":{"type":"boolean"}}}`,
	} {
		s, set, diags := typeexpr.ParseType(parse(t, src))
		data, err := s.MarshalJSON()
		if diags.HasErrors() || err != nil || string(data) != want || set != strings.HasPrefix(src, "set") {
			t.Errorf("%s: %s, not %s: %s", src, data, want, diags)
		}
	}
	for src, want := range map[string]string{
		`"string"`: "without quotes", `strin`: `did you mean "string"?`, `list`: "list(string)", `list()`: "one type", `lst(string)`: `did you mean "list"?`,
		`object`: "object({", `object(string)`: "braces", `object({ a = optional(string, 1, 2) })`: "optional(T, default)", `object({ (x) = string })`: "plain word",
		`object({ a = string, a = number })`: "twice", `optional(string)`: "member of an object", `list(set(string))`: "within", `5`: "types are", `object({ a = optional(number, "x") })`: "want a number",
		strings.Repeat("list(", 40) + "any" + strings.Repeat(")", 40): "too deep",
	} {
		_, _, diags := typeexpr.ParseType(parse(t, src))
		if len(diags) == 0 || !strings.Contains(diags[0].Summary+diags[0].Detail, want) {
			t.Errorf("%s: %s", src, diags)
		}
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	schema := sdk.Schema{Type: "object", Required: []string{"text"}, Properties: sdk.Properties{
		{Name: "text", Schema: sdk.Schema{Type: "string"}},
		{Name: "list", Schema: sdk.Schema{Type: "array", Items: &sdk.Schema{Type: "number"}}},
		{Name: "flag", Schema: sdk.Schema{Type: "boolean"}},
		{Name: "file", Schema: sdk.Schema{XType: sdk.XArtifact}},
		{Name: "map", Schema: sdk.Schema{Type: "object", Additional: &sdk.Schema{Type: "string"}}},
	}}
	for src, want := range map[string]string{
		`{ text = node.plan.title }`: "",
		`{ text = node.plan.any, list = [for s in node.plan.scenes : s.seconds] }`: "",
		`{ list = [node.plan.title, node.plan.scenes], text = each.key }`:          "list[1]: want a number, got a list",
		`{ list = node.plan.scenes, text = "a" }`:                                  "list[*]: want a number, got an object",
		`{ list = [each.key] }`:                                                    "text: is required",
		`{ text = node.plan.title, txet = 1 }`:                                     `txet: is unknown here; did you mean "text"?; known: text, list, flag, file, map`,
		`{ text = node.plan.scenes, flag = each.key }`:                             "flag: want true or false, got a number\ntext: want text, got a list",
		`{ text = node.plan.title, file = node.plan.face, map = node.plan.names }`: "",
		`{ text = node.plan.title, file = node.plan.title, map = [each.key] }`:     "file: want an artifact, got text\nmap: want an object, got a list",
		`{ text = null, list = each.key }`:                                         "text: is required\nlist: want a list, got a number",
		`node.plan.names`:                                                          "",
		`node.plan.scenes[0]`:                                                      `seconds: is unknown here; known: text, list, flag, file, map`,
		`null`:                                                                     "",
	} {
		v, diags := expr.Infer(parse(t, src), inferContext())
		var got []string
		for _, f := range expr.Fit(&schema, v) {
			got = append(got, f.String())
		}
		if diags.HasErrors() || strings.Join(got, "\n") != want {
			t.Errorf("%s: got %q, not %q %s", src, got, want, diags)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"prompt", "model", "temperature", "seed"}
	for written, want := range map[string]string{
		"promt": "prompt", "pormpt": "prompt", "PROMPT": "prompt", "modl": "model", "temprature": "temperature", "xyz": "", "": "", "sed": "seed", "prompt": "",
	} {
		if got := expr.Nearest(written, known); got != want {
			t.Errorf("%s: %q, not %q", written, got, want)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	nodes := map[string]cty.Value{}
	for i := range 1000 {
		nodes["n"+string(rune('a'+i%26))+strings.Repeat("x", i/26)] = cty.ObjectVal(map[string]cty.Value{"text": cty.StringVal("x"), "n": cty.NumberIntVal(int64(i))})
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"node": cty.ObjectVal(nodes)}, Functions: library.Table(&library.Files{})}
	for name, src := range map[string]string{
		"compare":  `node.na.text == "main" && node.nb.n > 1`,
		"template": `"echo ${node.na.text}-${node.nb.n + 1}"`,
		"object":   `{ cmd = node.na.text, n = node.nb.n, ok = true }`,
	} {
		e := parse(b, src)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, diags := e.Value(ctx); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		})
	}
}
