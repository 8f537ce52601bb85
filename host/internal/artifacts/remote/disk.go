package remote

import (
	"fmt"
	"math"
	"path/filepath"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// disk knows what the transfers under way will still write to one disk, so that each leaves room for the others.
type disk struct {
	mu    sync.Mutex
	needs map[*partial]int64 // falls with each Write
}

// reserve sets aside what the rest of an artifact of that size needs, or says how many bytes the disk lacks for it. A
// store that does not adopt holds a second copy for a moment.
func (d *disk) reserve(p *partial, st artifacts.Store, size int64) (missing int64, err error) {
	need := size - p.size
	if _, ok := st.(artifacts.Adopter); !ok {
		need = plus(need, size)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	folder := filepath.Dir(p.f.Name())
	free, err := artifacts.Free(folder) // locked, or what is written meanwhile would count neither here nor there
	if err != nil {
		return 0, fmt.Errorf("artifact %s: ask what is free in %s: %w", p.digest, folder, err)
	}
	delete(d.needs, p)
	all := need
	for _, n := range d.needs {
		all = plus(all, n)
	}
	if uint64(all) > free {
		return all - int64(free), nil
	}
	if d.needs == nil {
		d.needs = map[*partial]int64{}
	}
	d.needs[p], p.disk = need, d
	return 0, nil
}

// wrote takes off what is on the disk now.
func (d *disk) wrote(p *partial, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if need, ok := d.needs[p]; ok {
		d.needs[p] = max(0, need-n)
	}
}

func (d *disk) release(p *partial) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.needs, p)
}

// plus adds sizes, which strangers declare: the largest stands for what is too large.
func plus(a, b int64) int64 { return a + min(b, math.MaxInt64-a) }
