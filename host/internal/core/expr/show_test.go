package expr_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/sdk"
)

// TestShow: a value is written as the language reads it, so that it comes back the same.
func TestShow(t *testing.T) {
	t.Parallel()
	table := library.Table(&library.Files{})
	for _, c := range []struct{ text, typ, want string }{
		{`"a"`, "string", `"a"`},
		{`1 / 4`, "number", "0.25"},
		{`true`, "bool", "true"},
		{`null`, "any", "null"},
		{`[]`, "list(any)", "[]"},
		{`{}`, "object({})", "{}"},
		{`[1, "a"]`, "tuple([number, string])", `[1, "a"]`},
		{`[for x in [1, 2] : x * 2]`, "list(number)", "[2, 4]"},
		{`toset(["b", "a"])`, "set(string)", `toset(["a", "b"])`},
		{`{ a = 1, "b c" = [2] }`, "object({ a = number, b c = list(number) })", `{ a = 1, "b c" = [2] }`},
		{`"$${x} %%{y} \"q\" \\ \n\t\u0007"`, "string", `"$${x} %%{y} \"q\" \\ \n\t\u0007"`},
		{`{ long = "` + strings.Repeat("x", 60) + `", b = 1 }`, "object({ b = number, long = string })",
			"{\n  b    = 1\n  long = \"" + strings.Repeat("x", 60) + "\"\n}"},
	} {
		e, diags := hclsyntax.ParseExpression([]byte(c.text), "", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		v, diags := e.Value(&hcl.EvalContext{Functions: table})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got := datum.Show(v)
		if got != c.want || datum.ShowType(v) != c.typ {
			t.Errorf("%s: %s as %s, want %s as %s", c.text, got, datum.ShowType(v), c.want, c.typ)
		}
		again, diags := hclsyntax.ParseExpression([]byte(got), "", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%s cannot be read back: %v", got, diags)
			continue
		}
		if back, diags := again.Value(&hcl.EvalContext{Functions: table}); diags.HasErrors() || datum.Show(back) != got {
			t.Errorf("%s reads back as %s %v", got, datum.Show(back), diags)
		}
	}
	var artifacts datum.Artifacts
	a, err := artifacts.In(nil, sdk.Artifact{Digest: "sha256:0123456789abcdef", MediaType: "video/mp4", Size: 2048, Name: "a.mp4"})
	if got := datum.Show(a); err != nil || got != `artifact("a.mp4", "video/mp4", "2 KiB", "sha256:0123456789ab…")` || datum.ShowType(a) != "artifact" {
		t.Errorf("an artifact is %s, a %s", got, datum.ShowType(a))
	}
	hidden := datum.Sensitive(cty.StringVal("hunter2"), datum.Declared)
	if got := datum.Show(cty.ObjectVal(map[string]cty.Value{"a": hidden, "b": cty.TupleVal([]cty.Value{hidden})})); strings.Contains(got, "hunter2") {
		t.Errorf("what is sensitive is shown: %s", got)
	}
	if got := datum.Show(hidden); got != "(sensitive)" {
		t.Errorf("what is sensitive is %s", got)
	}
	if got := datum.Show(cty.TupleVal([]cty.Value{cty.DynamicVal, cty.Zero})); got != "[(not known yet), 0]" {
		t.Errorf("what is not known is %s", got)
	}
}
