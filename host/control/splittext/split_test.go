package splittext

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, by string
		limit          int
		want           []string
	}{
		{"nothing", " \n\n\t", "paragraphs", 0, nil},
		{"one", "word", "paragraphs", 0, []string{"word"}},
		{"blank lines", "\uFEFFa\nb\r\n\r\n  c \n \t\n\n\nd", "paragraphs", 0, []string{"a\nb", "c", "d"}},
		{"sentences", "It is 3.5 m. Really? “Yes.” He left! … so", "sentences", 0, []string{"It is 3.5 m.", "Really?", "“Yes.”", "He left!", "… so"}},
		{"abbreviations", "Dr. Smith, e.g. A. Jones, came. They sat.", "sentences", 0, []string{"Dr. Smith, e.g. A. Jones, came.", "They sat."}},
		{"no white space", "你好。再见！", "sentences", 0, []string{"你好。", "再见！"}},
		{"long paragraph", "One two. Three four. Five", "paragraphs", 20, []string{"One two. Three four.", "Five"}},
		{"long sentence", "one two three four", "sentences", 8, []string{"one two", "three", "four"}},
		{"long word", "ääääää b", "sentences", 4, []string{"ääää", "ää b"}},
		{"length", "aa bb\n\ncc\n\ndd", "length", 9, []string{"aa bb\n\ncc", "dd"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := split(c.text, c.by, c.limit); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("One. Two\n\nthree", "sentences", 5)
	f.Add("äöü。…\"", "length", 1)
	f.Add("a\n \nb", "paragraphs", 0)
	f.Fuzz(func(t *testing.T, text, by string, limit int) {
		if limit < 0 || !utf8.ValidString(text) || strings.Contains(text, "\uFEFF") {
			return
		}
		got := split(text, by, limit)
		dense := func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.IsSpace(r) {
					return -1
				}
				return r
			}, s)
		}
		if a, b := dense(strings.Join(got, "")), dense(text); a != b {
			t.Errorf("text was lost: %q became %q", b, a)
		}
		for _, s := range got {
			if strings.TrimSpace(s) == "" || limit > 0 && utf8.RuneCountInString(s) > limit {
				t.Errorf("piece %q does not fit the limit %d", s, limit)
			}
		}
	})
}

func TestNode(t *testing.T) {
	t.Parallel()
	n := Node()
	if err := n.Type().Validate(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := sdk.Artifact{Name: "a.txt", Path: path, MediaType: "text/plain", Size: 11}
	for _, c := range []struct {
		name   string
		inputs sdk.Values
		want   any // chunks, or the start of the error
	}{
		{"text", sdk.Values{"text": "a\n\nb"}, []any{"a", "b"}},
		{"file", sdk.Values{"file": file}, []any{"from a file"}},
		{"both", sdk.Values{"file": file, "text": "x"}, "both text and file"},
		{"neither", sdk.Values{}, "text is empty"},
		{"binary", sdk.Values{"text": "\xff\xfe"}, "text is not text"},
		{"missing file", sdk.Values{"file": sdk.Artifact{Name: "b.txt", Path: path + "x"}}, `the file "b.txt" cannot be read`},
		{"huge file", sdk.Values{"file": sdk.Artifact{Name: "b.txt", Path: path, Size: 9 << 20}}, `the file "b.txt" is too long: 9 MiB`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := n.Run(t.Context(), &sdk.Task{Inputs: c.inputs})
			if want, bad := c.want.(string); bad {
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got %v, want %s…", err, want)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(r.Outputs["chunks"], c.want) {
				t.Errorf("got %v, %v", r.Outputs, err)
			}
		})
	}
}
