// Package place finds out where a cursor stands: in which block, attribute and part of a value, what may stand there, and
// what of it was typed already. It looks at the tokens of one item (see package text), so that it has an answer for
// text that no parser takes, which is what text looks like while it is being written. It knows the syntax and not what
// any name means.
package place

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Want is what may stand at a place.
type Want string

// What may stand at a place.
const (
	Nothing Want = ""
	Item    Want = "item"   // an attribute or a block
	Head    Want = "head"   // labels, = or { after the name of an attribute or a block
	Labels  Want = "label"  // the text of a block's label
	Key     Want = "key"    // of an object
	Value   Want = "value"  // the beginning of a value
	Member  Want = "member" // after a dot
	Text    Want = "text"   // in quotes
)

// Block is a block around a place.
type Block struct {
	Type   string
	Labels []string
	// Names are the attributes and blocks that stand in it.
	Names []string
}

// Loop is a for expression around a place: what its variables are called, and the source of what it runs over.
type Loop struct {
	Vars []string
	Over string
}

// Place is where a cursor stands in a file, and what of it was typed already. Offsets count from the beginning of the item, or of the file once they were Moved.
type Place struct {
	Want Want
	// Blocks are the blocks around, from outside to inside; none at the top of the file.
	Blocks []Block
	// Word is the part of a name before the cursor; [From, To) is the whole name, or the text in quotes.
	Word     string
	From, To int
	// Attribute is whose value the cursor stands in, Path what leads to it within the value: keys of objects, "[]" for
	// an element of a list; Typed says that this says all: no function or operator is around.
	Attribute string
	Path      []string
	Typed     bool
	// Receiver is the source of what stands before the dot, and begins at an offset.
	Receiver   string
	ReceiverAt int
	// Call is the function around, Arg which of its arguments, from 0.
	Call string
	Arg  int
	// Loops are the for expressions around, from outside to inside.
	Loops []Loop
	// Label is which label of a block, from 0; Closed says that more follows on its line than a quote.
	Label  int
	Closed bool
	// Item is which item of the file, -1 in none; whoever looks at a whole file sets it.
	Item int
	// Name is what a name that stands there is: see NameKind.
	Name NameKind
}

// Moved counts its offsets from that much earlier.
func (p Place) Moved(by int) Place {
	p.From, p.To, p.ReceiverAt = p.From+by, p.To+by, p.ReceiverAt+by
	return p
}

// NameKind says what a name under the cursor is.
type NameKind string

// The kinds of names.
const (
	NoName        NameKind = ""
	BlockName     NameKind = "block"     // the type of a block; the last of Blocks is that block
	LabelName     NameKind = "label"     // a label; the last of Blocks is the block
	AttributeName NameKind = "attribute" // an attribute of the last of Blocks
	KeyName       NameKind = "key"       // a key of an object
	FunctionName  NameKind = "function"  // a function
	Reference     NameKind = "reference" // part of a reference
	LoopName      NameKind = "loop"      // a variable of a for expression, where it is named
)

// isWord is true of tokens that grow while they are typed.
func isWord(t hclsyntax.Token) bool {
	switch t.Type {
	case hclsyntax.TokenIdent, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit:
		return true
	default:
		return false
	}
}

// At finds out where an offset stands.
func (s *Scan) At(at int) Place {
	i := slices.IndexFunc(s.tokens, func(t hclsyntax.Token) bool {
		return t.Range.End.Byte > at || t.Range.End.Byte == at && isWord(t)
	})
	if i < 0 {
		i = len(s.tokens)
	}
	m := s.marks[i]
	p := Place{From: at, To: at}
	s.around(&p, m)
	inside := i < len(s.tokens) && s.tokens[i].Range.Start.Byte < at || i < len(s.tokens) && s.tokens[i].Range.Start.Byte == at && isWord(s.tokens[i])
	if inside {
		t := s.tokens[i]
		switch t.Type {
		case hclsyntax.TokenIdent:
			p.Word, p.From, p.To = s.src[t.Range.Start.Byte:at], t.Range.Start.Byte, t.Range.End.Byte
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenNewline, hclsyntax.TokenOBrace, hclsyntax.TokenCBrace:
		default:
			return p // in a comment, a number, a heredoc or a sign of several characters
		}
	}
	switch m.frame.kind {
	case heredoc:
		return p
	case quoted:
		s.inQuotes(&p, m, i, at)
		return p
	case body:
		if m.state != inValue {
			s.outside(&p, m, i)
			return p
		}
	case object:
		if m.state == atName || m.state == afterName {
			if p.Want = Key; p.To > p.From {
				p.Name = KeyName
			}
			return p
		}
	default:
	}
	s.inValue(&p, m, i)
	return p
}

// outside fills in what is outside of values: names, labels.
func (s *Scan) outside(p *Place, m mark, i int) {
	switch m.state {
	case atName:
		p.Want = Item
		if p.To > p.From {
			p.Name = AttributeName
			s.named(p, m, span{p.From, p.To})
		}
	case afterName:
		p.Want, p.Label = Head, m.n
	default:
	}
}

// named says whether a name is a block's, and adds that block.
func (s *Scan) named(p *Place, m mark, at span) {
	for _, n := range m.frame.names {
		if n.span == at && n.block != nil {
			p.Name = BlockName
			p.Blocks = append(p.Blocks, blockOf(n.block))
		}
	}
}

func blockOf(f *frame) Block {
	b := Block{Type: f.name}
	for _, l := range f.label {
		b.Labels = append(b.Labels, l.text)
	}
	for _, n := range f.names {
		b.Names = append(b.Names, n.text)
	}
	return b
}

