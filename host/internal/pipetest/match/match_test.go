package match

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func TestValues(t *testing.T) {
	t.Parallel()
	value := func(text string) any {
		var v sdk.Values
		if err := json.Unmarshal([]byte(`{"v":`+text+`}`), &v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v["v"]
	}
	for _, c := range []struct{ want, got, differences string }{
		{`34.1`, `34.10`, ``},
		{`3410e-2`, `34.1`, ``},
		{`34.1`, `34.100000000000001`, `: 34.1 != 34.100000000000001`},
		{`"34"`, `34`, `: "34" != 34`},
		{`true`, `true`, ``},
		{`null`, `null`, ``},
		{`{"a": null}`, `{}`, ``},
		{`{"a": null}`, `{"a": 1}`, `a: null != 1`},
		{`{"a": {"b": 1}}`, `{"a": {"b": 1, "c": 2}, "d": 3}`, ``},
		{`{"a": {"b": 1}}`, `{"a": {"b": 2, "c": 2}}`, `a.b: 1 != 2`},
		{`{"a": 1}`, `{"b": 1}`, `a: 1 != nothing of that name; there is b`},
		{`{"a b": 1}`, `{"a b": 2}`, `["a b"]: 1 != 2`},
		{`{"a": 1}`, `[1]`, `: {"a":1} != [1]`},
		{`[1, {"a": "<"}]`, `[1, {"a": "<", "b": 2}]`, ``},
		{`[1, 2]`, `[1, 3]`, `[1]: 2 != 3`},
		{`[1]`, `[1, 3]`, `: a list of 1 element != a list of 2 elements: [1,3]`},
		{`[1]`, `{"a": 1}`, `: [1] != {"a":1}`},
		{`{"$artifact": "sha256:aa", "name": "x"}`, `{"$artifact": "sha256:aa", "name": "y"}`, ``},
		{`{"$artifact": "sha256:aa", "name": "x", "media_type": "a/b", "size": 3}`, `"x"`, `: the artifact x (a/b, 3 B, sha256:aa…) != "x"`},
		{`"x"`, `{"$artifact": "sha256:aa", "name": "x", "media_type": "a/b", "size": 3}`, `: "x" != the artifact x (a/b, 3 B, sha256:aa…)`},
	} {
		var out []string
		for _, d := range Values(value(c.want), value(c.got)) {
			out = append(out, Spell(d.Steps)+": "+d.Want+" != "+d.Got)
		}
		if got := strings.Join(out, "\n"); got != c.differences {
			t.Errorf("%s and %s: got %q, want %q", c.want, c.got, got, c.differences)
		}
	}
}
