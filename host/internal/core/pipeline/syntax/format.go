package syntax

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// Format gives the canonical form of a file: two spaces of indentation, equal signs aligned, one blank line between
// blocks at the top, never two in a row, none at the edges of a block. Comments, order and meaning stay as they are;
// formatting twice changes nothing. A file with syntax errors comes back as it was, with what is wrong; file is its
// name in diagnostics.
func Format(file string, src []byte) ([]byte, diagnostic.Diagnostics) {
	if len(bytes.TrimSpace(src)) == 0 {
		return src, nil
	}
	l := Reader{File: file, Src: src}
	if l.parse() == nil {
		return src, l.Diags
	}
	return settled(src), nil
}

func settled(src []byte) []byte {
	before := src
	for range 4 { // hclwrite settles at the second round at the latest; what does not is left alone
		after := spaced(hclwrite.Format(before))
		if bytes.Equal(after, before) {
			return after
		}
		if !sameTokens(src, after) {
			return src
		}
		before = after
	}
	return src
}

func lex(src []byte) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	return tokens
}

// spaced sets the blank lines. What lies between tokens is copied as it is, so heredocs and templates are safe: their
// line ends are no tokens.
func spaced(src []byte) []byte {
	tokens := lex(src)
	var out bytes.Buffer
	s := spacer{out: &out}
	at := 0
	for _, t := range tokens {
		gap := src[at:t.Range.Start.Byte]
		at = t.Range.End.Byte
		s.token(t, gap)
	}
	return out.Bytes()
}

type spacer struct {
	out    *bytes.Buffer
	lines  int // line ends in a row, not yet written
	depth  int // of braces, brackets and parentheses
	opened bool
	closed bool // a block at the top has ended on the line before
	last   hclsyntax.TokenType
}

func (s *spacer) token(t hclsyntax.Token, gap []byte) {
	switch t.Type {
	case hclsyntax.TokenNewline:
		s.lines++
		return
	case hclsyntax.TokenEOF:
		if s.out.Len() > 0 {
			s.out.WriteByte('\n')
		}
		return
	default:
	}
	s.newlines(t)
	s.out.Write(gap)
	text := bytes.TrimRight(t.Bytes, "\r\n")
	if t.Type == hclsyntax.TokenComment {
		s.out.Write(text)
		s.lines = len(t.Bytes) - len(text) - bytes.Count(t.Bytes[len(text):], []byte("\r"))
	} else {
		s.out.Write(t.Bytes)
	}
	s.nest(t)
	if t.Type != hclsyntax.TokenComment {
		s.last = t.Type
	}
}

// newlines writes the line ends that were held back, as many as belong there.
func (s *spacer) newlines(t hclsyntax.Token) {
	n := min(s.lines, 2)
	switch {
	case s.out.Len() == 0:
		n = 0
	case n == 0:
	case s.opened || isClosing(t.Type):
		n = 1
	case s.depth == 0 && s.closed:
		n = 2
	}
	for range n {
		s.out.WriteByte('\n')
	}
	if n > 0 {
		s.opened, s.closed = false, false
	}
	s.lines = 0
}

func isClosing(t hclsyntax.TokenType) bool {
	return t == hclsyntax.TokenCBrace || t == hclsyntax.TokenCBrack || t == hclsyntax.TokenCParen
}

func (s *spacer) nest(t hclsyntax.Token) {
	switch t.Type {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
		s.depth++
		s.opened = true
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		s.depth++
	case hclsyntax.TokenTemplateSeqEnd:
		s.depth--
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
		s.depth--
		s.opened = false
		s.closed = s.depth == 0 && t.Type == hclsyntax.TokenCBrace
	case hclsyntax.TokenComment:
	default:
		s.opened = false
	}
}

// sameTokens says whether two files differ in white space only.
func sameTokens(a, b []byte) bool {
	x, y := meaning(lex(a)), meaning(lex(b))
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i].Type != y[i].Type || !bytes.Equal(bytes.TrimSpace(x[i].Bytes), bytes.TrimSpace(y[i].Bytes)) {
			return false
		}
	}
	return true
}

func meaning(tokens hclsyntax.Tokens) hclsyntax.Tokens {
	var out hclsyntax.Tokens
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenNewline {
			out = append(out, t)
		}
	}
	return out
}
