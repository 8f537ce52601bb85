package fleet

import (
	"cmp"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// Unload names what has to be given up so that a task fits, what was used longest ago first.
func (x *Spot) Unload(memory int64, id string, out []string) []string {
	need := x.Unit.Needs(memory, id) - x.Free
	if memory == 0 { // nobody knows what it needs: it gets all there is
		need = 1 << 62
	}
	if need <= 0 {
		return out
	}
	idle := slices.DeleteFunc(slices.Clone(x.Unit.WarmOn()), func(w *device.Warm) bool { return !x.Unit.Idle(w) || w.ID == id })
	slices.SortStableFunc(idle, func(a, b *device.Warm) int { return a.Used.Compare(b.Used) })
	for _, w := range idle {
		if need <= 0 {
			break
		}
		need -= w.Memory
		if !slices.Contains(out, w.ID) {
			out = append(out, w.ID)
		}
	}
	return out
}

// Sets gives the sets of the agent's devices that could have the task now: each device by itself, or as many as are asked
// for, those first that are preferred and then those with the least to unload.
func (g *Agent) Sets(n *Need) [][]*Spot {
	r := &n.Task.Request
	var fit []*Spot
	for _, x := range g.Spots {
		if x.Serves(n) && x.gives(n) {
			fit = append(fit, x)
		}
	}
	if len(fit) < r.Count || r.Count == 0 {
		return nil
	}
	if r.Count == 1 {
		out := make([][]*Spot, len(fit))
		for k := range fit {
			out[k] = fit[k : k+1]
		}
		return out
	}
	prefers := func(x *Spot) int {
		if len(r.Prefer) > 0 && !device.Named(&x.Unit.Device, r.Prefer) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(fit, func(a, c *Spot) int {
		return cmp.Or(cmp.Compare(prefers(a), prefers(c)), cmp.Compare(a.Both-a.Free, c.Both-c.Free), cmp.Compare(a.Free, c.Free))
	})
	return [][]*Spot{fit[:r.Count]}
}
