package dedupe

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

type object = map[string]any

func n(s string) json.Number { return json.Number(s) }

func TestDedupe(t *testing.T) {
	t.Parallel()
	face := func(name string) any { return sdk.Artifact{Digest: "sha256:1", Name: name} }
	heads := []any{
		object{"t": "Robots learn to cook dinner"}, object{"t": "ROBOTS learn to cook — dinner!"}, object{"t": "Robots learn how to cook dinner"},
		object{"t": "Cats sleep all day"}, object{"x": "no title"}, object{"x": "no title"},
	}
	for _, c := range []struct {
		name   string
		inputs sdk.Values
		left   []int
		of     []int // what each removed one is a duplicate of
		bad    string
	}{
		{"exact", sdk.Values{"items": []any{n("1"), "1", n("1.0"), "a", "A", "a", nil, nil}}, []int{0, 1, 3, 4, 6, 7}, []int{0, 3}, ""},
		{"objects and artifacts", sdk.Values{"items": []any{object{"a": face("x")}, object{"a": face("y")}, object{"a": []any{}}}}, []int{0, 2}, []int{0}, ""},
		{"last", sdk.Values{"items": []any{"a", "b", "a", "b", "c"}, "keep": "last"}, []int{2, 3, 4}, []int{2, 3}, ""},
		{"by", sdk.Values{"items": heads, "by": "t"}, []int{0, 1, 2, 3, 4, 5}, nil, ""},
		{"text", sdk.Values{"items": heads, "by": "t", "mode": "text"}, []int{0, 2, 3, 4, 5}, []int{0}, ""},
		{"similar", sdk.Values{"items": heads, "by": "t", "mode": "similar"}, []int{0, 3, 4, 5}, []int{0, 0}, ""},
		{"similar but strict", sdk.Values{"items": heads, "by": "t", "mode": "similar", "threshold": n("1")}, []int{0, 2, 3, 4, 5}, []int{0}, ""},
		{"short texts", sdk.Values{"items": []any{"", "a", "b", "!", "?", "", "A."}, "mode": "similar"}, []int{0, 1, 2, 3, 4}, []int{0, 1}, ""},
		{"apostrophes", sdk.Values{"items": []any{"It's so", "its  SO", "It’s so."}, "mode": "text"}, []int{0}, []int{0, 0}, ""},
		{"empty", sdk.Values{"items": []any{}}, nil, nil, ""},
		{"no text", sdk.Values{"items": []any{"a", n("1")}, "mode": "text"}, nil, nil, "items[1]: the number 1 is no text"},
		{"bad path", sdk.Values{"items": []any{}, "by": "a["}, nil, nil, "the path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := Node().Run(t.Context(), &sdk.Task{Inputs: c.inputs})
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Errorf("%v, want %s", err, c.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			items := c.inputs["items"].([]any)
			want := []any{}
			for _, i := range c.left {
				want = append(want, items[i])
			}
			var of []int
			for _, x := range r.Outputs["removed"].([]any) {
				i, _ := x.(object)["of"].(json.Number).Int64()
				of = append(of, int(i))
			}
			if !reflect.DeepEqual(r.Outputs["items"], want) || !reflect.DeepEqual(of, c.of) || r.Outputs["count"] != n(fmt.Sprint(len(want))) {
				t.Errorf("got %v", r.Outputs)
			}
		})
	}
}

// TestWorkIsBounded tries lists made to be slow.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	same := make([]any, 20_000)
	for i := range same { // all share most of their grams, and none is like another
		same[i] = strings.Repeat("abcdefgh ", 3) + fmt.Sprintf("%08d %08x %d", i*7919, i*104729, i)
	}
	long := make([]any, 2000)
	for i := range long {
		long[i] = strings.Repeat(fmt.Sprint(i, " words and more "), 4000)
	}
	for name, items := range map[string][]any{"alike": same, "long": long} {
		_, err := Node().Run(t.Context(), &sdk.Task{Inputs: sdk.Values{"items": items, "mode": "similar", "threshold": n("0.95")}})
		if err != nil && !strings.Contains(err.Error(), "too long to find similar texts") {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(name, err)
	}
}
