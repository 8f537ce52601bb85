package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func TestHolds(t *testing.T) {
	t.Parallel()
	var v sdk.Values
	if err := json.Unmarshal([]byte(`{"v": {"n": 9007199254740993, "f": 0.1, "t": "äbc", "l": [1, "a", null, {"x": true}], "o": {"k": "v"}, "z": null}}`), &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, value string
		want        bool
	}{
		{"n ==", "9007199254740993", true}, {"n ==", "9007199254740992", false}, {"n >", "9007199254740992", true},
		{"f <=", "0.10", true}, {"f <", "1", true}, {"f !=", `"0.1"`, true}, {"t >", `"ab"`, true}, {"t contains", `"bc"`, true},
		{"t matches", `"^ä.c$"`, true}, {"t longer", "2", true}, {"t longer", "3", false}, {"l shorter", "5", true},
		{"l contains", `{"x": true}`, true}, {"l contains", "2", false}, {"l.3.x ==", "true", true}, {"l.1 in", `["b", "a"]`, true},
		{"o ==", `{"k": "v"}`, true}, {"o ==", `{"k": "w"}`, false}, {"z exists", "null", false}, {"z missing", "null", true},
		{"l.9 exists", "null", false}, {"absent <", "1", false}, {"absent !=", "1", true}, {"z ==", "null", true}, {" exists", "null", true},
	} {
		path, is, _ := strings.Cut(c.rule, " ")
		var with sdk.Values
		if err := json.Unmarshal([]byte(`{"v":`+c.value+`}`), &with); err != nil {
			t.Fatal(err)
		}
		got, err := Rule{path, is, with["v"]}.Holds(v["v"])
		if err != nil || got != c.want {
			t.Errorf("%s %s: %v, %v", c.rule, c.value, got, err)
		}
	}
	for _, bad := range []Rule{
		{"l", "<", json.Number("1")}, {"t", "<", json.Number("1")}, {"t", "in", "x"}, {"t", "contains", json.Number("1")}, {"n", "contains", "x"},
		{"t", "matches", "("}, {"n", "matches", "x"}, {"n", "longer", json.Number("1")}, {"t", "longer", "x"},
	} {
		if _, err := bad.Holds(v["v"]); err == nil || !strings.Contains(err.Error(), "the rule "+bad.String()) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}
