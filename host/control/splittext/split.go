package splittext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// split cuts text into pieces that are neither empty nor longer than limit characters (0: any length).
func split(text, by string, limit int) []string {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n")
	var out []string
	switch by {
	case "sentences":
		for _, p := range paragraphs(text) {
			for _, s := range sentences(p) {
				out = append(out, fit(s, limit)...)
			}
		}
	case "length":
		if limit == 0 {
			limit = 1000
		}
		out = append(out, paragraphs(text)...)
		return pack(out, limit, "\n\n")
	default:
		for _, p := range paragraphs(text) {
			out = append(out, fit(p, limit)...)
		}
	}
	return out
}

// paragraphs cuts at lines that hold nothing but white space.
func paragraphs(text string) []string {
	var out []string
	begin := -1
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		blank := strings.TrimSpace(text[at:end]) == ""
		if !blank && begin < 0 {
			begin = at
		}
		if blank && begin >= 0 {
			out = append(out, strings.TrimSpace(text[begin:at]))
			begin = -1
		}
		at = end
	}
	if begin >= 0 {
		out = append(out, strings.TrimSpace(text[begin:]))
	}
	return out
}

// abbreviations end with a stop that ends no sentence.
var abbreviations = map[string]bool{
	"dr": true, "mr": true, "mrs": true, "ms": true, "prof": true, "st": true, "no": true, "nr": true, "vs": true,
	"etc": true, "e.g": true, "i.e": true, "z.b": true, "d.h": true, "bzw": true, "ca": true, "fig": true, "approx": true,
}

// sentences cuts after each sentence: a terminator and what closes after it, then white space, then anything but a
// lower-case letter. The terminators of Chinese and Japanese need no white space.
func sentences(text string) []string {
	var out []string
	begin := 0
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		at += size
		wide := strings.ContainsRune("。！？", r)
		if !wide && r != '.' && r != '!' && r != '?' && r != '…' {
			continue
		}
		end := at
		for end < len(text) {
			c, n := utf8.DecodeRuneInString(text[end:])
			if !strings.ContainsRune(".!?…。！？\"'”’»)]」』", c) {
				break
			}
			end += n
		}
		rest := strings.TrimLeftFunc(text[end:min(len(text), end+64)], unicode.IsSpace)
		next, _ := utf8.DecodeRuneInString(rest)
		spaced := end == len(text) || len(rest) < len(text[end:min(len(text), end+64)])
		at = end
		if !wide && (!spaced || unicode.IsLower(next) || r == '.' && endsAbbreviated(text[begin:at])) {
			continue
		}
		out = append(out, strings.TrimSpace(text[begin:end]))
		begin = end
	}
	if last := strings.TrimSpace(text[begin:]); last != "" {
		out = append(out, last)
	}
	return out
}

// endsAbbreviated looks at the last word: an abbreviation, or a single capital as in initials.
func endsAbbreviated(s string) bool {
	s = strings.TrimSuffix(s, ".")
	word := s[strings.LastIndexFunc(s, unicode.IsSpace)+1:]
	word = strings.TrimLeft(word, "(\"“«")
	return abbreviations[strings.ToLower(word)] || utf8.RuneCountInString(word) == 1 && unicode.IsUpper(firstRune(word))
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// fit leaves a piece that is short enough, and cuts one that is not after sentences.
func fit(s string, limit int) []string {
	if limit == 0 || utf8.RuneCountInString(s) <= limit {
		return []string{s}
	}
	var parts []string
	for _, sentence := range sentences(s) {
		parts = append(parts, words(sentence, limit)...)
	}
	return join(parts, limit, " ")
}

// pack makes pieces as long as the limit allows out of paragraphs.
func pack(paragraphs []string, limit int, between string) []string {
	var parts []string
	for _, p := range paragraphs {
		parts = append(parts, fit(p, limit)...)
	}
	return join(parts, limit, between)
}

// join puts neighbours together while they fit.
func join(parts []string, limit int, between string) []string {
	var out []string
	var piece strings.Builder
	length := 0
	for _, p := range parts {
		n := utf8.RuneCountInString(p)
		if length > 0 && length+len(between)+n > limit {
			out = append(out, piece.String())
			piece.Reset()
			length = 0
		}
		if length > 0 {
			piece.WriteString(between)
			length += len(between)
		}
		piece.WriteString(p)
		length += n
	}
	if length > 0 {
		out = append(out, piece.String())
	}
	return out
}

// words cuts a sentence that is too long between words, and a word that is too long anywhere.
func words(s string, limit int) []string {
	if utf8.RuneCountInString(s) <= limit {
		return []string{s}
	}
	var parts []string
	for _, w := range strings.Fields(s) {
		for utf8.RuneCountInString(w) > limit {
			at := byteAt(w, limit)
			parts = append(parts, w[:at])
			w = w[at:]
		}
		parts = append(parts, w)
	}
	return join(parts, limit, " ")
}

// byteAt gives where the n-th character begins.
func byteAt(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}
