package pipeline

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Device is what a node's device block asks for.
type Device struct {
	device.Request
	Model string // what stays resident
	// Files are the model files that have to be on its machine, sorted.
	Files []string
	// Evictable: it uses devices that nobody else wants, and gives them back when somebody does.
	Evictable bool
}

// What spill says of a node whose model does not fit into device memory.
const (
	spillAllow = "allow"
	spillNever = "never"
)

// deviceBlock reads device { }.
func (l *loader) deviceBlock(n *Node, b *hclsyntax.Block) {
	d := &Device{Request: device.Request{Count: 1}}
	n.Device = d
	spill := spillAllow
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"memory":    l.size(&d.Memory),
		"count":     l.number(&d.Count, 0, 64),
		"model":     l.text(&d.Model),
		"files":     l.texts(&d.Files),
		"at_least":  l.textMap(&d.AtLeast),
		"ram":       l.size(&d.RAM),
		"disk":      l.size(&d.Disk),
		"exclusive": l.flag(&d.Exclusive),
		"only":      l.texts(&d.Only),
		"prefer":    l.texts(&d.Prefer),
		"forbid":    l.texts(&d.Forbid),
		"spill":     l.choice(&spill, spillAllow, spillNever),
		"evictable": l.flag(&d.Evictable),
	})
	d.NeverSpill = spill == spillNever
	if a, ok := b.Body.Attributes["files"]; ok {
		for k, name := range d.Files {
			if d.Files[k] = strings.ReplaceAll(name, `\`, "/"); !sdk.IsModelFile(d.Files[k]) {
				l.fail(a.Expr.Range(), "its kind and its path: \"loras/ink.safetensors\"; spinbot models lists those that there are", "%q is no name of a model file", name)
			}
		}
		slices.Sort(d.Files)
		d.Files = slices.Compact(d.Files)
	}
	if a, ok := b.Body.Attributes["at_least"]; ok {
		for _, trait := range slices.Sorted(maps.Keys(d.AtLeast)) {
			if err := device.CheckTrait(trait, d.AtLeast[trait]); err != nil {
				l.fail(a.Expr.Range(), "what a device must have"+expr.DidYouMean(trait, device.Traits()), "%s", err)
			}
		}
	}
	l.noBlocks(b)
}

// Asks says whether the node may ask for devices, or for model files.
func (n *Node) Asks() bool {
	return n.Kind == KindNode && (n.Device != nil || n.Type.Device != nil || n.Type.NamesModelFiles())
}

// Wants gives what the node asks of devices: what the file says, and where it says nothing what the node type does. The
// model and model files may be named by inputs. ok: it asks for something.
func (n *Node) Wants(inputs sdk.Values) (d Device, ok bool) {
	if !n.Asks() {
		return d, false
	}
	if n.Device != nil {
		d = *n.Device
	}
	if more := n.Type.ModelFiles(inputs); more != nil {
		d.Files = slices.Compact(slices.Sorted(slices.Values(slices.Concat(d.Files, more))))
	}
	if t := n.Type.Device; t != nil {
		if n.Device == nil {
			d.Count = max(1, t.Count)
		}
		if d.Memory == 0 {
			d.Memory = t.Memory
		}
		d.Exclusive = d.Exclusive || t.Exclusive
		for trait, least := range t.Traits {
			if _, own := d.AtLeast[trait]; !own {
				d.AtLeast = maps.Clone(d.AtLeast)
				if d.AtLeast == nil {
					d.AtLeast = map[string]string{}
				}
				d.AtLeast[trait] = least
			}
		}
		if name, ok := inputs[t.ModelInput].(string); ok && d.Model == "" && t.ModelInput != "" {
			d.Model = name
		}
	}
	return d, d.Count > 0 || d.RAM > 0 || d.Disk > 0 || len(d.Files) > 0
}
