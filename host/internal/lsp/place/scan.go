package place

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// span is a stretch of an item.
type span struct{ from, to int }

// What a frame is.
type kind int

const (
	body     kind = iota // of a block, or the top of the file
	object               // { } of a value
	list                 // [ ] of a value
	index                // [ ] after a value
	call                 // ( ) after a name
	group                // ( )
	quoted               // a text in quotes
	heredoc              // a text that begins with <<
	template             // ${ } or %{ } in a text
)

// How far a frame has come.
type state int

const (
	atName    state = iota // of an attribute, a block or a key
	afterName              // = or a label or a brace comes
	inValue
	loopVars // for … in
	loopOver // the collection of a for
	atEnd    // a line's end comes
)

// frame is something that opens and closes around other tokens.
type frame struct {
	kind kind
	up   mark // where it opened
	span
	name  string // of a block or a function
	at    span   // of the name
	label []label
	names []name // what stands in a body
	loop  *loop
}

// mark is where a token stands: in which frame, and how far that has come.
type mark struct {
	frame *frame
	state state
	word  string // the attribute, or the key of an object
	at    span   // of word
	n     int    // which element of a list, argument of a call, label of a block
}

type label struct {
	text string
	span
}

// name is an attribute or a block within a block.
type name struct {
	text string
	span
	block *frame // nil: an attribute
	value span   // of an attribute
}

// loop is the head of a for expression.
type loop struct {
	vars []label
	over string
}

// Scan is what the tokens of an item are. It never fails: what is broken ends where something that must be outside of
// it begins.
type Scan struct {
	src    string
	tokens hclsyntax.Tokens
	marks  []mark // one for each token, as it was before it
	now    mark
	top    *frame
	head   *frame // of the block whose type and labels are being read
}

// New reads the tokens of an item.
func New(src string) *Scan {
	s := &Scan{src: src, top: &frame{span: span{0, len(src)}}}
	s.now = mark{frame: s.top}
	for at := 0; ; {
		tokens, _ := hclsyntax.LexConfig([]byte(src[at:]), "", hcl.Pos{Line: 1, Column: 1, Byte: at})
		resume := false
		for i := range tokens {
			t := tokens[i]
			if t.Type == hclsyntax.TokenEOF {
				break
			}
			s.recover(tokens, i)
			s.marks = append(s.marks, s.now)
			if t.Type == hclsyntax.TokenQuotedNewline { // a text is not closed: what the lexer makes of the rest is upside down
				t.Type, resume = hclsyntax.TokenNewline, true
				s.unwind(body)
			}
			s.tokens = append(s.tokens, t)
			s.step(t)
			if at = t.Range.End.Byte; resume {
				break
			}
		}
		if !resume || at >= len(src) {
			break
		}
	}
	s.marks = append(s.marks, s.now)
	for m := s.now; m.frame != s.top; m = m.frame.up {
		m.frame.to = len(src)
	}
	return s
}

func (s *Scan) push(k kind, t hclsyntax.Token) *frame {
	f := &frame{kind: k, up: s.now, span: span{t.Range.Start.Byte, len(s.src)}}
	s.now = mark{frame: f}
	if k != body && k != object {
		s.now.state = inValue
	}
	return f
}

func (s *Scan) pop(end int) {
	if s.now.frame == s.top {
		return
	}
	s.now.frame.to = end
	closed := s.now.frame
	s.now = closed.up
	if closed.kind == body {
		s.now.state = atEnd
	}
}

// unwind closes whatever is open within the nearest frame of the kinds.
func (s *Scan) unwind(kinds ...kind) {
	for s.now.frame != s.top {
		for _, k := range kinds {
			if s.now.frame.kind == k {
				return
			}
		}
		end := s.now.frame.from
		if n := len(s.tokens); n > 0 {
			end = s.tokens[n-1].Range.End.Byte
		}
		s.pop(end)
	}
}

