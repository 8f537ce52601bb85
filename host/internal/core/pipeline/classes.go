package pipeline

import (
	"cmp"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/comfyui"
)

// core is what a drawing calls the pack of ComfyUI's own classes.
const core = "comfy-core"

// classes gives the node classes that the workflow among a node's inputs needs of its engine, sorted by name. Of one that is not known yet, or
// cannot be read, there are none: its plugin says then what is wrong.
func (n *Node) classes(inputs sdk.Values) []device.Class {
	text, ok := inputs[n.Type.Workflow].(string)
	if n.Type.Workflow == "" || !ok || text == "" {
		return nil
	}
	g, err := comfyui.Read([]byte(text), nil)
	if err != nil {
		return nil
	}
	var out []device.Class
	for _, x := range g.Nodes {
		c := device.Class{Name: x.Class, Pack: x.Pack}
		if c.Pack == core {
			c.Pack = ""
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b device.Class) int { return cmp.Or(cmp.Compare(a.Name, b.Name), -cmp.Compare(a.Pack, b.Pack)) })
	return slices.CompactFunc(out, func(a, b device.Class) bool { return a.Name == b.Name })
}
