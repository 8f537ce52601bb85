package pipeline

import (
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Cache says how a node's results are used again.
type Cache struct {
	// TTL is how old a result may be; 0: any age.
	TTL time.Duration
}

// cacheBlock reads cache { ttl }.
func (l *loader) cacheBlock(n *Node, b *hclsyntax.Block) {
	n.Cache = &Cache{}
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"ttl": l.duration(&n.Cache.TTL),
	})
	l.noBlocks(b)
	if n.Type.Name != "" && n.Type.Revision == "" {
		l.fail(b.DefRange(), "it declares no revision: equal inputs may give other outputs each time", "results of %s are never cached", n.Type.Name)
	}
}
