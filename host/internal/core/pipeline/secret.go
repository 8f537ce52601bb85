package pipeline

import "github.com/hashicorp/hcl/v2/hclsyntax"

// Secret is a value that the host keeps and a pipeline refers to by name.
type Secret struct {
	Name, Description string
	Range             Range
}

// secretBlock reads secret "name" { description }.
func (l *loader) secretBlock(b *hclsyntax.Block) {
	if !l.labels(b, `secret "name" { }`, 1) {
		return
	}
	s := Secret{Name: b.Labels[0], Range: rangeOf(b.DefRange())}
	l.attributes(b, map[string]func(hclsyntax.Expression){"description": l.text(&s.Description)})
	l.noBlocks(b)
	for _, other := range l.p.Secrets {
		if other.Name == s.Name {
			l.duplicate(b.LabelRanges[0], "secret", s.Name, other.Range)
			return
		}
	}
	l.p.Secrets = append(l.p.Secrets, s)
}