// around gathers what lies around a mark.
func (s *Scan) around(p *Place, m mark) {
	p.Typed = true
	for {
		f := m.frame
		if f.loop != nil && m.state != loopVars && m.state != loopOver {
			var vars []string
			for _, v := range f.loop.vars {
				vars = append(vars, v.text)
			}
			p.Loops = append(p.Loops, Loop{vars, strings.TrimSpace(f.loop.over)})
		}
		switch f.kind {
		case body:
			if p.Attribute == "" && m.state == inValue && len(p.Blocks) == 0 {
				p.Attribute = m.word
			}
			if f != s.top {
				p.Blocks = append(p.Blocks, blockOf(f))
			}
		case object:
			if p.Attribute == "" && len(p.Blocks) == 0 && m.state == inValue && f.loop == nil {
				p.Path = append(p.Path, m.word)
			}
			p.Typed = p.Typed && f.loop == nil
		case list:
			p.Path = append(p.Path, "[]")
			p.Typed = p.Typed && f.loop == nil
		case call:
			if p.Call == "" {
				p.Call, p.Arg = f.name, m.n
			}
			p.Typed = false
		case index, template:
			p.Typed = false
		default:
		}
		if f == s.top {
			break
		}
		m = f.up
	}
	slices.Reverse(p.Path)
	slices.Reverse(p.Blocks)
	slices.Reverse(p.Loops)
}

// inQuotes fills in what a text in quotes is.
func (s *Scan) inQuotes(p *Place, m mark, i, at int) {
	f := m.frame
	p.Want, p.From, p.To = Text, f.from+1, at
	for _, t := range s.tokens {
		if t.Range.Start.Byte >= f.from && t.Range.End.Byte <= at && t.Type == hclsyntax.TokenTemplateInterp {
			p.Want = Nothing // no text that is known
			return
		}
	}
	p.Word = s.src[p.From:at]
	if p.To = at; i < len(s.tokens) && s.tokens[i].Type == hclsyntax.TokenQuotedLit {
		p.To = s.tokens[i].Range.End.Byte
	}
	up := f.up
	switch {
	case up.frame.kind == index:
		if s.receiver(p, up.frame.from) {
			p.Want, p.Name = Member, Reference
		}
	case up.frame.kind == object && up.state == afterName:
		p.Want, p.Name = Key, KeyName
	case up.frame.kind != body || up.state != afterName:
	default:
		p.Want, p.Label, p.Name = Labels, up.n, LabelName
		p.Blocks = append(p.Blocks, s.headOf(up))
		for j := i; j < len(s.tokens) && !isLineEnd(s.tokens[j]); j++ {
			switch s.tokens[j].Type {
			case hclsyntax.TokenQuotedLit, hclsyntax.TokenCQuote:
			default:
				p.Closed = true
			}
		}
	}
}

// headOf gives the block whose labels a mark stands in.
func (s *Scan) headOf(m mark) Block {
	for _, n := range m.frame.names {
		if n.block != nil && n.span == m.at {
			return blockOf(n.block)
		}
	}
	if s.head != nil && s.head.at == m.at {
		return blockOf(s.head)
	}
	return Block{Type: m.word}
}

// inValue fills in what part of a value a name is.
func (s *Scan) inValue(p *Place, m mark, i int) {
	if m.state == loopVars {
		p.Name = LoopName
		return
	}
	p.Want = Value
	before := i - 1
	if before >= 0 && s.tokens[before].Type == hclsyntax.TokenDot {
		if s.receiver(p, s.tokens[before].Range.Start.Byte) {
			p.Want = Member
		} else {
			p.Want = Nothing
		}
	}
	if p.To == p.From {
		return
	}
	p.Name = Reference
	if i+1 < len(s.tokens) && s.tokens[i+1].Type == hclsyntax.TokenOParen && p.Want == Value {
		p.Name = FunctionName
	}
}

// receiver finds the source of the value that ends where a dot or a bracket begins.
func (s *Scan) receiver(p *Place, end int) bool {
	i := slices.IndexFunc(s.tokens, func(t hclsyntax.Token) bool { return t.Range.Start.Byte == end }) - 1
	from := s.operand(i)
	if i < 0 || from < 0 {
		return false
	}
	p.ReceiverAt = s.tokens[from].Range.Start.Byte
	p.Receiver = s.src[p.ReceiverAt:end]
	return true
}

// operand gives the first token of the operand that ends with a token; -1 when none does.
func (s *Scan) operand(i int) int {
	for i >= 0 {
		switch s.tokens[i].Type {
		case hclsyntax.TokenIdent, hclsyntax.TokenStar, hclsyntax.TokenNumberLit:
			if i == 0 || s.tokens[i-1].Type != hclsyntax.TokenDot {
				if s.tokens[i].Type != hclsyntax.TokenIdent {
					return -1
				}
				return i
			}
			i -= 2
		case hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCBrace:
			open := s.opener(i)
			if open < 0 {
				return -1
			}
			if open > 0 && s.continues(open) {
				i = open - 1
				continue
			}
			return open
		default:
			return -1
		}
	}
	return -1
}

// continues says whether a bracket goes on with the value before it: an index or a call.
func (s *Scan) continues(open int) bool {
	before := s.tokens[open-1]
	if s.tokens[open].Type == hclsyntax.TokenOBrace || before.Range.End.Byte != s.tokens[open].Range.Start.Byte {
		return false
	}
	switch before.Type {
	case hclsyntax.TokenIdent, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenStar:
		return true
	default:
		return false
	}
}

// opener finds the token that a closing one closes.
func (s *Scan) opener(i int) int {
	end := s.tokens[i].Range.End.Byte
	for j := i - 1; j >= 0; j-- {
		if f := s.marks[j+1].frame; f.to == end && f.from == s.tokens[j].Range.Start.Byte {
			return j
		}
	}
	return -1
}
