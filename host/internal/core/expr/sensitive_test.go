package expr_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeSealer seals into memory; a token is whatever a test can read.
type fakeSealer struct{ held map[string]any }

func (f *fakeSealer) Seal(x any, mask bool) (sdk.Sealed, error) {
	raw, err := sdk.Values{"v": x}.EncodeJSON(false)
	token := map[bool]string{true: "declared", false: "derived"}[mask] + string(raw)
	if f.held == nil {
		f.held = map[string]any{}
	}
	f.held[token] = x
	return sdk.Sealed{Token: token}, err
}

func (f *fakeSealer) Open(s sdk.Sealed) (any, bool, error) {
	x, ok := f.held[s.Token]
	if !ok {
		return nil, false, errors.New("another host's")
	}
	return x, strings.HasPrefix(s.Token, "declared"), nil
}

func hidden(s string) cty.Value { return datum.Sensitive(cty.StringVal(s), datum.Declared) }

// TestSensitiveFlow: what is made of something sensitive is sensitive, at the finest part that can be told, and the same
// before a run as in it.
func TestSensitiveFlow(t *testing.T) {
	t.Parallel()
	names := map[string]cty.Value{
		"s": hidden("abc"), "d": datum.Sensitive(cty.StringVal("def"), datum.Derived), "n": datum.Sensitive(cty.NumberIntVal(2), datum.Declared),
		"o": cty.ObjectVal(map[string]cty.Value{"a": hidden("x"), "b": cty.StringVal("y")}), "plain": cty.StringVal("p"),
		"list": cty.TupleVal([]cty.Value{hidden("x"), cty.StringVal("y")}),
	}
	for src, want := range map[string]string{
		`plain`: "", `s`: "declared", `d`: "derived", `"${s}x"`: "declared", `"${d}x"`: "derived", `"${d}${s}"`: "declared", `upper(s)`: "declared",
		`s == "abc"`: "declared", `s == "abc" ? 1 : 2`: "declared", `true ? s : "b"`: "declared", `[s, plain]`: "0 declared", `[s, plain][1]`: "",
		`{ a = s, b = plain }`: "a declared", `{ a = s, b = plain }.b`: "", `{ (s) = plain }`: "declared", `o.a`: "declared", `o.b`: "", `o`: "a declared",
		`[for x in list : x]`: "0 declared", `[for x in list : upper(x)][1]`: "", `{ for k, v in o : k => v }`: "a declared", `[for x in [1, 2] : x if s == "abc"]`: "declared",
		`[for x in [1, 2] : "${x}${s}"]`: "0 declared 1 declared", `list[*]`: "0 declared", `jsonencode(o)`: "declared", `keys(o)`: "", `length(list)`: "",
		`nonsensitive(s)`: "", `nonsensitive(o)`: "", `sensitive(plain)`: "declared", `try(s, 1)`: "declared", `can(s)`: "", `range(n)`: "declared", `toset(list)`: "declared",
		`n + 1`: "declared", `succeeded([s, null])`: "0 declared", `length(s)`: "declared", `succeeded([plain])`: "", `[1, 2, 3][n]`: "declared", `concat(list, ["z"])`: "0 declared", `merge(o, { c = 1 })`: "a declared", `"%{ for x in list }${x}%{ endfor }"`: "declared",
		`"%{ if s == "abc" }yes%{ endif }"`: "declared", `split("b", s)`: "declared", `null`: "", `[for x in [[s]] : [for y in x : "${y}!"]]`: "0.0 declared", `sensitive(null)`: "",
	} {
		v, err := eval(t, src, names)
		if err != nil {
			t.Errorf("%s: %s", src, err)
			continue
		}
		x, marks, err := datum.Artifacts{}.Split(v)
		if got := marksText(marks); err != nil || got != want {
			t.Errorf("%s: %q, not %q (%v)", src, got, want, err)
		}
		if _, err := (datum.Artifacts{}).Out(v); (err != nil) != (want != "") {
			t.Errorf("%s: Out gives %v", src, err)
		}
		e, _ := hclsyntax.ParseExpression([]byte(src), "", hcl.InitialPos)
		ctx := &hcl.EvalContext{Variables: unknown(names), Functions: library.Table(&library.Files{})}
		before, diags := expr.Infer(e, ctx)
		if diags.HasErrors() || want != "" && !datum.IsSensitive(before) {
			t.Errorf("%s: before the run it is %#v, %s", src, before, diags)
		}
		known, diags := expr.Infer(e, &hcl.EvalContext{Variables: names, Functions: library.Table(&library.Files{})})
		if y, _, err := (datum.Artifacts{}).Split(known); diags.HasErrors() || err != nil || !equal(x, y) {
			t.Errorf("%s: inferred %v, evaluated %v; %v %s", src, y, x, err, diags)
		}
	}
}

