package slots

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// TestSlotsHammer takes, gives back and leaves from many goroutines: no bound is broken and no slot is lost.
func TestSlotsHammer(t *testing.T) {
	t.Parallel()
	const limit, tasks, control = 2, 5, 3
	classes := []Class{{}, {Ahead: true}, {NodeType: "a", Limit: limit}, {NodeType: "b", Limit: limit}}
	var table *Table[*int]
	held := make([]atomic.Int32, len(classes))
	indexOf := func(c Class) int {
		for k := range classes {
			if classes[k] == c {
				return k
			}
		}
		panic("no such class")
	}
	var gone sync.Map // runs that have left
	var work sync.WaitGroup
	do := func(p Place) {
		k := indexOf(p.Class)
		held[k].Add(1)
		if all := held[0].Load() + held[2].Load() + held[3].Load(); all > tasks || held[1].Load() > control || held[2].Load() > limit || held[3].Load() > limit {
			t.Error("too many at once")
		}
		held[k].Add(-1)
		table.Release(p.Class)
	}
	table = New(control, tasks, func(l *int, p Place) {
		if _, left := gone.Load(l); left {
			table.Release(p.Class) // as a run does that takes no more messages
			return
		}
		work.Go(func() { do(p) })
	})
	for range 8 {
		work.Go(func() {
			for range 50 {
				l := new(int)
				for range rand.IntN(12) {
					p := Place{Inst: &run.Instance{}, Class: classes[rand.IntN(len(classes))], Priority: rand.IntN(3)}
					if table.Acquire(l, p) {
						do(p)
					}
				}
				gone.Store(l, true)
				table.Leave(l)
			}
		})
	}
	work.Wait()
	if table.tasks.free != tasks || table.control.free != control {
		t.Errorf("%d and %d slots are left, want %d and %d", table.tasks.free, table.control.free, tasks, control)
	}
	for c, p := range table.types {
		if p.free != limit || len(p.ring)+len(p.lines) > 0 {
			t.Errorf("%s: %d free, %d waiting", c.NodeType, p.free, len(p.ring))
		}
	}
}
