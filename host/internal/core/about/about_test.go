package about_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/host/internal/core/about"
	"github.com/myspinbot/spinbot/sdk"
)

func TestText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		d    about.Document
		want string
	}{
		"all": {about.Document{Name: "out-1.png", Pipeline: "sea_side", Node: "comfyui.image paint", Assets: []string{"style/ink", "drawn in ink"}, Words: []string{"a  lighthouse\nat dusk"},
			Content: "", Before: []string{"write of the sea", "a lighthouse at dusk"}}, "style/ink\ndrawn in ink\na lighthouse at dusk\nwrite of the sea\nout 1.png\nsea side\ncomfyui.image paint"},
		"a name alone": {about.Document{Name: "anna.wav", Pipeline: "song"}, "anna.wav\nsong"},
		"nothing":      {about.Document{}, ""},
		"no text":      {about.Document{Content: "a\x00b\xff c"}, "a b c"},
	} {
		if got := c.d.Text(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	long := about.Document{Words: []string{strings.Repeat("ä ", 3000)}, Name: "x"}.Text()
	if len(long) > about.MaxText || len(long) < about.MaxText-4 || !utf8.ValidString(long) {
		t.Errorf("%d bytes", len(long))
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	got := about.Words(sdk.Values{
		"model": "llama3.2", "seed": json.Number("7"), "prompt": "ink", "options": map[string]any{"title": "Dusk", "sampler": "euler"},
		"messages": []any{map[string]any{"role": "user", "content": "say it in few words"}}, "numbers": "1 2 3 4 5 6",
		"key": sdk.Sealed{Token: "a sealed token here"}, "more": map[string]any{"text": sdk.Sealed{Token: "x"}}, "lines": []any{"one line of it", nil, true},
	})
	if want := []string{"one line of it", "say it in few words", "Dusk", "ink"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	long := sdk.Values{}
	for _, c := range "abcdefgh" {
		long[string(c)] = strings.Repeat("long words here ", 1000)
	}
	size := 0
	for _, w := range about.Words(long) {
		size += len(w)
	}
	if size > about.MaxWork || size < about.MaxWork/2 {
		t.Errorf("%d bytes", size)
	}
}

// FuzzText: whatever is in it, the text is one that a model can be given.
func FuzzText(f *testing.F) {
	f.Add("a.png", "words", "content")
	f.Fuzz(func(t *testing.T, name, words, content string) {
		text := about.Document{Name: name, Words: about.Words(sdk.Values{"prompt": words}), Content: content}.Text()
		if !utf8.ValidString(text) || len(text) > about.MaxText {
			t.Errorf("%q", text)
		}
	})
}
