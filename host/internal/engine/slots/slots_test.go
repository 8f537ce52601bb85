package slots

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
)

// TestSlotsHammer takes, keeps, gives back and leaves from many goroutines: no bound is broken and no slot is lost.
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
	var do func(*int, Place)
	do = func(l *int, p Place) {
		k := indexOf(p.Class)
		held[k].Add(1)
		if all := held[0].Load() + held[2].Load() + held[3].Load(); all > tasks || held[1].Load() > control || held[2].Load() > limit || held[3].Load() > limit {
			t.Error("too many at once")
		}
		held[k].Add(-1)
		if p.Class.Ahead {
			if next, ok := table.Next(l, p.Class); ok {
				do(l, next)
				return
			}
		}
		table.Release(p.Class)
	}
	table = New(control, tasks, func(l *int, p Place) {
		if _, left := gone.Load(l); left {
			table.Release(p.Class) // as a run does that takes no more messages
			return
		}
		work.Go(func() { do(l, p) })
	})
	for range 8 {
		work.Go(func() {
			for range 50 {
				l := new(int)
				for range rand.IntN(12) {
					p := Place{Inst: &progress.Instance{}, Class: classes[rand.IntN(len(classes))], Priority: rand.IntN(3)}
					if table.Acquire(l, p) {
						do(l, p)
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

// TestTurns compares who goes next with a list that is looked through: the highest priority, and among equals the run that has
// waited longest since its turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		s := newPool[int](1)
		var runs []int // in turn
		waits := map[int][]Place{}
		for range 300 {
			l := r.IntN(20)
			switch r.IntN(5) {
			case 0: // leaves
				s.remove(l)
				delete(waits, l)
				runs = slices.DeleteFunc(runs, func(x int) bool { return x == l })
			case 1, 2:
				p := Place{Inst: &progress.Instance{}, Priority: r.IntN(3)}
				if s.queue(l, p); len(waits[l]) == 0 {
					runs = append(runs, l)
				}
				waits[l] = append(waits[l], p)
				slices.SortStableFunc(waits[l], func(a, b Place) int { return b.Priority - a.Priority })
			default:
				if len(runs) == 0 {
					continue
				}
				first := 0
				for k, x := range runs {
					if waits[x][0].Priority > waits[runs[first]][0].Priority {
						first = k
					}
				}
				want, place := runs[first], waits[runs[first]][0]
				if got, p := s.next(); got != want || p.Inst != place.Inst {
					t.Fatalf("seed %d: run %d goes next, want %d", seed, got, want)
				}
				runs = slices.Delete(runs, first, first+1)
				if waits[want] = waits[want][1:]; len(waits[want]) > 0 {
					runs = append(runs, want)
				}
			}
		}
		if len(s.ring) != len(runs) || len(s.lines) != len(runs) {
			t.Errorf("seed %d: %d and %d runs wait, want %d", seed, len(s.ring), len(s.lines), len(runs))
		}
	}
}

// TestNext: a run's own places come next in its slot, the highest priority first, and keep their turn; nothing does while there is a reason
// why not.
func TestNext(t *testing.T) {
	t.Parallel()
	ahead := Class{Ahead: true}
	var granted []Place
	table := New(1, 1, func(_ int, p Place) { granted = append(granted, p) })
	place := func(priority int) Place {
		return Place{Inst: &progress.Instance{}, Class: ahead, Priority: priority}
	}
	low, high, other := place(0), place(1), place(0)
	if !table.Acquire(1, place(0)) || table.Acquire(1, low) || table.Acquire(1, high) || table.Acquire(2, other) {
		t.Fatal("there is one slot")
	}
	table.Hold("the disk is full")
	if _, ok := table.Next(1, ahead); ok {
		t.Error("something was given while there is a reason why not")
	}
	table.Hold("")
	for _, want := range []Place{high, low} {
		if got, ok := table.Next(1, ahead); !ok || got.Inst != want.Inst {
			t.Errorf("%+v, %v come next, want %+v", got, ok, want)
		}
	}
	if _, ok := table.Next(1, ahead); ok {
		t.Error("a run gets what another waits for")
	}
	if table.Release(ahead); len(granted) != 1 || granted[0].Inst != other.Inst {
		t.Errorf("%+v were granted, want the other run's place", granted)
	}
}
