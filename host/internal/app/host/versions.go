package host

import (
	"context"
	"hash/maphash"
	"sync/atomic"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// versions says of each run whether anything has changed that is shown of it. Runs may share a number: one of them changes it for
// all.
type versions struct {
	seed  maphash.Seed
	slots [1024]atomic.Uint64
}

func newVersions() *versions { return &versions{seed: maphash.MakeSeed()} }

func (v *versions) slot(run string) *atomic.Uint64 {
	return &v.slots[maphash.String(v.seed, run)%uint64(len(v.slots))]
}

// changed is told after what has changed is durable: who looks from then on sees it.
func (v *versions) changed(run string) { v.slot(run).Add(1) }

// version gives a number that is another one whenever what is shown of a run may be; 0: another host may change it unseen.
func (h *Host) version(run string) uint64 {
	if h.sharing != nil && !h.isActive(run) {
		return 0
	}
	return h.versions.slot(run).Load() + 1
}

// forgetting tells of runs that are removed.
type forgetting struct {
	store.Keeper
	versions *versions
}

// Remove implements store.Keeper.
func (f forgetting) Remove(ctx context.Context, run string, seq uint64) error {
	defer f.versions.changed(run)
	return f.Keeper.Remove(ctx, run, seq)
}
