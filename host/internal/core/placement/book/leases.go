package book

import "github.com/myspinbot/spinbot/host/internal/core/device"

// Leases lists what tasks hold of an agent's devices, by UUID, in the order in which they were given. Ends is as the book expects it.
func (b *Book) Leases(agent string) map[string][]device.Lease {
	out := map[string][]device.Lease{}
	for _, g := range b.fleet.Agents {
		if g.ID != agent {
			continue
		}
		for _, x := range g.Spots {
			for _, l := range x.Unit.Leases() {
				out[x.Unit.UUID] = append(out[x.Unit.UUID], *l)
			}
		}
	}
	return out
}
