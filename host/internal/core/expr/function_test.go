package expr_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
)

func eval(t *testing.T, src string, names map[string]cty.Value) (cty.Value, error) {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(src), "test.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %s", src, diags)
	}
	v, diags := expr.Eval(e, &hcl.EvalContext{Variables: names, Functions: library.Table(&library.Files{})})
	if diags.HasErrors() {
		return v, diags
	}
	return v, nil
}

func must(t *testing.T, src string) cty.Value {
	t.Helper()
	v, err := eval(t, src, nil)
	if err != nil {
		t.Fatalf("%s: %s", src, err)
	}
	return v
}

// TestFunctions holds every function to its documented example.
func TestFunctions(t *testing.T) {
	t.Parallel()
	functions := library.Functions()
	if len(functions) < 80 {
		t.Errorf("only %d functions", len(functions))
	}
	for i, f := range functions {
		if f.Doc == "" || f.Example == "" || f.Result == "" || !strings.Contains(f.Example, f.Name+"(") {
			t.Errorf("%s is not documented", f.Name)
		}
		if i > 0 && functions[i-1].Name >= f.Name {
			t.Errorf("%s stands twice or out of order", f.Name)
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			got, want := must(t, f.Example), must(t, f.Result)
			if c, err := convert.Convert(want, got.Type()); err == nil {
				want = c
			}
			if !got.RawEquals(want) {
				t.Errorf("%s is %#v, not %s", f.Example, got, f.Result)
			}
		})
	}
}

// TestFunctionsTakeAnything calls every function with values of every kind, known and unknown: errors are fine,
// panics are not.
func TestFunctionsTakeAnything(t *testing.T) {
	t.Parallel()
	unknownParts := cty.ObjectVal(map[string]cty.Value{"a": cty.UnknownVal(cty.String), "b": cty.DynamicVal})
	values := []cty.Value{
		cty.DynamicVal, cty.NullVal(cty.DynamicPseudoType), cty.UnknownVal(cty.String), cty.UnknownVal(cty.Number),
		cty.UnknownVal(cty.List(cty.String)), cty.UnknownVal(cty.Map(cty.Number)), unknownParts, cty.NullVal(cty.String),
		cty.TupleVal([]cty.Value{cty.UnknownVal(cty.Number), cty.NullVal(cty.Number)}), cty.StringVal(""), cty.StringVal("a b"),
		cty.NumberIntVal(-1), cty.NumberFloatVal(1.5), cty.True, cty.EmptyTupleVal, cty.EmptyObjectVal,
		cty.ListVal([]cty.Value{cty.StringVal("x"), cty.UnknownVal(cty.String)}), cty.SetVal([]cty.Value{cty.StringVal("x")}),
	}
	for name, f := range library.Table(&library.Files{}) {
		if name == "try" || name == "can" {
			continue // take expressions, not values
		}
		for _, a := range values {
			_, _ = f.Call([]cty.Value{a})
			for _, b := range values {
				_, _ = f.Call([]cty.Value{a, b})
				_, _ = f.Call([]cty.Value{a, b, cty.NumberIntVal(2)})
			}
		}
	}
}

func TestFunctionLimits(t *testing.T) {
	t.Parallel()
	big := cty.StringVal(strings.Repeat("a", 1<<20))
	names := map[string]cty.Value{"big": big}
	for _, src := range []string{
		`range(10001)`, `range(0, 1, 0)`, `range(0, 1e300, 1e-300)`, `range()`, `range(1, 2, 3, 4)`,
		`repeat("abc", 1e9)`, `repeat(big, 17)`, `repeat("a", -1)`, `repeat("a", 1.5)`,
		`replace(big, "a", "0123456789abcdefg")`, `regexreplace(big, "a", "0123456789abcdefg")`, `regexreplace(big, "(a+)", repeat("$1", 20))`,
		`join(big, range(100))`, `format("%1000000000d", 1)`, `format("%.99999999f", 1)`, `formatlist("%-1000000000s", ["a"])`,
		`setproduct(range(1000), range(1000))`, `regex("(", "a")`, `regexreplace("a", "(", "b")`,
		"yamldecode(\"a: &x [1]\\nb: *x\")", `base64decode("%")`, `base64decode("/w==")`,
		`jsondecode("{\"a\":[1e999999999]}")`, `bytes("many")`, `duration("soon")`, `one([1, 2])`, `one("a")`, `index(["a"], "b")`, `clamp(1, 3, 2)`, `succeeded("a")`, `length(5)`,
	} {
		if v, err := eval(t, src, names); err == nil {
			t.Errorf("%s gave a value of type %s", src, v.Type().FriendlyName())
		}
	}
}

func TestFunctionCases(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{`range(2, 5)`, `[2, 3, 4]`}, {`range(5, 2)`, `[5, 4, 3]`}, {`range(0, 1, 0.25)`, `[0, 0.25, 0.5, 0.75]`}, {`range(0)`, `[]`}, {`range(2, 2)`, `[]`},
		{`length("née")`, `3`}, {`length({ a = 1, b = 2 })`, `2`}, {`length(toset(["a", "a"]))`, `1`}, {`length("")`, `0`},
		{`round(-2.5)`, `-3`}, {`round(1.005, 2)`, `1.01`}, {`round(7)`, `7`}, {`round(1e-320)`, `0`},
		{`succeeded({ a = null, b = 1 })`, `{ b = 1 }`}, {`succeeded([])`, `[]`}, {`succeeded(null)`, `[]`},
		{`slug("  Über Straße  ")`, `"uber-stra-e"`}, {`slug("...")`, `""`},
		{`truncate("short", 5)`, `"short"`}, {`truncate("abcdefgh", 4)`, `"abc…"`},
		{`one([])`, `null`}, {`sum([])`, `0`}, {`sum([0.1, 0.2])`, `0.3`}, {`alltrue([])`, `true`}, {`anytrue([null])`, `false`},
		{`index([1, "b"], "b")`, `1`}, {`duration("1500ms")`, `1.5`}, {`try(var_that_is_not, 1)`, `1`},
		{`setproduct(["a"], [])`, `[]`}, {`coalesce(null, null, 3)`, `3`},
	} {
		got, want := must(t, c[0]), must(t, c[1])
		x, err1 := datum.Artifacts{}.Out(got)
		y, err2 := datum.Artifacts{}.Out(want)
		if err1 != nil || err2 != nil || !equal(x, y) {
			t.Errorf("%s is %v, not %s (%v, %v)", c[0], x, c[1], err1, err2)
		}
	}
}
