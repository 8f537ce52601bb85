package decode

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// deviceBlock reads device { }.
func (l *Decoder) deviceBlock(n *pipeline.Node, b *hclsyntax.Block) {
	d := &pipeline.Device{Request: device.Request{Count: 1}}
	n.Device = d
	spill := pipeline.SpillAllow
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"memory":    l.Size(&d.Memory),
		"count":     l.Number(&d.Count, 0, 64),
		"model":     l.Text(&d.Model),
		"files":     l.Texts(&d.Files),
		"at_least":  l.TextMap(&d.AtLeast),
		"ram":       l.Size(&d.RAM),
		"disk":      l.Size(&d.Disk),
		"exclusive": l.Flag(&d.Exclusive),
		"only":      l.Texts(&d.Only),
		"prefer":    l.Texts(&d.Prefer),
		"forbid":    l.Texts(&d.Forbid),
		"spill":     l.Choice(&spill, pipeline.SpillAllow, pipeline.SpillNever),
		"evictable": l.Flag(&d.Evictable),
	})
	d.NeverSpill = spill == pipeline.SpillNever
	if a, ok := b.Body.Attributes["files"]; ok {
		for k, name := range d.Files {
			if d.Files[k] = strings.ReplaceAll(name, `\`, "/"); !sdk.IsModelFile(d.Files[k]) {
				l.Fail(a.Expr.Range(), "its kind and its path: \"loras/ink.safetensors\"; spinbot models lists those that there are", "%q is no name of a model file", name)
			}
		}
		slices.Sort(d.Files)
		d.Files = slices.Compact(d.Files)
	}
	if a, ok := b.Body.Attributes["at_least"]; ok {
		for _, trait := range slices.Sorted(maps.Keys(d.AtLeast)) {
			if err := device.CheckTrait(trait, d.AtLeast[trait]); err != nil {
				l.Fail(a.Expr.Range(), "what a device must have"+expr.DidYouMean(trait, device.Traits()), "%s", err)
			}
		}
	}
	l.NoBlocks(b)
}