// recover looks for a line that begins an attribute or a block although a bracket is open.
func (s *Scan) recover(tokens hclsyntax.Tokens, i int) {
	if tokens[i].Type != hclsyntax.TokenIdent || i == 0 || tokens[i-1].Type != hclsyntax.TokenNewline || i+1 >= len(tokens) {
		return
	}
	switch tokens[i+1].Type {
	case hclsyntax.TokenEqual, hclsyntax.TokenOBrace, hclsyntax.TokenOQuote:
	default:
		return
	}
	for m := s.now; ; m = m.frame.up {
		switch m.frame.kind {
		case object, heredoc:
			return
		case body:
			if m != s.now {
				s.unwind(body)
				s.endLine(tokens[i-1].Range.Start.Byte)
			}
			return
		default:
		}
	}
}

// step takes one token.
func (s *Scan) step(t hclsyntax.Token) {
	switch s.now.frame.kind {
	case quoted, heredoc:
		s.text(t)
		return
	case body:
		if s.inBody(t) {
			return
		}
	case object:
		if s.inObject(t) {
			return
		}
	case list:
		if s.inLoop(t) {
			return
		}
	default:
	}
	s.value(t)
}

func (s *Scan) text(t hclsyntax.Token) {
	switch t.Type {
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		s.push(template, t)
	case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		f := s.now.frame
		s.pop(t.Range.End.Byte)
		at := span{f.from + 1, max(f.from+1, f.to-1)}
		switch {
		case s.now.state != afterName:
		case s.now.frame.kind == body && s.head != nil:
			s.now.n++
			s.head.label = append(s.head.label, label{s.src[at.from:at.to], at})
		case s.now.frame.kind == object:
			s.now.word, s.now.at = s.src[at.from:at.to], at
		}
	default:
	}
}

// inBody takes what is outside of a value.
func (s *Scan) inBody(t hclsyntax.Token) bool {
	if isLineEnd(t) {
		s.endLine(t.Range.Start.Byte)
		return true
	}
	switch {
	case t.Type == hclsyntax.TokenCBrace && s.now.state != inValue:
		s.pop(t.Range.End.Byte)
	case s.now.state == inValue:
		if t.Type == hclsyntax.TokenCBrace { // of a block on one line, or of one whose last line is broken
			s.endLine(t.Range.Start.Byte)
			s.pop(t.Range.End.Byte)
			return true
		}
		return false
	case t.Type == hclsyntax.TokenIdent && s.now.state == atName:
		s.now = mark{frame: s.now.frame, state: afterName, word: string(t.Bytes), at: spanOf(t)}
		s.head = &frame{kind: body, name: s.now.word, at: s.now.at}
	case s.now.state != afterName:
	case t.Type == hclsyntax.TokenEqual:
		s.now.frame.names = append(s.now.frame.names, name{text: s.now.word, span: s.now.at, value: span{t.Range.End.Byte, t.Range.End.Byte}})
		s.now.state = inValue
	case t.Type == hclsyntax.TokenOQuote:
		s.push(quoted, t)
	case t.Type == hclsyntax.TokenOBrace:
		f := s.head
		f.up, f.span = s.now, span{t.Range.Start.Byte, len(s.src)}
		s.now.frame.names = append(s.now.frame.names, name{text: f.name, span: f.at, block: f})
		s.now = mark{frame: f}
	default:
	}
	return true
}

// endLine ends an attribute or the head of a block.
func (s *Scan) endLine(end int) {
	f := s.now.frame
	if f.kind != body {
		return
	}
	if n := len(f.names); s.now.state == inValue && n > 0 && f.names[n-1].block == nil {
		f.names[n-1].value.to = end
	}
	s.now = mark{frame: f}
}

func isLineEnd(t hclsyntax.Token) bool {
	n := len(t.Bytes)
	return t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment && n > 0 && t.Bytes[n-1] == '\n'
}

func spanOf(t hclsyntax.Token) span { return span{t.Range.Start.Byte, t.Range.End.Byte} }

