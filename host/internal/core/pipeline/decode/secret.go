package decode

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// secretBlock reads secret "name" { description }.
func (l *Decoder) secretBlock(b *hclsyntax.Block) {
	if !l.Labels(b, `secret "name" { }`, 1) {
		return
	}
	s := pipeline.Secret{Name: b.Labels[0], Range: diagnostic.RangeOf(b.DefRange())}
	l.Attributes(b, map[string]func(hclsyntax.Expression){"description": l.Text(&s.Description)})
	l.NoBlocks(b)
	for _, other := range l.Pipeline.Secrets {
		if other.Name == s.Name {
			l.Duplicate(b.LabelRanges[0], "secret", s.Name, other.Range)
			return
		}
	}
	l.Pipeline.Secrets = append(l.Pipeline.Secrets, s)
}
