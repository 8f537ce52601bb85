package nodetypes

import (
	"context"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/sdk"
)

// Parks says whether tasks of a node type may be stopped where another needs their devices.
func (t *Types) Parks(nodeType string) bool { return t.nodeType(nodeType).Parks }

// Generates says whether what a node type makes is marked as AI-generated.
func (t *Types) Generates(nodeType string) bool { return t.nodeType(nodeType).Generates }

// nodeType gives a node type as of the last look at the catalog; an empty one when it is not there.
func (t *Types) nodeType(name string) (known sdk.NodeType) {
	if v, err := t.Catalog.Last(context.Background()); err == nil {
		known, _ = v.NodeType(name)
	}
	return known
}

// PluginOf names the plugin that a node type is of, though nobody offers it.
func (t *Types) PluginOf(nodeType string) string {
	if e, err := t.Offers(nodeType); err == nil {
		return e.Name
	}
	name, _, _ := strings.Cut(nodeType, ".")
	return name
}

// Offered gives the node types of this machine's own plugins, sorted.
func (t *Types) Offered() []string {
	out := []string{}
	v, err := t.Catalog.Last(context.Background())
	if err != nil {
		return out
	}
	for _, e := range v.Entries {
		if e.Kind == catalog.Plugin && e.State == catalog.Ready && len(e.Agents) == 0 {
			var told []string
			if block, ok := t.cfg.File().Plugin(e.Name); ok {
				told = block.Settings()
			}
			for _, one := range e.Manifest.NodeTypes {
				out = append(out, one.Offers(told)...)
			}
		}
	}
	slices.Sort(out)
	return out
}
