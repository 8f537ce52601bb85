package jsonquery

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

type object = map[string]any

func n(s string) json.Number { return json.Number(s) }

func TestQuery(t *testing.T) {
	t.Parallel()
	face := sdk.Artifact{Digest: "sha256:1", Name: "face.png", MediaType: "image/png", Size: 1 << 60, Path: "/artifacts/x"}
	plan := object{
		"title": "T", "seed": n("18446744073709551615"), "seed2": n("18446744073709551614"), "tiny": n("1e-400"), "zero": n("0"), "price": n("1.50"),
		"scenes": []any{object{"text": "a", "seconds": n("5.5")}, object{"text": "b", "seconds": n("3")}, object{"text": "c", "seconds": n("7")}},
		"face":   face, "none": nil, "faces": []any{face, face},
	}
	for _, c := range []struct {
		name, expression string
		want             any
		bad              string
	}{
		{"field", "title", "T", ""},
		{"filter", "scenes[?seconds > `5`].text", []any{"a", "c"}, ""},
		{"numbers", "[length(scenes), sum(scenes[].seconds), price, min(scenes[].seconds)]", []any{n("3"), n("15.5"), n("1.5"), n("3")}, ""},
		{"exact", "[seed, seed2, tiny, zero]", []any{n("18446744073709551615"), n("18446744073709551614"), n("1e-400"), n("0")}, ""},
		{"exact ones are told apart", "seed == seed2", false, ""},
		{"sorted", "sort_by(scenes, &seconds)[*].text", []any{"b", "a", "c"}, ""},
		{"made", "{t: title, n: none, first: scenes[0].seconds}", object{"t": "T", "n": nil, "first": n("5.5")}, ""},
		{"artifact", "{a: face, name: face.name, all: faces[*]}", object{"a": face, "name": "face.png", "all": []any{face, face}}, ""},
		{"texts", "split('a b', ' ')", []any{"a", "b"}, ""},
		{"keys", "sort(keys(scenes[0]))", []any{"seconds", "text"}, ""},
		{"zip and items", "zip(['a'], items({x: `1`}))", []any{[]any{"a", []any{"x", n("1")}}}, ""},
		{"let", "let $t = title in scenes[0].{t: $t}", object{"t": "T"}, ""},
		{"arithmetic", "scenes[0].seconds - `0.5` * `-0`", n("5.5"), ""},
		{"minus nothing", "`-0`", n("0"), ""},
		{"nothing", "nowhere[0].x", nil, ""},
		{"syntax", "scenes[?seconds >", nil, "has a mistake at column 18"},
		{"syntax after an umlaut", "\"ä\" . ", nil, "has a mistake at column"},
		{"open text", "title == 'a", nil, "at column 12: Unclosed delimiter"},
		{"unknown function", "scenes[?longness(text) > `1`]", nil, "unknown function longness() at column 9"},
		{"wrong argument", "scenes[?length(seconds) > `1`]", nil, "fails in length() at column 9: invalid type"},
		{"wrong argument in a filter's list", "sum(title)[?a]", nil, "fails in sum() at column 1"},
		{"too few arguments", "join(',')", nil, "fails in join() at column 1: invalid arity"},
		{"breaks the library", "let$0 in$", nil, "is wrong, and the library"},
		{"no such variable", "$x", nil, "cannot be evaluated"},
		{"by zero", "`1` / `0`", nil, "divided by zero"},
		{"expression", "&title", nil, "is an expression, not a value"},
		{"deep", strings.Repeat("[", 200) + "@" + strings.Repeat("]", 200), nil, "nests deeper than 100"},
		{"many brackets", strings.Repeat("(", 4000) + "title" + strings.Repeat(")", 4000), "T", ""},
		{"nested too deep", strings.Repeat("!", 4000) + "@", nil, "nested too deep"},
		{"grows", "@" + strings.Repeat(" | [@,@]", 60), nil, "holds more than 200000 values"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := Node().Run(t.Context(), &sdk.Task{Inputs: sdk.Values{"value": plan, "expression": c.expression}})
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Errorf("%v, want %s", err, c.bad)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(r.Outputs["result"], c.want) || r.Outputs["found"] != (c.want != nil) {
				t.Errorf("got %v, %v; want %v", r.Outputs, err, c.want)
			}
		})
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, []byte("\uFEFF{\"a\": [1, 12345678901234567890]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := sdk.Artifact{Name: "a.json", Path: path, MediaType: "application/json"}
	list := object{"type": "array", "items": object{"type": "string"}}
	for _, c := range []struct {
		inputs sdk.Values
		want   any
		bad    string
	}{
		{sdk.Values{"json": `{"a": 1.0}`, "expression": "a"}, n("1"), ""},
		{sdk.Values{"file": file, "expression": "a[1]"}, n("12345678901234567890"), ""},
		{sdk.Values{"expression": "a"}, nil, ""},
		{sdk.Values{"expression": "a", "value": object{"a": []any{"x"}}, "as": list}, []any{"x"}, ""},
		{sdk.Values{"expression": "a", "value": object{"a": []any{n("1")}}, "as": list}, nil, "the result does not fit the type in as: [0]: want text, got the number 1"},
		{sdk.Values{"expression": "b", "value": object{"a": "x"}, "required": true}, nil, `the expression "b" finds nothing in an object`},
		{sdk.Values{"expression": "a", "value": "x", "json": "1"}, nil, "both value and json"},
		{sdk.Values{"expression": "a", "json": "1", "file": file}, nil, "both json and file"},
		{sdk.Values{"expression": "a", "json": "{\"a\": 1,\n \"b\" 2}"}, nil, "json is no JSON: line 2, column 6"},
		{sdk.Values{"expression": "a", "json": `{"a": `}, nil, "ends too early"},
		{sdk.Values{"expression": "a", "json": "{}\n{}"}, nil, "something follows the value"},
		{sdk.Values{"expression": "a", "json": "[" + strings.Repeat("1,", maxValues) + "1]"}, nil, "json holds more than"},
		{sdk.Values{"expression": "a", "json": strings.Repeat("[", 20000)}, nil, "json is no JSON"},
		{sdk.Values{"expression": "a", "json": strings.Repeat("[", 200) + strings.Repeat("]", 200)}, nil, "nests deeper"},
		{sdk.Values{"expression": "a", "value": n("1e999")}, nil, "too large to be asked"},
	} {
		r, err := Node().Run(t.Context(), &sdk.Task{Inputs: c.inputs})
		if c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)) || c.bad == "" && (err != nil || !reflect.DeepEqual(r.Outputs["result"], c.want)) {
			t.Errorf("%.200v: got %v, %v; want %v%s", c.inputs, r.Outputs, err, c.want, c.bad)
		}
	}
}

