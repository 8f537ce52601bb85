package host

import (
	"cmp"
	"container/list"
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// How much is kept of what nodes said.
const (
	latelyEach  = 100      // of one node instance
	latelyBytes = 64 << 10 // of one node instance
	latelyAll   = 8 << 20  // bytes of all
)

// lately keeps the last reports of each node instance, also once it has ended: of one the newest, and of all those that spoke last.
type lately struct {
	mu    sync.Mutex
	of    map[string]map[string]*list.Element // by run, then node instance; each holds a *ring
	order *list.List                          // who has been silent longest comes first
	size  int
}

// ring is what one node instance said, the oldest first.
type ring struct {
	run, at string
	reports []client.Report
	size    int
}

func newLately() *lately {
	return &lately{of: map[string]map[string]*list.Element{}, order: list.New()}
}

// sizeOf is about how many bytes a report takes in memory.
func sizeOf(r client.Report) int {
	n := 512 + len(r.Message) + len(r.Level)
	if r.Preview != nil {
		n += len(r.Preview.Name) + len(r.Preview.Digest) + len(r.Preview.MediaType)
	}
	return n
}

// add keeps a report, without its checkpoint, which is nothing to look at. One that is too large alone is not kept.
func (s *lately) add(r client.Report) {
	r.Checkpoint = nil
	n := sizeOf(r)
	if n > latelyBytes || r.Kind == sdk.ReportCheckpoint {
		return
	}
	a := r.Address
	a.Attempt = 0
	at := a.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.of[a.Run][at]
	if e == nil {
		e = s.order.PushBack(&ring{run: a.Run, at: at})
		if s.of[a.Run] == nil {
			s.of[a.Run] = map[string]*list.Element{}
		}
		s.of[a.Run][at] = e
	}
	s.order.MoveToBack(e)
	g := e.Value.(*ring)
	for len(g.reports) == latelyEach || g.size+n > latelyBytes {
		first := sizeOf(g.reports[0])
		g.reports = slices.Delete(g.reports, 0, 1)
		g.size, s.size = g.size-first, s.size-first
	}
	g.reports = append(g.reports, r)
	g.size, s.size = g.size+n, s.size+n
	for s.size > latelyAll {
		s.forget(s.order.Front())
	}
}

// forget forgets a node instance. The caller holds mu.
func (s *lately) forget(e *list.Element) {
	g := s.order.Remove(e).(*ring)
	s.size -= g.size
	if delete(s.of[g.run], g.at); len(s.of[g.run]) == 0 {
		delete(s.of, g.run)
	}
}

// list gives what a run's nodes said, or those that node concerns: the newest, at most limit, the oldest of them first.
func (s *lately) list(run, node string, limit int) []client.Report {
	out := []client.Report{}
	s.mu.Lock()
	for at, e := range s.of[run] {
		if concerns(at, node) {
			out = append(out, e.Value.(*ring).reports...)
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(out, func(a, b client.Report) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Address.String(), b.Address.String()))
	})
	return out[max(0, len(out)-limit):]
}
