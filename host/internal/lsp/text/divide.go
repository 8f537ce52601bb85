package text

import (
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
)

// heads are the types of blocks that begin an item even where the one before is not closed: in the first column, with
// a label or a brace after them.
var heads = func() []string {
	names := []string{"run", "mock"} // of test files
	for _, b := range language.Blocks() {
		names = append(names, b.Name)
	}
	return names
}()

// divide cuts src from an offset into items, until stop is true of an item's end.
func divide(src string, at int, items []*Item, stop func(end int) bool) ([]*Item, []int) {
	var starts []int
	for at < len(src) {
		end := itemEnd(src, at)
		items, starts = append(items, newItem(strings.Clone(src[at:end]))), append(starts, at)
		if at = end; stop(at) {
			break
		}
	}
	return items, starts
}

// What a scanner is within.
const (
	brace   = '{'
	bracket = '['
	paren   = '('
	interp  = '$' // ${ or %{ in a template
	quoted  = '"'
	heredoc = '<'
)

type scanner struct {
	src   string
	at    int
	stack []byte
	marks []string // that end the heredocs in stack
}

// itemEnd finds where the item that begins at an offset ends: after the line on which its last brace closes, or before
// a line that looks like the beginning of another item.
func itemEnd(src string, at int) int {
	s := scanner{src: src, at: at}
	begun := false
	for s.at < len(src) {
		switch s.top() {
		case quoted:
			s.text()
			continue
		case heredoc:
			s.heredocText()
			continue
		}
		c := src[s.at]
		if begun && len(s.stack) > 0 && s.at > 0 && src[s.at-1] == '\n' && isHead(src[s.at:]) {
			return s.at
		}
		switch {
		case c == '\n':
			s.at++
			if begun && len(s.stack) == 0 {
				return s.at
			}
		case c == ' ', c == '\t', c == '\r':
			s.at++
		case s.comment():
		default:
			begun = true
			s.code(c)
		}
	}
	return len(src)
}

func (s *scanner) top() byte {
	if len(s.stack) == 0 {
		return 0
	}
	return s.stack[len(s.stack)-1]
}

func (s *scanner) push(c byte) { s.stack = append(s.stack, c) }

func (s *scanner) pop() {
	if s.top() == heredoc {
		s.marks = s.marks[:len(s.marks)-1]
	}
	s.stack = s.stack[:len(s.stack)-1]
}

// comment skips a comment, but for the line's end after it.
func (s *scanner) comment() bool {
	rest := s.src[s.at:]
	end := 0
	switch {
	case rest[0] == '#', strings.HasPrefix(rest, "//"):
		end = strings.IndexByte(rest, '\n')
	case strings.HasPrefix(rest, "/*"):
		if end = strings.Index(rest[2:], "*/"); end >= 0 {
			end += 4
		}
	default:
		return false
	}
	if end < 0 {
		end = len(rest)
	}
	s.at += end
	return true
}

func (s *scanner) code(c byte) {
	s.at++
	switch c {
	case brace, bracket, paren, quoted:
		s.push(c)
	case '}':
		s.close(brace, interp)
	case ']', ')':
		if top := s.top(); c == ']' && top == bracket || c == ')' && top == paren {
			s.pop()
		}
	case '<':
		s.openHeredoc()
	}
}

// close closes the nearest of what a brace may close, and what was left open within it.
func (s *scanner) close(kinds ...byte) {
	for i := len(s.stack) - 1; i >= 0; i-- {
		if slices.Contains(kinds, s.stack[i]) {
			for len(s.stack) > i {
				s.pop()
			}
			return
		}
		if s.stack[i] == quoted || s.stack[i] == heredoc {
			return
		}
	}
}

// openHeredoc takes the rest of <<MARK or <<-MARK and its line.
func (s *scanner) openHeredoc() {
	rest, ok := strings.CutPrefix(s.src[s.at:], "<")
	if !ok {
		return
	}
	line, _, more := strings.Cut(rest, "\n")
	mark, tail := cutWord(strings.TrimPrefix(line, "-"))
	if !more || mark == "" || strings.TrimSpace(tail) != "" {
		return
	}
	s.at += 1 + len(line) + 1
	s.push(heredoc)
	s.marks = append(s.marks, mark)
}

// text takes one piece of a quoted text; it ends with its line at the latest.
func (s *scanner) text() {
	switch c := s.src[s.at]; {
	case c == '\\':
		s.at += 2
	case c == quoted:
		s.at++
		s.pop()
	case c == '\n':
		s.pop()
	case !s.interpolation():
		s.at++
	}
}

// interpolation takes ${ and %{, and what stands for them as text.
func (s *scanner) interpolation() bool {
	rest := s.src[s.at:]
	switch {
	case strings.HasPrefix(rest, "$${"), strings.HasPrefix(rest, "%%{"):
		s.at += 3
	case strings.HasPrefix(rest, "${"), strings.HasPrefix(rest, "%{"):
		s.at += 2
		s.push(interp)
	default:
		return false
	}
	return true
}

// heredocText takes one piece of a heredoc, at its line's beginning the mark that ends it.
func (s *scanner) heredocText() {
	if s.at == 0 || s.src[s.at-1] == '\n' {
		line, _, _ := strings.Cut(s.src[s.at:], "\n")
		if strings.TrimSpace(line) == s.marks[len(s.marks)-1] {
			s.at += len(line)
			s.pop()
			return
		}
	}
	if !s.interpolation() {
		s.at++
	}
}

// isHead says whether a line begins with the type of a block that stands at the top of a file.
func isHead(line string) bool {
	word, rest := cutWord(line)
	if word == "" || !slices.Contains(heads, word) {
		return false
	}
	trimmed := strings.TrimLeft(rest, " \t")
	return trimmed != "" && (trimmed[0] == '"' || trimmed[0] == '{')
}

func cutWord(s string) (word, rest string) {
	i := 0
	for i < len(s) && IsWordByte(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// IsWordByte is true of what names are made of. All that is not ASCII may be part of a name.
func IsWordByte(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func newItem(src string) *Item {
	item := &Item{Src: src}
	s := scanner{src: src}
	for s.at < len(src) && (strings.IndexByte(" \t\r\n", src[s.at]) >= 0 || s.comment()) {
		if s.at < len(src) && strings.IndexByte(" \t\r\n", src[s.at]) >= 0 {
			s.at++
		}
	}
	item.At = s.at
	var rest string
	item.Kind, rest = cutWord(src[s.at:])
	for {
		trimmed := strings.TrimLeft(rest, " \t")
		if item.Kind == "" || trimmed == "" || trimmed[0] != '"' {
			return item
		}
		from := len(src) - len(trimmed) + 1
		n := strings.IndexAny(src[from:], "\"\n\\$")
		if n < 0 || src[from+n] != '"' {
			return item
		}
		item.Labels = append(item.Labels, Label{src[from : from+n], from, from + n})
		rest = src[from+n+1:]
	}
}
