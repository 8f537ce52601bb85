package expr_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
)

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

var face = sdk.Artifact{Digest: "sha256:ab", MediaType: "image/png", Size: 1 << 60, Name: "face.png", Path: "/tmp/x"}

func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, x := range []any{
		nil, true, "", "née\u0000", json.Number("0"), json.Number("-1"), json.Number("0.1"), json.Number("18446744073709551615"),
		json.Number("123456789012345678901234567890.1234567890123456789"), json.Number("1e-300"), json.Number("1.5e+400"),
		[]any{}, []any{json.Number("1"), "a", nil, []any{true}}, map[string]any{}, map[string]any{"a": nil, "b": []any{face}, "$c": "d"},
		face, map[string]any{"digest": "sha256:ab", "media_type": "image/png", "size": json.Number("5"), "name": "face.png"},
	} {
		a := datum.Artifacts{}
		v, err := a.In(&sdk.Schema{}, x)
		if err != nil {
			t.Errorf("%v: %s", x, err)
			continue
		}
		got, err := a.Out(v)
		if n, ok := x.(json.Number); ok {
			x = json.Number(strings.Replace(string(n), "e+", "e", 1))
		}
		if err != nil || !equal(got, x) {
			t.Errorf("%#v became %#v (%v)", x, got, err)
		}
	}
	for _, x := range []any{json.Number("x"), json.Number("0x10"), json.Number(""), json.Number("1e999999999999"), json.Number("1e1001"), json.Number("1e-2000"), struct{}{}, []any{make(chan int)}} {
		if v, err := new(datum.Artifacts).In(&sdk.Schema{}, x); err == nil {
			t.Errorf("%v became %#v", x, v)
		}
	}
}

// TestArithmetic shows that sums look as people expect, and that no number writes out a million digits.
func TestArithmetic(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]any{
		`"${45 * 2.4} words"`: "108 words", `0.1 + 0.2 == 0.3`: true, `1 / 3 * 3 == 1`: true, `"${-1.1 * 1.1e30} m"`: "-1210000000000000000000000000000 m",
		`"${sum([0.1, 0.2])} s"`: "0.3 s", `"${0.7 * 3}/${2 / 8}"`: "2.1/0.25",
	} {
		if got, err := (datum.Artifacts{}).Out(must(t, src)); err != nil || got != want {
			t.Errorf("%s is %v, not %v (%v)", src, got, want, err)
		}
	}
	for src, want := range map[string]json.Number{
		`0.1 + 0.2`: "0.3", `0.1 * 3`: "0.3", `1 / 4`: "0.25", `18446744073709551615 + 1`: "18446744073709551616",
		`10 / 3 * 3`: "10", `2 - 2`: "0", `-0`: "0", `1e1000`: "1e1000", `7 % 4`: "3", `1 - 0.9`: "0.1",
	} {
		if got, err := (datum.Artifacts{}).Out(must(t, src)); err != nil || got != want {
			t.Errorf("%s is %v, not %s (%v)", src, got, want, err)
		}
	}
}

// TestArtifacts: whatever an expression does with artifacts, only those that went in come out.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	a := datum.Artifacts{}
	v, err := a.In(&sdk.Schema{}, face)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]cty.Value{"x": v}
	size := json.Number("1152921504606846976")
	plain := map[string]any{"digest": "sha256:ab", "media_type": "image/png", "size": size, "name": "y"}
	for src, want := range map[string]any{
		`x`: face, `[x, x][1]`: face, `{ a = x }.a`: face, `one(toset([x, x]))`: face, `x.name`: "face.png", `x.size`: size,
		`keys(x)`: []any{"digest", "media_type", "name", "size"}, `x == x`: true, `merge(x, { name = "y" })`: plain,
		`jsonencode(x)`: `{"digest":"sha256:ab","media_type":"image/png","name":"face.png","size":1152921504606846976}`,
		`{ for k, v in x : k => v if k == "name" }`: map[string]any{"name": "face.png"}, `"${x.name}!"`: "face.png!",
		`try(x.path, "none")`: "none", `true ? x : null`: face, `coalesce(null, x)`: face,
	} {
		value, err := eval(t, src, names)
		if err != nil {
			t.Errorf("%s: %s", src, err)
			continue
		}
		if got, err := a.Out(value); err != nil || !equal(got, want) {
			t.Errorf("%s is %#v (%v), not %#v", src, got, err, want)
		}
	}
}

