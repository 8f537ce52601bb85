package engine

import (
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// Reported is a report with who said it and when.
type Reported struct {
	Address sdk.Address
	Time    time.Time
	Report  sdk.Report
}

// ringSize is how many reports are remembered per run, maxRings for how many runs.
const (
	ringSize = 512
	maxRings = 256
)

// rings remembers the latest reports of the latest runs.
type rings struct {
	mu    sync.Mutex
	runs  map[run.ID]*ring
	order []run.ID
}

type ring struct {
	items []Reported
	next  int
}

func (r *rings) add(a sdk.Address, rep sdk.Report, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := run.ID(a.Run)
	x := r.runs[id]
	if x == nil {
		if r.runs == nil {
			r.runs = make(map[run.ID]*ring)
		}
		x = &ring{}
		r.runs[id] = x
		if r.order = append(r.order, id); len(r.order) > maxRings {
			delete(r.runs, r.order[0])
			r.order = r.order[1:]
		}
	}
	item := Reported{a, now, rep}
	if len(x.items) < ringSize {
		x.items = append(x.items, item)
		return
	}
	x.items[x.next] = item
	x.next = (x.next + 1) % ringSize
}

func (r *rings) of(id run.ID) []Reported {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.runs[id]
	if x == nil {
		return nil
	}
	return append(append([]Reported{}, x.items[x.next:]...), x.items[:x.next]...)
}
