package value

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// Key is the same text for equal values, and for no others: numbers count by their exact value, artifacts by their
// digest.
func Key(x any) string {
	var b strings.Builder
	writeKey(&b, x)
	return b.String()
}

func writeKey(b *strings.Builder, x any) {
	switch x := x.(type) {
	case nil:
		b.WriteByte('z')
	case bool:
		b.WriteString(strconv.FormatBool(x))
	case string:
		writeText(b, x)
	case json.Number:
		b.WriteString("n" + sdk.CanonicalNumber(x) + ";")
	case sdk.Artifact:
		b.WriteByte('a')
		writeText(b, x.Digest)
	case []any:
		b.WriteByte('[')
		for _, y := range x {
			writeKey(b, y)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for _, k := range slices.Sorted(maps.Keys(x)) {
			writeText(b, k)
			writeKey(b, x[k])
		}
		b.WriteByte('}')
	}
}

// writeText puts the length first, so that no text can pretend to be what surrounds it.
func writeText(b *strings.Builder, s string) {
	b.WriteString(strconv.Itoa(len(s)))
	b.WriteByte(':')
	b.WriteString(s)
}

// Length is how many characters a text has, or elements a list or object.
func Length(x any) (int, bool) {
	switch x := x.(type) {
	case string:
		return utf8.RuneCountInString(x), true
	case []any:
		return len(x), true
	case map[string]any:
		return len(x), true
	}
	return 0, false
}

// Kind names what a value is, in a message.
func Kind(x any) string {
	switch x := x.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(x)
	case string:
		return "the text " + strconv.Quote(short(x))
	case json.Number:
		return "the number " + short(string(x))
	case sdk.Artifact:
		return "the artifact " + strconv.Quote(x.Name)
	case []any:
		return "a list"
	}
	return "an object"
}
