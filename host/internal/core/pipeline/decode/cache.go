package decode

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// cacheBlock reads cache { ttl }.
func (l *Decoder) cacheBlock(n *pipeline.Node, b *hclsyntax.Block) {
	n.Cache = &pipeline.Cache{}
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"ttl": l.Duration(&n.Cache.TTL),
	})
	l.NoBlocks(b)
	if n.Type.Name != "" && n.Type.Revision == "" {
		l.Fail(b.DefRange(), "it declares no revision: equal inputs may give other outputs each time", "results of %s are never cached", n.Type.Name)
	}
}
