package choose

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

type object = map[string]any

func TestChoose(t *testing.T) {
	t.Parallel()
	face := sdk.Artifact{Digest: "sha256:1", Name: "face.png"}
	on := object{"language": "de", "seconds": json.Number("12.50"), "face": face}
	german := object{"name": "german", "conditions": []any{object{"path": "language", "value": "de"}}, "value": "anna"}
	long := object{"name": "long", "conditions": []any{
		object{"path": "seconds", "test": "between", "min": json.Number("60")}, object{"path": "language", "value": "de"},
	}}
	for _, c := range []struct {
		name   string
		inputs sdk.Values
		want   sdk.Values
		bad    string
	}{
		{"first that holds", sdk.Values{"on": on, "cases": []any{long, german}}, sdk.Values{"name": "german", "value": "anna", "index": json.Number("1"), "matched": true}, ""},
		{"value passes through", sdk.Values{"on": on, "cases": []any{object{"name": "any", "conditions": []any{object{"path": "face", "test": "present"}}}}},
			sdk.Values{"name": "any", "value": on, "index": json.Number("0"), "matched": true}, ""},
		{"when", sdk.Values{"cases": []any{object{"name": "no", "when": false, "value": "1"}, object{"name": "yes", "when": true, "value": face}}},
			sdk.Values{"name": "yes", "value": face, "index": json.Number("1"), "matched": true}, ""},
		{"when and conditions", sdk.Values{"on": on, "cases": []any{object{"name": "a", "when": true, "conditions": long["conditions"]}}}, nil, "no case holds: a: seconds is 12.50, below 60"},
		{"default", sdk.Values{"on": on, "cases": []any{long}, "on_none": "default", "default": json.Number("1.50")},
			sdk.Values{"name": "default", "value": json.Number("1.50"), "index": json.Number("-1"), "matched": false}, ""},
		{"null as default", sdk.Values{"on": on, "cases": []any{long}, "on_none": "default"}, sdk.Values{"name": "default", "index": json.Number("-1"), "matched": false}, ""},
		{"default that is never given", sdk.Values{"cases": []any{german}, "default": "x"}, nil, "a default is given, and on_none says fail"},
		{"empty case", sdk.Values{"cases": []any{object{"name": "x"}}}, nil, `case "x" has neither when nor conditions`},
		{"bad condition", sdk.Values{"cases": []any{object{"name": "x", "conditions": []any{object{"test": "matches", "value": "("}}}}}, nil, `case "x", conditions[0]: matches has a pattern`},
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
			if err != nil || !reflect.DeepEqual(r.Outputs, c.want) {
				t.Errorf("got %v, %v; want %v", r.Outputs, err, c.want)
			}
		})
	}
}