// inObject takes keys and what parts them.
func (s *Scan) inObject(t hclsyntax.Token) bool {
	if s.now.state == atName && t.Type == hclsyntax.TokenIdent && string(t.Bytes) == "for" && s.opening() {
		return s.inLoop(t)
	}
	if s.now.frame.loop != nil {
		return s.inLoop(t)
	}
	switch {
	case isLineEnd(t), t.Type == hclsyntax.TokenComma:
		s.now = mark{frame: s.now.frame}
	case t.Type == hclsyntax.TokenCBrace:
		s.pop(t.Range.End.Byte)
	case s.now.state == inValue:
		return false
	case t.Type == hclsyntax.TokenEqual, t.Type == hclsyntax.TokenColon:
		s.now.state = inValue
	case s.now.state == atName && (t.Type == hclsyntax.TokenIdent || t.Type == hclsyntax.TokenNumberLit):
		s.now.state, s.now.word, s.now.at = afterName, string(t.Bytes), spanOf(t)
	case s.now.state == atName && t.Type == hclsyntax.TokenOQuote:
		s.now.state = afterName
		s.push(quoted, t)
	case t.Type == hclsyntax.TokenQuotedLit:
	default:
		return false // a key that is an expression
	}
	return true
}

// opening says whether nothing stands in the frame yet.
func (s *Scan) opening() bool {
	n := len(s.tokens)
	return n >= 2 && s.tokens[n-2].Range.Start.Byte == s.now.frame.from || n >= 2 && isLineEnd(s.tokens[n-2])
}

// inLoop takes the head of a for expression.
func (s *Scan) inLoop(t hclsyntax.Token) bool {
	f := s.now.frame
	if f.loop == nil {
		if t.Type != hclsyntax.TokenIdent || string(t.Bytes) != "for" || !s.opening() {
			return false
		}
		f.loop = &loop{}
		s.now.state = loopVars
		return true
	}
	switch {
	case s.now.state == loopVars && t.Type == hclsyntax.TokenIdent && string(t.Bytes) == "in":
		s.now.state, s.now.at = loopOver, span{t.Range.End.Byte, t.Range.End.Byte}
	case s.now.state == loopVars && t.Type == hclsyntax.TokenIdent:
		f.loop.vars = append(f.loop.vars, label{string(t.Bytes), spanOf(t)})
	case s.now.state == loopVars && t.Type == hclsyntax.TokenComma:
	case s.now.state == loopOver && t.Type == hclsyntax.TokenColon:
		f.loop.over = s.src[s.now.at.to:t.Range.Start.Byte]
		s.now.state = inValue
	default:
		return false
	}
	return true
}

// value takes a token of a value: what opens and closes.
func (s *Scan) value(t hclsyntax.Token) {
	switch t.Type {
	case hclsyntax.TokenOQuote:
		s.push(quoted, t)
	case hclsyntax.TokenOHeredoc:
		s.push(heredoc, t)
	case hclsyntax.TokenOBrace:
		s.push(object, t)
	case hclsyntax.TokenOBrack:
		if s.afterValue() {
			s.push(index, t)
		} else {
			s.push(list, t)
		}
	case hclsyntax.TokenOParen:
		if n := len(s.tokens); n >= 2 && s.tokens[n-2].Type == hclsyntax.TokenIdent && s.afterValue() {
			f := s.push(call, t)
			f.name, f.at = string(s.tokens[n-2].Bytes), spanOf(s.tokens[n-2])
		} else {
			s.push(group, t)
		}
	case hclsyntax.TokenComma:
		s.now.n++
	case hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd:
		s.unwind(body, object, template)
		if s.now.frame.kind == body {
			s.endLine(t.Range.Start.Byte)
		}
		s.pop(t.Range.End.Byte)
	case hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
		if k := s.now.frame.kind; k == list || k == index || k == call || k == group {
			s.pop(t.Range.End.Byte)
		}
	default:
	}
}

// afterValue says whether the token before the one that has just been noted ends a value.
func (s *Scan) afterValue() bool {
	if len(s.tokens) < 2 {
		return false
	}
	switch t := s.tokens[len(s.tokens)-2]; t.Type {
	case hclsyntax.TokenIdent:
		return t.Range.End.Byte == s.tokens[len(s.tokens)-1].Range.Start.Byte
	case hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenStar:
		return true
	default:
		return false
	}
}
