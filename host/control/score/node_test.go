package score

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func n(s string) json.Number { return json.Number(s) }

func TestRank(t *testing.T) {
	t.Parallel()
	titles := []any{
		map[string]any{"text": "A very long title about nothing in particular", "likes": n("900")},
		map[string]any{"text": "The Robot that cooks", "likes": n("120.5")},
		map[string]any{"text": "Robots", "likes": n("120.5")},
		map[string]any{"text": "No likes"},
	}
	rules := []any{
		map[string]any{"name": "fits", "path": "text", "test": "length", "max": n("30"), "weight": n("2")},
		map[string]any{"name": "topic", "path": "text", "test": "contains", "value": "robot", "ignore_case": true},
		map[string]any{"path": "likes", "weight": n("0.001")},
	}
	for _, c := range []struct {
		name   string
		inputs sdk.Values
		order  []int
		scores []json.Number
		says   string // a reason of the best
		bad    string
	}{
		{"rules", sdk.Values{"candidates": titles, "rules": rules}, []int{1, 2, 3, 0}, []json.Number{"3.1205", "3.1205", "2", "0.9"}, "likes number +0.1205: 120.5 × 0.001", ""},
		{"top", sdk.Values{"candidates": titles, "rules": rules, "top": n("1")}, []int{1}, []json.Number{"3.1205"}, "topic +1", ""},
		{"numbers", sdk.Values{"candidates": []any{n("0.1"), n("0.3"), "x"}, "rules": []any{map[string]any{}, map[string]any{"weight": n("2")}}}, []int{1, 0, 2}, []json.Number{"0.9", "0.3", "0"}, "number +0.3", ""},
		{"sums that look equal are", sdk.Values{"candidates": []any{[]any{n("0.1"), n("0.2")}, []any{n("0.3"), n("0")}}, "rules": []any{map[string]any{"path": "[0]"}, map[string]any{"path": "[1]"}}}, []int{0, 1}, []json.Number{"0.3", "0.3"}, "[0] number +0.1", ""},
		{"taken away", sdk.Values{"candidates": []any{"spam", "ham"}, "rules": []any{map[string]any{"test": "equals", "value": "spam", "weight": n("-5")}}}, []int{1, 0}, []json.Number{"0", "-5"}, "equals 0: it is the text", ""},
		{"pattern", sdk.Values{"candidates": titles, "rules": []any{map[string]any{"test": "matches", "value": "("}}}, nil, nil, "", "rules[0]: matches has a pattern"},
		{"path", sdk.Values{"candidates": titles, "rules": []any{map[string]any{"path": "a["}}}, nil, nil, "", "rules[0]: the path"},
		{"huge", sdk.Values{"candidates": []any{n("1e308")}, "rules": []any{map[string]any{"weight": n("1000")}}}, nil, nil, "", "candidates[0] has a score that is too large"},
		{"no list", sdk.Values{"candidates": "x", "rules": rules}, nil, nil, "", "input candidates: want a list"},
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
			var order []int
			var scores []json.Number
			for _, x := range r.Outputs["ranked"].([]any) {
				m := x.(map[string]any)
				i, _ := m["index"].(json.Number).Int64()
				order, scores = append(order, int(i)), append(scores, m["score"].(json.Number))
				if want := c.inputs["candidates"].([]any)[i]; !reflect.DeepEqual(m["value"], want) {
					t.Errorf("candidate %d became %v", i, m["value"])
				}
			}
			if !reflect.DeepEqual(order, c.order) || !reflect.DeepEqual(scores, c.scores) {
				t.Errorf("order %v, scores %v; want %v, %v", order, scores, c.order, c.scores)
			}
			var all []string
			for _, x := range r.Outputs["reasons"].([]any) {
				all = append(all, x.(string))
			}
			if !strings.Contains(strings.Join(all, "\n"), c.says) {
				t.Errorf("reasons %q do not say %q", all, c.says)
			}
		})
	}
}