// TestNeighbours asks many numbers between which float64 has no room, in time and without mixing them up.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	const many = 50_000
	list := make([]any, many)
	for i := range list {
		list[i] = n(strconv.FormatUint(18446744073709500000+uint64(i), 10))
	}
	begun := time.Now()
	got, err := search("@", list)
	if err != nil || !reflect.DeepEqual(got, list) {
		t.Errorf("the numbers came back otherwise: %v", err)
	}
	if took := time.Since(begun); took > time.Minute { // a second search for each would take minutes
		t.Errorf("it took %v", took)
	}
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"a[?b > `1`].c | sort_by(@, &d)", "let $x = a in [*].{k: $x, l: length(@)}", "a.*[].b[1:2:-1]", "zip(a, b) || !c && \"d\" == 'e'", "pad_left(a, `3`, '-')"} {
		f.Add(s)
	}
	data := object{"a": []any{object{"b": n("2"), "c": "x", "d": n("1e-400")}, "text", nil, true}, "b": object{"k": []any{n("1")}}, "c": sdk.Artifact{Name: "n"}}
	f.Fuzz(func(t *testing.T, expression string) {
		if len(expression) > 200 || strings.Contains(expression, "pad_") {
			return
		}
		x, err := search(expression, data)
		if err != nil {
			if e := sdk.AsError(err); !e.Permanent || !strings.HasPrefix(e.Message, "the ") {
				t.Errorf("%s fails with %v", expression, err)
			}
			return
		}
		if _, err := (sdk.Values{"x": x}).AppendBinary(nil, true); err != nil && !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%s gives %v: %v", expression, x, err)
		}
	})
}
