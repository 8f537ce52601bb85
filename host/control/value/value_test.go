package value

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func TestPath(t *testing.T) {
	t.Parallel()
	v := map[string]any{
		"a": map[string]any{"b": []any{json.Number("1"), "two", nil}}, "odd key": true, "x.y": "dotted",
		"f": sdk.Artifact{Name: "a.png", MediaType: "image/png", Size: 7, Digest: "sha256:1"},
	}
	for _, c := range []struct {
		path string
		want any // nil: it is not there
	}{
		{"", v}, {"a.b[0]", json.Number("1")}, {"a.b[-2]", "two"}, {"a.b[2]", nil}, {"a.b[3]", nil}, {"a.b[-4]", nil},
		{`["odd key"]`, true}, {`["x.y"]`, "dotted"}, {"f.media_type", "image/png"}, {"f.size", json.Number("7")},
		{"f.path", nil}, {"f[0]", nil}, {"a[0]", nil}, {"a.b.c", nil}, {"nothing.at.all", nil},
	} {
		p, err := ParsePath(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		got, ok := p.Of(v)
		if ok != (c.want != nil) || ok && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v %v, want %v", c.path, got, ok, c.want)
		}
	}
	for _, bad := range []string{".a", "a.", "a..b", "a[", "a[x]", `a["x`, "a b", "a[0]b", strings.Repeat("a", 1001)} {
		if _, err := ParsePath(bad); err == nil || !strings.Contains(err.Error(), "the path ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	same := [][2]any{
		{json.Number("1.0"), json.Number("1")},
		{map[string]any{"a": "x", "b": json.Number("15e-1")}, map[string]any{"b": json.Number("1.50"), "a": "x"}},
		{sdk.Artifact{Digest: "d", Name: "a"}, sdk.Artifact{Digest: "d", Name: "b"}},
	}
	for _, c := range same {
		if Key(c[0]) != Key(c[1]) {
			t.Errorf("%v and %v differ", c[0], c[1])
		}
	}
	seen := map[string]any{}
	for _, x := range []any{nil, true, "true", json.Number("1"), "1", []any{}, map[string]any{}, []any{"a", "b"}, []any{"a1:b"}, []any{[]any{"a"}, "b"}, []any{nil}} {
		if y, twice := seen[Key(x)]; twice {
			t.Errorf("%v and %v have one key", x, y)
		}
		seen[Key(x)] = x
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("\uFEFFa\r\nb\rc"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		s    Source
		want string
		bad  string
	}{
		{Source{Text: "x", Max: 9}, "x", ""},
		{Source{File: &sdk.Artifact{Name: "a.txt", Path: path}, Max: 90}, "a\nb\nc", ""},
		{Source{File: &sdk.Artifact{Name: "a.txt", Path: path}, Max: 3}, "", `the file "a.txt" is too long`},
		{Source{File: &sdk.Artifact{Name: "b", Path: path + "b"}, Max: 3}, "", `the file "b" cannot be read`},
		{Source{Name: "text", Text: "x", File: &sdk.Artifact{}, Max: 3}, "", "both text and file"},
		{Source{Name: "text", Text: "\xff", Max: 3}, "", "text is not text"},
		{Source{Name: "text", Text: "long", Max: 3}, "", "text is too long: 4 B"},
	} {
		got, _, err := c.s.Read()
		if c.bad != "" && (err == nil || !strings.HasPrefix(err.Error(), c.bad)) || c.bad == "" && (err != nil || got != c.want) {
			t.Errorf("%+v: %q, %v", c.s, got, err)
		}
	}
}
