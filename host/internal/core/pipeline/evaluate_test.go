package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/sdk"
)

const evaluated = `
variable "topic" {
  type = string
}
variable "count" {
  type    = number
  default = 3
  validation {
    condition = var.count < 10
    message   = "too many"
  }
}
locals {
  title  = upper(var.topic)
  broken = [1][var.count]
  spread = node.a.narration
}
`

// TestEvaluate: expressions from outside see what the pipeline's own see, and no more.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+evaluated+node("a", `"x"`)+node("b", `node.a.narration`))
	s := eval.NewScope(p, sdk.Values{"topic": "tides", "count": n("3")})
	set(t, s, "a", sdk.Values{"narration": "said"})
	for _, c := range []struct {
		expr, want, typ string
		missing         []string
	}{
		{"local.title", `"TIDES"`, "string", nil},
		{"var", `{ count = 3, topic = "tides" }`, "object({ count = number, topic = string })", nil},
		{"node.a.narration", `"said"`, "string", nil},
		{"[local.spread, var.count + 1]", `["said", 4]`, "tuple([string, number])", nil},
		{"gate", "{}", "object({})", nil},
		{"run.id", `""`, "string", nil},
		{"node.b.narration", "(not known yet)", "any", []string{"node.b"}},
		{"[1, node.b]", "[1, (not known yet)]", "tuple([number, any])", []string{"node.b"}},
	} {
		r, ds := s.Evaluate(c.expr)
		if ds.HasErrors() || r.Text != c.want || r.Type != c.typ || !slices.Equal(r.Missing, c.missing) || r.Known != (len(c.missing) == 0) {
			t.Errorf("%s: %+v %v, want %s as %s", c.expr, r, ds, c.want, c.typ)
		}
	}
	for expression, want := range map[string]string{
		"1 +":                       "missing expression",
		"var.topik":                 `did you mean "topic"?`,
		"topic":                     "did you mean var.topic?",
		"each.key":                  "no each in an expression",
		"self":                      "no self here",
		"nope(1)":                   "unknown function",
		"local.broken":              "local.broken: invalid index",
		"1e9999":                    "out of range",
		`file("/etc/passwd")`:       "was not there when the pipeline was checked",
		"var.topic.x":               "unsupported attribute",
		strings.Repeat("1+", 40000): "too long",
		"[for a in range(10000) : [for b in range(10000) : [for c in range(100) : 1]]]": "takes too much work",
	} {
		if _, ds := s.Evaluate(expression); !ds.HasErrors() || !strings.Contains(ds.Error(), want) {
			t.Errorf("%.40s: %v, want %s", expression, ds, want)
		}
	}
	if got := s.Names(); !slices.Equal(got, []string{"var.topic", "var.count", "local.title", "local.broken", "local.spread", "node.a", "node.b", "run.id", "run.user"}) {
		t.Errorf("names: %v", got)
	}
}

// TestEvaluateSensitive: what is sensitive is never shown, whoever asks how; and what cannot be had says why.
func TestEvaluateSensitive(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	p := loaded(t, head+`
secret "hook" {}
variable "pin" {
  type      = string
  sensitive = true
}
variable "keys" {
  type      = map(string)
  sensitive = true
}
locals {
  broken = tonumber(var.pin)
  open   = nonsensitive(startswith(var.pin, "can"))
}
`+node("a", `"x"`))
	v := newVault(map[string]string{"hook": canary})
	vars, err := p.Seal(sdk.Values{"pin": canary, "keys": map[string]any{canary: "x"}}, v)
	if err != nil {
		t.Fatal(err)
	}
	s := eval.Open(p, vars, v)
	for expression, want := range map[string]string{
		"var.pin":                            "(sensitive) string",
		"var":                                "{ keys = (sensitive), pin = (sensitive) } object({ keys = any, pin = string })",
		"[1, var.pin]":                       "[1, (sensitive)] tuple([number, string])",
		`"${var.pin}!"`:                      "(sensitive) string",
		"length(var.pin)":                    "(sensitive) number",
		"nonsensitive(var.pin)":              "(sensitive) string",
		"nonsensitive([upper(secret.hook)])": "[(sensitive)] list(string)",
		"{ (var.pin) = 1 }":                  "(sensitive) any",
		"keys(var.keys)":                     "(sensitive) any",
		"[for k, x in var.keys : k]":         "(sensitive) any",
		`jsondecode("{\"${var.pin}\": 1}")`:  "(sensitive) any",
		"local.open":                         "true bool",
	} {
		r, ds := s.Evaluate(expression)
		if got := r.Text + " " + r.Type; ds.HasErrors() || got != want || r.Value != nil && r.Sensitive || r.Sensitive != strings.Contains(got, "(sensitive)") {
			t.Errorf("%s: %+v %v, want %s", expression, r, ds, want)
		}
	}
	for _, expression := range []string{"tonumber(var.pin)", "local.broken", "parseint(secret.hook, 10)", "var.keys.none", "[1][var.pin]", "{}[var.pin]", "formatdate(var.pin, var.pin)"} {
		r, ds := s.Evaluate(expression)
		if !ds.HasErrors() || strings.Contains(ds.Error()+r.Text+r.Type, canary) {
			t.Errorf("%s: %v %+v", expression, ds, r)
		}
	}
	elsewhere := eval.Open(p, vars, newVault(nil))
	for expression, want := range map[string]string{
		"var.pin": "var.pin is sealed by another host", "[1, local.open]": "var.pin is sealed by another host", "secret.hook": "secret.hook: nobody has it",
	} {
		if r, ds := elsewhere.Evaluate(expression); r.Known || !slices.Equal(r.Lost, []string{want}) || len(r.Missing) > 0 {
			t.Errorf("%s: %+v %v, want %s", expression, r, ds, want)
		}
	}
}

// TestDraft: a pipeline that does not run has the values that it is given, and the others are not known.
func TestDraft(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+evaluated+node("a", `"x"`))
	s, ds := eval.Draft(p, sdk.Values{"count": "4"})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	for expression, want := range map[string]string{"var.count": "4", "local.title": "(not known yet)"} {
		if r, ds := s.Evaluate(expression); ds.HasErrors() || r.Text != want {
			t.Errorf("%s: %s %v, want %s", expression, r.Text, ds, want)
		}
	}
	if r, _ := s.Evaluate("local.title"); !slices.Equal(r.Missing, []string{"var.topic"}) {
		t.Errorf("missing: %v", r.Missing)
	}
	for _, c := range []struct {
		given sdk.Values
		want  string
	}{{sdk.Values{"count": "12"}, "too many"}, {sdk.Values{"count": "x"}, "want a number"}, {sdk.Values{"cuont": "1"}, "did you mean"}} {
		if _, ds := eval.Draft(p, c.given); !strings.Contains(ds.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.given, ds, c.want)
		}
	}
}
