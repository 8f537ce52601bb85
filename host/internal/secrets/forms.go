package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

// form is one way in which a value may stand in text.
type form struct {
	text string
	// base64 within more of it: how many characters before it, and whether those after it, also tell of the value.
	before, after int
}

// minLine is the length from which each line of a value of several lines is masked by itself: logs come in lines.
const minLine = 8

// formsOf gives every way in which a value may stand in text.
func formsOf(value string) []form {
	out := encodings(nil, value)
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= minLine {
				out = encodings(out, line)
			}
		}
	}
	return out
}

func encodings(out []form, value string) []form {
	seen := map[string]bool{}
	plain := func(text string) {
		if !seen[text] && len(text) >= MinLength {
			seen[text] = true
			out = append(out, form{text: text})
		}
	}
	plain(value)
	digits := hex.EncodeToString([]byte(value))
	plain(digits)
	plain(strings.ToUpper(digits))
	for _, text := range inURL(value) {
		plain(text)
	}
	for _, text := range inJSON(value) {
		plain(text)
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			f := inBase64(alphabet, value, shift)
			if !seen[f.text] && len(f.text) >= MinLength {
				seen[f.text] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// inBase64 gives the characters that tell of the value alone when shift bytes stand before it in the same group of three.
func inBase64(alphabet *base64.Encoding, value string, shift int) form {
	all := alphabet.EncodeToString(append(make([]byte, shift), value...))
	first := (8*shift + 5) / 6
	last := 8 * (shift + len(value)) / 6
	f := form{text: all[first:last]}
	if shift > 0 {
		f.before = 1
	}
	if 8*(shift+len(value))%6 != 0 {
		f.after = 1
	}
	return f
}

// stretch gives where a form that stands at a place begins and ends, with the characters that tell of the value in part,
// and padding.
func (f form) stretch(s string, i int) (begin, end int) {
	begin, end = i, i+len(f.text)
	if f.before > 0 && begin > 0 && isBase64(s[begin-1]) {
		begin--
	}
	if f.after > 0 && end < len(s) && isBase64(s[end]) {
		for end++; end < len(s) && s[end] == '='; end++ {
		}
	}
	return begin, end
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

// inURL gives what programs make of a value in an address: they differ in what they leave as it is.
func inURL(value string) (out []string) {
	component := strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(url.QueryEscape(value))
	for _, text := range []string{url.QueryEscape(value), url.PathEscape(value), component, strings.ReplaceAll(url.QueryEscape(value), "+", "%20")} {
		out = append(out, text, lowerEscapes(text))
	}
	return out
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:], strings.ToLower(text[i:i+3]))
			i += 2
		}
	}
	return string(b)
}

// inJSON gives what programs make of a value in a JSON string, and Go in quotes.
func inJSON(value string) []string {
	var loose strings.Builder
	e := json.NewEncoder(&loose)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // a string always can be
	tight, _ := json.Marshal(value)
	plain := inside(strings.TrimSpace(loose.String()))
	return []string{inside(string(tight)), plain, strings.ReplaceAll(plain, "/", `\/`), ascii(plain, "%04x"), ascii(plain, "%04X"),
		inside(strconv.Quote(value)), inside(strconv.QuoteToASCII(value))}
}

func inside(quoted string) string { return quoted[1 : len(quoted)-1] }

// ascii escapes what is not ASCII, as Python does.
func ascii(s, digits string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u`+digits, unit)
		}
	}
	return b.String()
}
