// Package about says what an artifact is about, as one text that a model makes a vector of: the words that went into it, its own
// words, what people call it. Nothing that is sealed is among them. It is pure.
package about

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// The bounds of a text, in bytes: models read little more.
const (
	MaxText = 4000 // of an artifact
	MaxWork = 1500 // of one attempt
	maxOne  = 1000 // of one value
)

// Document is what is known of an artifact.
type Document struct {
	Name     string // of the file
	Pipeline string
	Node     string   // that made it; empty: the run was given it
	Assets   []string // names in the library, and what people say of them
	Words    []string // of the attempt that made it
	Content  string   // its own beginning, when it is a text
	Before   []string // words of what went into that attempt
}

// Text is the document as one text: what tells the most comes first, and nothing stands twice.
func (d Document) Text() string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, part := range slices.Concat(d.Assets, d.Words, []string{d.Content}, d.Before, []string{plain(d.Name), plain(d.Pipeline), plain(d.Node)}) {
		part = tidy(part)
		if part == "" || seen[part] || b.Len() >= MaxText {
			continue
		}
		seen[part] = true
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(part)
	}
	return Cut(b.String(), MaxText)
}

// telling are inputs and outputs whose value says what something is about though it may be one word.
var telling = []string{"prompt", "text", "texts", "title", "topic", "caption", "captions", "subject", "style", "narration", "script", "lyrics", "tags", "description", "transcript", "question", "answer"}

// Words gives the texts among values that say what something is about: those that are called so, and those of several words. What is
// sealed is left out. They are in the order of their names, and bounded.
func Words(v sdk.Values) (out []string) {
	left := MaxWork
	var walk func(name string, x any)
	walk = func(name string, x any) {
		switch x := x.(type) {
		case string:
			text := tidy(Cut(x, min(left, maxOne)))
			if slices.Contains(telling, name) && text != "" || prose(text) {
				out = append(out, text)
				left -= len(text)
			}
		case []any:
			for _, y := range x {
				walk(name, y)
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(x)) {
				walk(key, x[key])
			}
		}
	}
	walk("", map[string]any(v))
	return out
}

// prose says whether a text is several words, and not data: mostly letters and spaces.
func prose(text string) bool {
	words, letters, all := len(strings.Fields(text)), 0, 0
	for _, r := range text {
		all++
		if unicode.IsLetter(r) || unicode.IsSpace(r) {
			letters++
		}
	}
	return words >= 3 && letters*4 >= all*3
}

// plain makes words of a name.
func plain(name string) string { return strings.NewReplacer("_", " ", "-", " ").Replace(name) }

// tidy is a text in one line, without what is no text.
func tidy(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, " "), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// Cut gives at most so many bytes of a text, and no half letter.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	most = max(most, 0)
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// IsText says whether the bytes of a media type are words: a text, or captions.
func IsText(mediaType string) bool {
	return mediaType == "application/x-subrip" || mediaType == "text/vtt" || mediaType == "text/plain" || mediaType == "text/markdown"
}
