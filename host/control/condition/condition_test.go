package condition

import (
	"encoding/json"
	"strings"
	"testing"
)

func number(s json.Number) *json.Number { return &s }

func TestHolds(t *testing.T) {
	t.Parallel()
	v := map[string]any{"text": "A Cat sat", "n": json.Number("3.0"), "tags": []any{"Red", json.Number("2")}, "none": nil, "yes": true}
	for _, c := range []struct {
		c   Condition
		why string // empty: it holds
	}{
		{Condition{Path: "n", Test: "equals", Value: json.Number("3")}, ""},
		{Condition{Path: "n", Test: "equals", Value: "3"}, `n is the number 3.0, not the text "3"`},
		{Condition{Path: "text", Test: "equals", Value: "a cat SAT", IgnoreCase: true}, ""},
		{Condition{Path: "text", Test: "not_equals", Value: "A Cat sat"}, `text is the text "A Cat sat"`},
		{Condition{Path: "n", Test: "one_of", Value: []any{"x", json.Number("3")}}, ""},
		{Condition{Path: "n", Test: "one_of", Value: []any{"x"}}, "n is the number 3.0, none of those"},
		{Condition{Path: "text", Test: "contains", Value: "Cat"}, ""},
		{Condition{Path: "text", Test: "contains", Value: "cat"}, `text does not contain the text "cat"`},
		{Condition{Path: "text", Test: "contains", Value: "cat", IgnoreCase: true}, ""},
		{Condition{Path: "text", Test: "contains", Value: json.Number("1")}, "text does not contain the number 1"},
		{Condition{Path: "tags", Test: "contains", Value: json.Number("2.0")}, ""},
		{Condition{Path: "tags", Test: "contains", Value: "red", IgnoreCase: true}, ""},
		{Condition{Path: "text", Test: "matches", Value: "^a", IgnoreCase: true}, ""},
		{Condition{Path: "n", Test: "matches", Value: "^a"}, `n does not match "^a"`},
		{Condition{Path: "n", Test: "between", Min: number("3"), Max: number("3.0")}, ""},
		{Condition{Path: "n", Test: "between", Min: number("3.1")}, "n is 3.0, below 3.1"},
		{Condition{Path: "n", Test: "between", Max: number("2")}, "n is 3.0, above 2"},
		{Condition{Path: "text", Test: "between", Max: number("2")}, "no number"},
		{Condition{Path: "text", Test: "length", Max: number("9")}, ""},
		{Condition{Path: "tags", Test: "length", Min: number("3")}, "tags is of length 2, below 3"},
		{Condition{Path: "yes", Test: "length", Min: number("3")}, "yes is true and has no length"},
		{Condition{Path: "yes", Test: "present"}, ""},
		{Condition{Path: "none", Test: "present"}, "none is missing"},
		{Condition{Path: "none", Test: "absent"}, ""},
		{Condition{Path: "yes", Test: "absent"}, "yes is there"},
		{Condition{Test: "length", Min: number("9")}, "it is of length 5, below 9"},
	} {
		r, err := c.c.Check()
		if err != nil {
			t.Errorf("%+v: %v", c.c, err)
			continue
		}
		ok, why := r.Holds(v)
		if ok != (c.why == "") || !ok && !strings.Contains(why, c.why) {
			t.Errorf("%+v: %v, %q; want %q", c.c, ok, why, c.why)
		}
	}
}

func TestBadConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		c    Condition
		want string
	}{
		{Condition{Test: "equals"}, "equals has no value"},
		{Condition{Test: "contains", Value: ""}, "contains has no value"},
		{Condition{Test: "one_of", Value: "x"}, "one_of wants a list"},
		{Condition{Test: "matches", Value: "("}, "no regular expression"},
		{Condition{Test: "matches", Value: true}, "not true"},
		{Condition{Test: "between"}, "neither min nor max"},
		{Condition{Test: "length", Min: number("3"), Max: number("2")}, "a min of 3 above its max of 2"},
		{Condition{Test: "present", Path: "a["}, "the path"},
	} {
		if _, err := c.c.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.c, err, c.want)
		}
	}
}
