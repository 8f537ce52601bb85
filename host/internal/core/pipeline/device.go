package pipeline

import (
	"maps"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk"
)

// Device is what a node's device block asks for.
type Device struct {
	device.Request
	Model string // what stays resident
	// Files are the model files that have to be on its machine, sorted.
	Files []string
	// Classes are the node classes that an engine there has to have, sorted by name.
	Classes []device.Class
	// Evictable: it uses devices that nobody else wants, and gives them back when somebody does.
	Evictable bool
}

// What spill says of a node whose model does not fit into device memory.
const (
	SpillAllow = "allow"
	SpillNever = "never"
)

// Asks says whether the node may ask for devices, or for model files.
func (n *Node) Asks() bool {
	return n.Kind == KindNode && (n.Device != nil || n.Type.Device != nil || len(n.Type.Cases) > 0 || n.Type.NamesModelFiles())
}

// Wants gives what the node asks of devices: what the file says, and where it says nothing what the node type does. The
// model and model files may be named by inputs, and what the node type wants may depend on them. ok: it asks for something.
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
	d.Classes = n.classes(inputs)
	if t := n.Type.DeviceFor(inputs); t != nil {
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
