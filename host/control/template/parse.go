package template

import (
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// part is a piece of a template: text, a value, or a section with parts of its own.
type part struct {
	kind  byte // 't'ext, 'v'alue, 'r'aw value, '#' section, '^' the contrary
	text  string
	line  int
	head  value.Path // what is looked up in the values around
	rest  value.Path // what is looked up in that
	here  bool       // {{.}}
	parts []part
}

// maxDepth is how deep sections may nest.
const maxDepth = 50

type parser struct {
	text string
	what string // the template, in messages
	at   int
	// lines counts those before counted, so that no part of a long template is counted twice.
	lines, counted int
}

// parse reads a whole template.
func parse(text, what string) ([]part, error) {
	p := parser{text: text, what: what}
	return p.parts(nil)
}

// line gives the line of a place at or after those asked for before.
func (p *parser) line(at int) int {
	p.lines += strings.Count(p.text[p.counted:at], "\n")
	p.counted = at
	return 1 + p.lines
}

func (p *parser) bad(at int, message, hint string) error {
	return sdk.Refuse(p.what+", line "+strconv.Itoa(p.line(at))+": "+message, hint)
}

// parts reads up to the end of the section that the last of open began, or to the end of the template.
func (p *parser) parts(open []part) (out []part, err error) {
	for {
		begin := strings.Index(p.text[p.at:], "{{")
		if begin < 0 {
			if len(open) > 0 {
				s := open[len(open)-1]
				return nil, sdk.Refuse(p.what+", line "+strconv.Itoa(s.line)+": {{"+string(s.kind)+s.text+"}} does not end", "write {{/"+s.text+"}} where it ends")
			}
			return p.literal(out, len(p.text)), nil
		}
		begin += p.at
		kind, name, end, err := p.tag(begin)
		if err != nil {
			return nil, err
		}
		from, to := begin, end
		if kind == '#' || kind == '^' || kind == '/' || kind == '!' {
			from, to = p.alone(begin, end)
		}
		out = p.literal(out, max(from, p.at))
		p.at = to
		switch kind {
		case '!':
		case '/':
			if len(open) == 0 || open[len(open)-1].text != name {
				return nil, p.bad(begin, "{{/"+name+"}} ends a section that is not open", "sections end in the contrary order of their beginnings")
			}
			return out, nil
		default:
			q, err := p.part(kind, name, begin)
			if err != nil {
				return nil, err
			}
			if kind == '#' || kind == '^' {
				if len(open) == maxDepth {
					return nil, p.bad(begin, "sections nest deeper than "+strconv.Itoa(maxDepth), "make it flatter")
				}
				if q.parts, err = p.parts(append(open, q)); err != nil {
					return nil, err
				}
			}
			out = append(out, q)
		}
	}
}

func (p *parser) literal(out []part, to int) []part {
	if to > p.at {
		out = append(out, part{kind: 't', text: p.text[p.at:to]})
	}
	return out
}

// tag reads the tag that begins at begin: its kind, its name and where it ends.
func (p *parser) tag(begin int) (kind byte, name string, end int, err error) {
	rest, closing := p.text[begin+2:], "}}"
	kind = 'v'
	if strings.HasPrefix(rest, "{") {
		closing = "}}}"
	}
	n := strings.Index(rest, closing)
	if n < 0 {
		return 0, "", 0, p.bad(begin, "{{ does not end", "write "+closing+" where it ends")
	}
	inner := strings.TrimSpace(rest[:n])
	end = begin + 2 + n + len(closing)
	if inner == "" {
		return 0, "", 0, p.bad(begin, "{{}} has no name in it", "write {{name}}")
	}
	switch inner[0] {
	case '{', '&':
		kind, inner = 'r', inner[1:]
	case '#', '^', '/', '!':
		kind, inner = inner[0], inner[1:]
	case '>', '=', '<', '$':
		return 0, "", 0, p.bad(begin, "{{"+inner[:1]+"…}} is not known here: partials and other delimiters are left out", "put the text in, or fill two templates one after the other")
	}
	return kind, strings.TrimSpace(inner), end, nil
}

// alone widens a tag to its whole line when nothing else stands there.
func (p *parser) alone(begin, end int) (from, to int) {
	from = begin
	for from > 0 && (p.text[from-1] == ' ' || p.text[from-1] == '\t') {
		from--
	}
	to = end
	for to < len(p.text) && (p.text[to] == ' ' || p.text[to] == '\t') {
		to++
	}
	if from > 0 && p.text[from-1] != '\n' || to < len(p.text) && p.text[to] != '\n' {
		return begin, end
	}
	return from, min(to+1, len(p.text))
}

func (p *parser) part(kind byte, name string, at int) (q part, err error) {
	q = part{kind: kind, text: name, line: p.line(at), here: name == "."}
	if q.here {
		return q, nil
	}
	head, rest := name, ""
	if i := strings.IndexAny(name, ".["); i > 0 {
		head, rest = name[:i], strings.TrimPrefix(name[i:], ".")
	}
	if q.head, err = value.ParsePath(head); err == nil {
		q.rest, err = value.ParsePath(rest)
	}
	if err != nil || name == "" {
		return q, p.bad(at, "{{"+name+"}} is no name", `write it like name, speaker.name or words[0]`)
	}
	return q, nil
}
