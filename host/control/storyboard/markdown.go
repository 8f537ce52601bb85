package storyboard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// article is what a film can use of a Markdown text.
type article struct {
	title    string
	tagline  string  // a paragraph of emphasis only, before the first section
	lead     section // what stands before the first heading
	sections []section
}

type section struct {
	heading   string
	sentences []string
	items     []string // of its lists
	quote     string
	strong    []string // phrases in bold
	code      []string // words as code
}

func (s *section) empty() bool {
	return len(s.sentences) == 0 && len(s.items) == 0 && s.quote == ""
}

func (a *article) speaks() bool {
	for _, s := range append([]section{a.lead}, a.sections...) {
		if !s.empty() {
			return true
		}
	}
	return false
}

// reader collects the lines of a paragraph or list item until it ends.
type reader struct {
	article
	now  *section
	kind byte // of what is being collected: 'p', 'i'tem, 'q'uote; 0: nothing
	text []string
}

// parse reads Markdown; plain text is Markdown too.
func parse(text string) *article {
	r := &reader{}
	r.now = &r.lead
	fence, comment := "", false
	lines := frontMatter(strings.Split(text, "\n"))
	for _, raw := range lines {
		line := strings.TrimSpace(raw)
		switch {
		case fence != "":
			if strings.HasPrefix(line, fence) {
				fence = ""
			}
		case comment || strings.HasPrefix(line, "<!--"):
			comment = !strings.Contains(line, "-->")
		case strings.HasPrefix(line, "```"), strings.HasPrefix(line, "~~~"):
			r.end()
			fence = line[:3]
		default:
			r.line(line)
		}
	}
	r.end()
	r.close()
	r.settle()
	return &r.article
}

// frontMatter drops a block of settings between --- at the top.
func frontMatter(lines []string) []string {
	if len(lines) == 0 || strings.TrimSpace(lines[0]) != "---" {
		return lines
	}
	for i, l := range lines[1:] {
		if strings.TrimSpace(l) == "---" {
			return lines[i+2:]
		}
	}
	return lines
}

func (r *reader) line(line string) {
	heading := strings.TrimLeft(line, "#")
	level := len(line) - len(heading)
	item, listed := listItem(line)
	switch {
	case line == "":
		r.end()
	case level > 0 && level <= 6 && (heading == "" || heading[0] == ' '):
		r.end()
		r.head(level, strings.TrimSpace(strings.TrimRight(heading, "# ")))
	case r.kind == 'p' && len(r.text) == 1 && underline(line):
		title := r.text[0]
		r.text, r.kind = nil, 0
		r.head(1+strings.IndexByte("=-", line[0]), title)
	case rule(line), line[0] == '|', line[0] == '<':
		r.end()
	case listed:
		r.end()
		r.kind, r.text = 'i', []string{item}
	case line[0] == '>':
		if r.kind != 'q' {
			r.end()
		}
		r.kind, r.text = 'q', append(r.text, strings.TrimSpace(line[1:]))
	default:
		if r.kind == 0 {
			r.kind = 'p'
		}
		r.text = append(r.text, line)
	}
}

func listItem(line string) (string, bool) {
	if len(line) > 2 && strings.IndexByte("-*+", line[0]) >= 0 && line[1] == ' ' {
		return strings.TrimSpace(line[2:]), true
	}
	n := 0
	for n < len(line) && n < 3 && line[n] >= '0' && line[n] <= '9' {
		n++
	}
	if n > 0 && n+1 < len(line) && (line[n] == '.' || line[n] == ')') && line[n+1] == ' ' {
		return strings.TrimSpace(line[n+2:]), true
	}
	return "", false
}

func underline(line string) bool {
	return len(line) >= 2 && (strings.Trim(line, "=") == "" || strings.Trim(line, "-") == "")
}

func rule(line string) bool {
	return len(line) >= 3 && strings.IndexByte("-*_", line[0]) >= 0 && strings.Trim(strings.ReplaceAll(line, " ", ""), line[:1]) == ""
}

func (r *reader) head(level int, raw string) {
	h := inline(raw, nil)
	if level == 1 && r.title == "" && r.now == &r.lead {
		r.title = h
		return
	}
	r.close()
	r.sections = append(r.sections, section{heading: h})
	r.now = &r.sections[len(r.sections)-1]
}

// close drops a section without anything in it.
func (r *reader) close() {
	if n := len(r.sections); n > 0 && r.sections[n-1].empty() {
		r.sections = r.sections[:n-1]
	}
}

// end takes in the paragraph or item collected.
func (r *reader) end() {
	raw, kind := strings.Join(r.text, " "), r.kind
	r.text, r.kind = nil, 0
	text := inline(raw, r.now)
	if kind == 0 || !spoken(text) {
		return
	}
	switch {
	case kind == 'i':
		r.now.items = append(r.now.items, text)
	case kind == 'q' && r.now.quote == "":
		r.now.quote = text
	case kind == 'p' && r.now == &r.lead && r.tagline == "" && emphasis(raw):
		r.tagline = text
	default:
		r.now.sentences = append(r.now.sentences, sentences(text)...)
	}
}

// emphasis says whether a paragraph is nothing but *emphasis*.
func emphasis(raw string) bool {
	n := len(raw)
	if n < 3 || raw[0] != raw[n-1] || raw[0] != '*' && raw[0] != '_' {
		return false
	}
	return !strings.Contains(strings.Trim(raw, raw[:1]), raw[:1])
}

// settle gives an article without headings a title and sections.
func (r *reader) settle() {
	if len(r.lead.sentences) == 0 {
		r.lead.sentences = spokenOf(&r.lead)
	}
	if r.title == "" && len(r.lead.sentences) > 1 && words(r.lead.sentences[0]) <= 12 {
		r.title, r.lead.sentences = strings.TrimRight(r.lead.sentences[0], ".!"), r.lead.sentences[1:]
	}
	if r.title == "" && len(r.sections) > 0 {
		r.title = r.sections[0].heading
	}
	if r.title == "" && len(r.lead.sentences) > 0 {
		r.title = shorten(r.lead.sentences[0], 60)
	}
	if len(r.sections) > 0 || len(r.lead.sentences) < 4 {
		return
	}
	rest := r.lead.sentences[2:]
	r.lead.sentences = r.lead.sentences[:2:2]
	for len(rest) > 0 {
		n := min(2, len(rest))
		r.sections = append(r.sections, section{sentences: rest[:n]})
		rest = rest[n:]
	}
}

// shorten cuts a text between words and marks the cut.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	cut, n := 0, 0
	for i, r := range s {
		if n++; n > most {
			if cut == 0 {
				cut = i
			}
			break
		}
		if unicode.IsSpace(r) {
			cut = i
		}
	}
	return strings.TrimRight(s[:cut], " ,;:-–—") + "…"
}

func words(s string) int { return len(strings.Fields(s)) }
