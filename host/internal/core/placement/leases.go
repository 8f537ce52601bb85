package placement

import "github.com/myspinbot/spinbot/host/internal/core/device"

// Leases lists what tasks hold of an agent's devices, by UUID, in the order in which they were given. Ends is as the book expects it.
func (b *Book) Leases(agent string) map[string][]device.Lease {
	out := map[string][]device.Lease{}
	if g := b.agents[agent]; g != nil {
		for _, x := range g.spots {
			for _, l := range x.unit.Leases() {
				out[x.unit.UUID] = append(out[x.unit.UUID], *l)
			}
		}
	}
	return out
}
