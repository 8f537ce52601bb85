package runs

import (
	"hash/maphash"
	"sync/atomic"
)

// Versions says of each run whether anything has changed that is shown of it. Runs may share a number: one of them changes it for
// all.
type Versions struct {
	seed  maphash.Seed
	slots [1024]atomic.Uint64
}

// NewVersions is as nothing has changed.
func NewVersions() *Versions { return &Versions{seed: maphash.MakeSeed()} }

func (v *Versions) slot(run string) *atomic.Uint64 {
	return &v.slots[maphash.String(v.seed, run)%uint64(len(v.slots))]
}

// Changed is told after what has changed is durable: who looks from then on sees it.
func (v *Versions) Changed(run string) { v.slot(run).Add(1) }

// Version gives a number that is another one whenever what is shown of a run may be; 0: another host may change it unseen.
func (r *Runs) Version(run string) uint64 {
	if r.Advance.Shared() && !r.Advance.Active(run) {
		return 0
	}
	return r.Versions.slot(run).Load() + 1
}
