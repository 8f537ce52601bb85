package place

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Ref is a reference to something that a file declares. Offsets count from the beginning of the item, or of the file once they were Moved.
type Ref struct {
	// Root and Name say what it refers to: node and plan in node.plan.scenes; of self, Name is the output.
	Root, Name string
	// [From, To) is the name.
	From, To int
	// Member is the first part after the name, without an index between: the output of a module.
	Member               string
	MemberFrom, MemberTo int
}

// Moved counts its offsets from that much earlier.
func (r Ref) Moved(by int) Ref {
	r.From, r.To, r.MemberFrom, r.MemberTo = r.From+by, r.To+by, r.MemberFrom+by, r.MemberTo+by
	return r
}

var rootNames = []string{"var", "local", "node", "gate", "module", "secret", "self"}

// Refs finds the references among the tokens, in broken text too.
func (s *Scan) Refs() []Ref {
	var out []Ref
	for i, t := range s.tokens {
		if t.Type != hclsyntax.TokenIdent || !slices.Contains(rootNames, string(t.Bytes)) || !s.refers(i) {
			continue
		}
		r := Ref{Root: string(t.Bytes)}
		next, at, ok := s.stepName(i + 1)
		if !ok {
			continue
		}
		r.Name, r.From, r.To = s.src[at.from:at.to], at.from, at.to
		r.MemberFrom, r.MemberTo = at.to, at.to
		if next < len(s.tokens) && s.tokens[next].Type == hclsyntax.TokenOBrack { // an instance: its key is no member
			if closed := s.closer(next); closed > 0 {
				next = closed + 1
			}
		}
		if _, at, ok := s.stepName(next); ok {
			r.Member, r.MemberFrom, r.MemberTo = s.src[at.from:at.to], at.from, at.to
		}
		out = append(out, r)
	}
	return out
}

// refers says whether a name is the root of a reference: in a value, not after a dot, not a loop's own.
func (s *Scan) refers(i int) bool {
	m := s.marks[i]
	outside := m.frame.kind == body || m.frame.kind == object && m.frame.loop == nil
	if outside && m.state != inValue || m.state == loopVars || m.frame.kind == quoted || m.frame.kind == heredoc {
		return false
	}
	if i > 0 && s.tokens[i-1].Type == hclsyntax.TokenDot {
		return false
	}
	p := Place{}
	s.around(&p, m)
	return !slices.ContainsFunc(p.Loops, func(l Loop) bool { return slices.Contains(l.Vars, string(s.tokens[i].Bytes)) })
}

// stepName reads .name or ["name"] from a token on.
func (s *Scan) stepName(i int) (next int, at span, ok bool) {
	if i+1 >= len(s.tokens) {
		return i, span{}, false
	}
	switch s.tokens[i].Type {
	case hclsyntax.TokenDot:
		if s.tokens[i+1].Type == hclsyntax.TokenIdent {
			return i + 2, spanOf(s.tokens[i+1]), true
		}
	case hclsyntax.TokenOBrack:
		if i+4 < len(s.tokens) && s.tokens[i+1].Type == hclsyntax.TokenOQuote && s.tokens[i+2].Type == hclsyntax.TokenQuotedLit &&
			s.tokens[i+3].Type == hclsyntax.TokenCQuote && s.tokens[i+4].Type == hclsyntax.TokenCBrack {
			return i + 5, spanOf(s.tokens[i+2]), true
		}
	default:
	}
	return i, span{}, false
}

// closer finds the token that closes what a token opens.
func (s *Scan) closer(i int) int {
	if i+1 >= len(s.marks) {
		return -1
	}
	end := s.marks[i+1].frame.to
	return slices.IndexFunc(s.tokens, func(t hclsyntax.Token) bool { return t.Range.End.Byte == end })
}

// Name is an attribute or a block in an item.
type Name struct {
	Text string
	// [From, To) is the name, [From, End) all of it, [Value, End) an attribute's value.
	From, To, Value, End int
	// Labels and Inside are a block's: what stands in it. IsBlock tells one without either from an attribute.
	IsBlock bool
	Labels  []Label
	Inside  []Name
}

// Label is a label of a block: its text without quotes, and where that stands.
type Label struct {
	Text     string
	From, To int
}

// Names gives what the item holds: one block or one attribute, in text that is broken perhaps more.
func (s *Scan) Names() []Name { return namesOf(s.top) }

func namesOf(f *frame) []Name {
	out := make([]Name, len(f.names))
	for i, n := range f.names {
		out[i] = Name{Text: n.text, From: n.from, To: n.to, Value: max(n.to, n.value.from), End: max(n.to, n.value.to)}
		if n.block == nil {
			continue
		}
		out[i].IsBlock, out[i].End, out[i].Inside = true, n.block.to, namesOf(n.block)
		for _, l := range n.block.label {
			out[i].Labels = append(out[i].Labels, Label{l.text, l.from, l.to})
		}
	}
	return out
}
