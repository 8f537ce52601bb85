package csv

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

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		inputs  sdk.Values
		rows    []any
		columns []any
		bad     string
	}{
		{"objects", sdk.Values{"text": "\uFEFFname,n\r\nAda,1\n\"a, \"\"b\"\"\nc\",\n"}, []any{object{"name": "Ada", "n": "1"}, object{"name": "a, \"b\"\nc", "n": ""}}, []any{"name", "n"}, ""},
		{"inferred", sdk.Values{"text": "a;b;c;d;e\n1.50;007;true;;18446744073709551615\n", "delimiter": ";", "types": "infer"},
			[]any{object{"a": n("1.50"), "b": "007", "c": true, "d": nil, "e": n("18446744073709551615")}}, []any{"a", "b", "c", "d", "e"}, ""},
		{"tabs, no header", sdk.Values{"text": "x\ty\n", "delimiter": "\t", "header": false}, []any{[]any{"x", "y"}}, []any{}, ""},
		{"names given", sdk.Values{"text": "x,y\n", "columns": []any{"a", "b"}, "header": false}, []any{object{"a": "x", "b": "y"}}, []any{"a", "b"}, ""},
		{"header only", sdk.Values{"text": "a,b"}, []any{}, []any{"a", "b"}, ""},
		{"ragged", sdk.Values{"text": "a,b\n1,2\n3\n"}, nil, nil, "text, line 3: there are 1 values, not 2"},
		{"too many", sdk.Values{"text": "x,y\n", "columns": []any{"a"}, "header": false}, nil, nil, "line 1: there are 2 values, not 1"},
		{"bare quote", sdk.Values{"text": "a,b\n1,2\"\n"}, nil, nil, `line 2, column 4: a " stands in a value`},
		{"open quote", sdk.Values{"text": "a,b\n1,\"2\n"}, nil, nil, "does not end as it should"},
		{"twice", sdk.Values{"text": "a,a\n"}, nil, nil, `the name "a" stands twice, as columns 1 and 2`},
		{"no name", sdk.Values{"text": "a,\n"}, nil, nil, "column 2 has no name"},
		{"empty", sdk.Values{"text": "\n"}, nil, nil, "text is empty"},
		{"nothing", sdk.Values{}, nil, nil, "nothing to read or write"},
		{"both", sdk.Values{"text": "a", "rows": []any{}}, nil, nil, "both rows and a text"},
		{"names twice", sdk.Values{"text": "a\n", "columns": []any{"b"}}, nil, nil, "columns are given for a text that has a header"},
		{"delimiter", sdk.Values{"text": "a\n", "delimiter": "\""}, nil, nil, "the delimiter"},
		{"rows", sdk.Values{"text": strings.Repeat("a\n", maxRows+3)}, nil, nil, "is too large"},
		{"bytes", sdk.Values{"text": strings.Repeat("a", maxText+1)}, nil, nil, "text is too long"},
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
			if err != nil || !reflect.DeepEqual(r.Outputs["rows"], c.rows) || !reflect.DeepEqual(r.Outputs["columns"], c.columns) || r.Outputs["count"] != n(fmt.Sprint(len(c.rows))) {
				t.Errorf("got %v, %v", r.Outputs, err)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		inputs    sdk.Values
		want, bad string
	}{
		{"objects", sdk.Values{"rows": []any{object{"b": n("1.50"), "a": "x, \"y\"\nz"}, object{"a": true, "c": nil}}}, "a,b,c\n\"x, \"\"y\"\"\nz\",1.50,\ntrue,,\n", ""},
		{"columns", sdk.Values{"rows": []any{object{"b": "1", "a": "2"}}, "columns": []any{"b"}, "delimiter": ";"}, "b\n1\n", ""},
		{"no header", sdk.Values{"rows": []any{object{"b": "1", "a": "2"}, []any{"3", "4"}}, "header": false}, "2,1\n3,4\n", ""},
		{"lists", sdk.Values{"rows": []any{[]any{"1", "2"}}, "columns": []any{"x", "y"}}, "x,y\n1,2\n", ""},
		{"no rows", sdk.Values{"rows": []any{}}, "", ""},
		{"lists without names", sdk.Values{"rows": []any{[]any{"1"}}}, "", "rows[0] is a list, and the header has no names"},
		{"short list", sdk.Values{"rows": []any{[]any{"1"}}, "columns": []any{"x", "y"}}, "", "rows[0] has 1 values, not 2"},
		{"list in it", sdk.Values{"rows": []any{object{"a": []any{}}}}, "", "rows[0].a is a list, which no CSV can hold"},
		{"artifact in it", sdk.Values{"rows": []any{object{"a": sdk.Artifact{Name: "x.png"}}}}, "", `rows[0].a is the artifact "x.png"`},
		{"text as row", sdk.Values{"rows": []any{"x"}}, "", "neither an object nor a list"},
		{"columns twice", sdk.Values{"rows": []any{}, "columns": []any{"a", "a"}}, "", `columns: the name "a" stands twice`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := Node().Run(t.Context(), &sdk.Task{Inputs: c.inputs})
			if c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)) || c.bad == "" && (err != nil || r.Outputs["text"] != c.want) {
				t.Errorf("got %q, %v; want %q %s", r.Outputs["text"], err, c.want, c.bad)
			}
		})
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("a", "b,\"c\"\n", ";")
	f.Fuzz(func(t *testing.T, a, b, comma string) {
		row := object{"a": a, "b": b}
		r, err := Node().Run(t.Context(), &sdk.Task{Inputs: sdk.Values{"rows": []any{row}, "delimiter": comma}})
		if err != nil || strings.Contains(a+b, "\r") || len([]rune(comma)) != 1 || strings.Contains(a+b, "\x00") {
			return
		}
		again, err := Node().Run(t.Context(), &sdk.Task{Inputs: sdk.Values{"text": r.Outputs["text"], "delimiter": comma}})
		if err != nil {
			if strings.Contains(err.Error(), "UTF-8") || strings.Contains(comma, "\x00") {
				return
			}
			t.Fatalf("%q: %v", r.Outputs["text"], err)
		}
		if !reflect.DeepEqual(again.Outputs["rows"], []any{row}) {
			t.Errorf("%v became %v", row, again.Outputs["rows"])
		}
	})
}