// unknown is what is known of names before a run.
func unknown(names map[string]cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{}
	for k, v := range names {
		out[k], _ = cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
			if !v.Type().IsPrimitiveType() {
				return v, nil
			}
			plain, marks := v.Unmark()
			return cty.UnknownVal(plain.Type()).WithMarks(marks), nil
		})
	}
	return out
}

func marksText(marks []datum.Mark) string {
	var out []string
	for _, m := range marks {
		var path []string
		for _, step := range m.Path {
			path = append(path, fmt.Sprint(step))
		}
		out = append(out, strings.TrimSpace(strings.Join(path, ".")+" "+string(m.Origin)))
	}
	return strings.Join(out, " ")
}

// TestFunctionsKeepMarks calls every function's example with each of its arguments sensitive.
func TestFunctionsKeepMarks(t *testing.T) {
	t.Parallel()
	loses := map[string]bool{"nonsensitive": true, "can": true, "try": true} // the last two take expressions
	for _, f := range library.Functions() {
		e, _ := hclsyntax.ParseExpression([]byte(f.Example), "", hcl.InitialPos)
		call, ok := e.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != f.Name || loses[f.Name] {
			continue
		}
		for i, arg := range call.Args {
			c := *call
			c.Args = append([]hclsyntax.Expression(nil), call.Args...)
			v, diags := arg.Value(&hcl.EvalContext{Functions: library.Table(&library.Files{})})
			if diags.HasErrors() {
				t.Fatal(f.Name, diags)
			}
			c.Args[i] = &hclsyntax.LiteralValueExpr{Val: datum.Sensitive(v, datum.Derived), SrcRange: arg.Range()}
			got, diags := c.Value(&hcl.EvalContext{Functions: library.Table(&library.Files{})})
			if diags.HasErrors() || !datum.IsSensitive(got) {
				t.Errorf("%s with argument %d sensitive: %#v, %s", f.Name, i, got, diags)
			}
		}
	}
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	s := &fakeSealer{}
	x := map[string]any{"a": "x", "list": []any{"y", map[string]any{"z": "w", "f": face}}, "none": nil}
	marks := []datum.Mark{
		{Path: []any{"list", 1, "z"}, Origin: datum.Declared}, {Path: []any{"list", 1, "f"}, Origin: datum.Derived}, {Path: []any{"none"}, Origin: datum.Declared},
		{Path: []any{"gone", 3}, Origin: datum.Declared}, {Path: []any{"list", 7}, Origin: datum.Declared}, {Path: []any{"a", 0}, Origin: datum.Declared},
	}
	sealed, err := datum.Seal(x, marks, s)
	if err != nil {
		t.Fatal(err)
	}
	token := func(x any, path ...any) string {
		for _, step := range path {
			if k, ok := step.(string); ok {
				x = x.(map[string]any)[k]
			} else {
				x = x.([]any)[step.(int)]
			}
		}
		got, _ := x.(sdk.Sealed)
		return got.Token
	}
	if token(sealed, "list", 1, "z") != `declared{"v":"w"}` || token(sealed, "a") != `declared{"v":"x"}` || !strings.HasPrefix(token(sealed, "list", 1, "f"), "derived") {
		t.Errorf("%v", sealed)
	}
	if x["a"] != "x" || x["list"].([]any)[1].(map[string]any)["z"] != "w" {
		t.Error("the value itself was changed", x)
	}
	plain, found, err := datum.Open(sealed, s)
	if err != nil || !equal(plain, x) || len(found) != 3 {
		t.Errorf("%v %v %v", plain, found, err)
	}
	again, err := datum.Seal(plain, found, s)
	if err != nil || !equal(again, sealed) {
		t.Errorf("%v, %v", again, err)
	}
	a := datum.Artifacts{Sealer: s}
	v, err := a.In(nil, sealed)
	if err != nil {
		t.Fatal(err)
	}
	same, err := new(datum.Artifacts).In(nil, x)
	if err != nil {
		t.Fatal(err)
	}
	if same = datum.MarkAt(same, found); !v.RawEquals(same) {
		t.Errorf("%#v is not %#v", v, same)
	}
	out, marks, err := a.Split(v)
	if resealed, _ := datum.Seal(out, marks, s); err != nil || !equal(resealed, sealed) {
		t.Errorf("%v, %v", resealed, err)
	}
	whole, err := datum.Seal(x, []datum.Mark{{Path: nil, Origin: datum.Derived}, {Path: []any{"a"}, Origin: datum.Declared}}, s)
	if err != nil || !strings.HasPrefix(token(whole), "declared") {
		t.Error(whole, err)
	}
	for _, gone := range []any{sdk.Sealed{Token: "x"}, []any{sdk.Sealed{Token: "x"}}, sdk.Values{"a": sdk.Sealed{Token: "x"}}} {
		if x, _, err := datum.Open(gone, s); err == nil {
			t.Error(x)
		}
		if v, err := a.In(nil, gone); err == nil {
			t.Error(v)
		}
	}
	if x, err := datum.Seal("a", []datum.Mark{{}}, nil); err == nil {
		t.Error("sealed with nothing", x)
	}
	if x, err := new(datum.Artifacts).In(nil, sealed); err == nil {
		t.Error("opened with nothing", x)
	}
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	secret := sdk.Schema{Type: "string", Sensitive: true}
	s := sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "key", Schema: secret}, {Name: "plain", Schema: sdk.Schema{Type: "string"}},
		{Name: "list", Schema: sdk.Schema{Type: "array", Items: &sdk.Schema{Type: "object", Additional: &secret}}},
	}}
	x := sdk.Values{"key": "a", "plain": "b", "list": []any{map[string]any{"x": "c", "y": nil}}}
	if got := marksText(datum.Private(&s, x)); got != "key declared list.0.x declared" {
		t.Errorf("got %q", got)
	}
	if !datum.DeclaresPrivate(&s) || datum.DeclaresPrivate(&sdk.Schema{Type: "object", Additional: &sdk.Schema{}}) || datum.DeclaresPrivate(nil) {
		t.Error("DeclaresPrivate")
	}
	if got := datum.Private(&s, sdk.Values{"key": nil}); len(got) != 0 {
		t.Error(got)
	}
}

// TestSensitiveRefused: where a value would be seen, it is an error and not lost.
func TestSensitiveRefused(t *testing.T) {
	t.Parallel()
	for _, v := range []cty.Value{hidden("true"), datum.Sensitive(cty.True, datum.Derived), datum.Sensitive(cty.EmptyTupleVal, datum.Derived)} {
		if _, err := datum.ToBool(v); !errors.Is(err, datum.ErrSensitive) {
			t.Error(err)
		}
		if _, err := datum.ToText(v); !errors.Is(err, datum.ErrSensitive) {
			t.Error(err)
		}
		if _, _, _, err := datum.Keys(v); !errors.Is(err, datum.ErrSensitive) {
			t.Error(err)
		}
	}
	keys, values, _, err := datum.Keys(cty.TupleVal([]cty.Value{hidden("a")}))
	if err != nil || len(keys) != 1 || !datum.IsSensitive(values[0]) || !datum.HasOrigin(values[0], datum.Declared) || datum.HasOrigin(values[0], datum.Derived) {
		t.Error(keys, values, err)
	}
}
