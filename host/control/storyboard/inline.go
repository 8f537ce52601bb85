package storyboard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// inline takes the markup out of a line of Markdown, and notes bold phrases and code in s, if given.
func inline(text string, s *section) string {
	var b strings.Builder
	strong := -1 // where a bold phrase began in b
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1 && unicode.IsPunct(rune(rest[1])):
			b.WriteByte(rest[1])
			i += 2
		case strings.HasPrefix(rest, "**") || strings.HasPrefix(rest, "__"):
			if strong < 0 {
				strong = b.Len()
			} else {
				if s != nil && b.Len() > strong {
					s.strong = append(s.strong, strings.TrimRight(b.String()[strong:], ".,:; "))
				}
				strong = -1
			}
			i += 2
		case rest[0] == '*' || rest[0] == '_' && !within(text, i):
			i++
		case rest[0] == '`':
			code, n := span(rest, "`")
			if s != nil && code != "" {
				s.code = append(s.code, code)
			}
			b.WriteString(code)
			i += n
		case rest[0] == '<':
			_, n := span(rest, ">")
			i += n
		case strings.HasPrefix(rest, "!["):
			_, n := link(rest[1:])
			i += 1 + n
		case rest[0] == '[':
			label, n := link(rest)
			b.WriteString(inline(label, nil))
			i += n
		default:
			_, n := utf8.DecodeRuneInString(rest)
			b.WriteString(rest[:n])
			i += n
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// within says whether the byte at i stands inside a word, as in snake_case.
func within(text string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i+1:])
	alnum := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return alnum(before) && alnum(after)
}

// span gives what stands between the first byte of text and the next end, and how many bytes that takes. Without an
// end the first byte stands for itself.
func span(text, end string) (inner string, n int) {
	if j := strings.Index(text[1:], end); j >= 0 {
		return strings.TrimSpace(text[1 : 1+j]), j + 2
	}
	return text[:1], 1
}

// link gives the label of [label](address) or [label], and how many bytes it takes.
func link(text string) (label string, n int) {
	label, n = span(text, "]")
	if n == 1 {
		return "", 1
	}
	if rest := text[n:]; strings.HasPrefix(rest, "(") {
		if j := strings.IndexByte(rest, ')'); j >= 0 {
			n += j + 1
		}
	}
	return label, n
}

// short words that end with a stop but end no sentence.
var abbreviations = map[string]bool{
	"dr": true, "mr": true, "mrs": true, "ms": true, "prof": true, "st": true, "vs": true, "e.g": true, "i.e": true,
	"no": true, "nr": true, "z.b": true, "d.h": true, "bzw": true, "ca": true, "fig": true, "approx": true, "etc": true,
}

// sentences cuts a paragraph after each sentence. A last one without a stop is one too.
func sentences(text string) []string {
	var out []string
	begin := 0
	take := func(end int) {
		if s := strings.TrimSpace(text[begin:end]); spoken(s) {
			out = append(out, s)
		}
		begin = end
	}
	for at := 0; at < len(text); {
		r, n := utf8.DecodeRuneInString(text[at:])
		at += n
		wide := strings.ContainsRune("。！？", r)
		if !wide && r != '.' && r != '!' && r != '?' && r != '…' {
			continue
		}
		for at < len(text) {
			c, n := utf8.DecodeRuneInString(text[at:])
			if !strings.ContainsRune(".!?…\"'”’»)]」』", c) {
				break
			}
			at += n
		}
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(text[at:], " "))
		spaced := at == len(text) || text[at] == ' '
		if wide || spaced && !unicode.IsLower(next) && (r != '.' || !abbreviated(text[begin:at])) {
			take(at)
		}
	}
	take(len(text))
	return out
}

func abbreviated(s string) bool {
	s = strings.TrimSuffix(s, ".")
	word := strings.TrimLeft(s[strings.LastIndexByte(s, ' ')+1:], "(\"“«")
	first, n := utf8.DecodeRuneInString(word)
	return abbreviations[strings.ToLower(word)] || n == len(word) && unicode.IsUpper(first) && first != 'I'
}
