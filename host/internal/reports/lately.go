package reports

import (
	"cmp"
	"container/list"
	"maps"
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
	latelyGone  = 10_000   // node instances of which it is known how much is gone
)

// lately keeps the last reports of each node instance, also once it has ended: of one the newest, and of all those that spoke last.
type lately struct {
	mu    sync.Mutex
	of    map[string]map[string]*list.Element // by run, then node instance; each holds a *ring
	order *list.List                          // who has been silent longest comes first
	size  int
	gone  map[[2]string]int // by run and node instance: how many reports of it are not kept any more
}

// ring is what one node instance said, the oldest first.
type ring struct {
	run, at string
	reports []client.Report
	size    int
}

func newLately() *lately {
	return &lately{of: map[string]map[string]*list.Element{}, order: list.New(), gone: map[[2]string]int{}}
}

// sizeOf is about how many bytes a report takes in memory.
func sizeOf(r client.Report) int {
	n := 512 + len(r.Message) + len(r.Level)
	if r.Curve != nil {
		n += 16 * len(r.Curve.X)
	}
	if r.Preview != nil {
		n += len(r.Preview.Name) + len(r.Preview.Digest) + len(r.Preview.MediaType)
	}
	return n
}

// add keeps a report. One that is too large alone is not kept, and a checkpoint is nothing to look at.
func (s *lately) add(r client.Report) {
	if r.Kind == sdk.ReportCheckpoint {
		return
	}
	r.Checkpoint = nil
	n := sizeOf(r)
	a := r.Address
	a.Attempt = 0
	at := a.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > latelyBytes {
		s.lose(a.Run, at, 1)
		return
	}
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
	if r.Curve != nil { // the newest has all of it
		g.reports = slices.DeleteFunc(g.reports, func(o client.Report) bool {
			same := o.Curve != nil && o.Curve.Name == r.Curve.Name
			if same {
				g.size, s.size = g.size-sizeOf(o), s.size-sizeOf(o)
			}
			return same
		})
	}
	for len(g.reports) == latelyEach || g.size+n > latelyBytes {
		first := sizeOf(g.reports[0])
		g.reports = slices.Delete(g.reports, 0, 1)
		g.size, s.size = g.size-first, s.size-first
		s.lose(g.run, at, 1)
	}
	g.reports = append(g.reports, r)
	g.size, s.size = g.size+n, s.size+n
	for s.size > latelyAll {
		s.forget(s.order.Front())
	}
}

// lose counts reports that are not kept any more. The caller holds mu.
func (s *lately) lose(run, at string, n int) {
	if len(s.gone) >= latelyGone {
		clear(s.gone)
	}
	s.gone[[2]string{run, at}] += n
}

// forget forgets what a node instance said, but for how much it was. The caller holds mu.
func (s *lately) forget(e *list.Element) {
	g := s.order.Remove(e).(*ring)
	s.lose(g.run, g.at, len(g.reports))
	s.size -= g.size
	if delete(s.of[g.run], g.at); len(s.of[g.run]) == 0 {
		delete(s.of, g.run)
	}
}

// drop forgets a run that was removed.
func (s *lately) drop(run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.of[run] {
		s.size -= s.order.Remove(e).(*ring).size
	}
	delete(s.of, run)
	maps.DeleteFunc(s.gone, func(of [2]string, _ int) bool { return of[0] == run })
}

// list gives what a run's nodes said, or those that node concerns: the newest, at most limit, the oldest of them first; and how many
// more are not kept any more.
func (s *lately) list(run, node string, limit int) (out []client.Report, gone int) {
	out = []client.Report{}
	s.mu.Lock()
	for of, n := range s.gone {
		if of[0] == run && concerns(of[1], node) {
			gone += n
		}
	}
	for at, e := range s.of[run] {
		if concerns(at, node) {
			out = append(out, e.Value.(*ring).reports...)
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(out, func(a, b client.Report) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Address.String(), b.Address.String()))
	})
	return out[max(0, len(out)-limit):], gone
}
