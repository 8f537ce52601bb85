package decode

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// concurrencyBlock reads concurrency { limit, key }.
func (l *Decoder) concurrencyBlock(b *hclsyntax.Block) {
	c := &pipeline.Concurrency{}
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"limit": l.Number(&c.Limit, 1, 1_000_000),
		"key":   func(e hclsyntax.Expression) { c.Key = e },
	})
	l.NoBlocks(b)
	if _, given := b.Body.Attributes["limit"]; !given {
		l.Fail(b.DefRange(), "write how many runs may go on at once: limit = 1", "concurrency without a limit")
		return
	}
	l.Pipeline.Concurrency = c
}