func TestIn(t *testing.T) {
	t.Parallel()
	schema := sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "text", Schema: sdk.Schema{Type: "string"}},
		{Name: "list", Schema: sdk.Schema{Type: "array", Items: &sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "n", Schema: sdk.Schema{Type: "number"}}}}}},
	}}
	v, err := new(datum.Artifacts).In(&schema, sdk.Values{"list": []any{map[string]any{}}, "extra": true})
	if err != nil {
		t.Fatal(err)
	}
	if !v.GetAttr("text").RawEquals(cty.NullVal(cty.String)) || v.GetAttr("extra").False() {
		t.Errorf("%#v", v)
	}
	if e := v.GetAttr("list").Index(cty.Zero); !e.GetAttr("n").RawEquals(cty.NullVal(cty.Number)) {
		t.Errorf("%#v", e)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`[]`: "false []", `["a", "b"]`: `false [0 1]`, `{ b = 1, "a/c" = 2 }`: `true [a/c b]`, `toset(["x", "y", "x"])`: `true [x y]`,
		`toset([1, 2])`: `true [1 2]`, `{}`: `true []`,
	} {
		keys, values, mapped, err := datum.Keys(must(t, src))
		got := make([]string, len(keys))
		for i := range keys {
			got[i] = keys[i].Text()
		}
		text := map[bool]string{true: "true", false: "false"}[mapped] + " [" + strings.Join(got, " ") + "]"
		if err != nil || text != want || len(values) != len(keys) {
			t.Errorf("%s: %s, not %s (%v)", src, text, want, err)
		}
	}
	for src, want := range map[string]string{
		`5`: "range(n)", `"a,b"`: "split", `null`: "null", `toset([["a"]])`: "must be text", `{ "` + strings.Repeat("x", 129) + `" = 1 }`: "128",
	} {
		if _, _, _, err := datum.Keys(must(t, src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestCoerce(t *testing.T) {
	t.Parallel()
	number, text := &sdk.Schema{Type: "number"}, &sdk.Schema{Type: "string"}
	object := &sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "n", Schema: sdk.Schema{Type: "integer", Default: 7}}, {Name: "s", Schema: *text}, {Name: "d", Schema: sdk.Schema{Type: "string", Format: "duration", Default: "5s"}},
	}, Additional: number}
	for _, c := range []struct {
		schema  *sdk.Schema
		x, want any
	}{
		{number, "5", json.Number("5")}, {number, "five", "five"}, {number, "", ""}, {number, " 5", " 5"}, {number, "0x10", "0x10"}, {number, "1e3", json.Number("1e3")},
		{number, true, true}, {text, json.Number("5"), "5"}, {text, true, "true"}, {text, []any{}, []any{}},
		{&sdk.Schema{Type: "boolean"}, "true", true}, {&sdk.Schema{Type: "boolean"}, "yes", "yes"},
		{&sdk.Schema{Type: "integer", Format: "bytes"}, "6GiB", "6GiB"},
		{&sdk.Schema{Type: "array", Items: number}, []any{"1", "x"}, []any{json.Number("1"), "x"}},
		{object, map[string]any{"s": nil, "m": "3"}, map[string]any{"n": json.Number("7"), "d": "5s", "m": json.Number("3")}},
		{object, "x", "x"}, {&sdk.Schema{}, "5", "5"}, {nil, "5", "5"},
	} {
		if got := datum.Coerce(c.schema, c.x); !equal(got, c.want) {
			t.Errorf("%#v became %#v, not %#v", c.x, got, c.want)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{`{"a":18446744073709551615}`, `{"a":0.1}`, `{"a":[1,"x",null,{"b":true}]}`, `{"a":1e400}`, `{"a":-0.0}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var x map[string]any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if d.Decode(&x) != nil {
			return
		}
		a := datum.Artifacts{}
		v, err := a.In(&sdk.Schema{}, x)
		if err != nil {
			return
		}
		y, err := a.Out(v)
		if err != nil {
			t.Fatalf("%v: %s", x, err)
		}
		w, err := a.In(&sdk.Schema{}, y)
		if err != nil {
			t.Fatalf("%v: %s", y, err)
		}
		if z, err := a.Out(w); err != nil || !equal(y, z) {
			t.Fatalf("%v became %v", y, z)
		}
	})
}
