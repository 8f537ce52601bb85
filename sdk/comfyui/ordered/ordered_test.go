package ordered_test

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/comfyui/ordered"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"order":       {`{"b": 1, "a": {"d": [], "c": {}}}`, "{\n  \"b\": 1,\n  \"a\": {\n    \"d\": [],\n    \"c\": {}\n  }\n}"},
		"digits":      {`[18446744073709551615, 1.50, -0, 1e400]`, "[18446744073709551615, 1.50, -0, 1e400]"},
		"not finite":  {`[NaN, -Infinity, "NaN \" Infinity", Infinity]`, `[null, null, "NaN \" Infinity", null]`},
		"mark":        {"\xef\xbb\xbf[true, false, null]", "[true, false, null]"},
		"twice":       {`{"a": 1, "b": 2, "a": 3}`, "{\n  \"a\": 3,\n  \"b\": 2\n}"},
		"not escaped": {`"<é>\n"`, `"<é>\n"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := ordered.Parse([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if ordered.Write(&b, v, ""); b.String() != c.want {
				t.Errorf("got %s\nwant %s", b.String(), c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"where":  {"{\n\n  \"a\": 1,}", "line 3: invalid character '}'"},
		"cut":    {"[1,\n", "line 2: it ends too early"},
		"more":   {"[1] 2", "there is more text after its end"},
		"deep":   {strings.Repeat(`{"a":`, 101), "nested more than 100 levels deep"},
		"many":   {"[" + strings.Repeat("0,", 2<<20) + "0]", "more values than any workflow has"},
		"large":  {strings.Repeat(" ", ordered.Max+1), "more than 32 MiB"},
		"hidden": {`[NaN1]`, "invalid character '1'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ordered.Parse([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant …%s…", err, c.want)
			}
		})
	}
}
