package engine

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// TestSlotsHammer takes, gives back and leaves from many goroutines: no bound is broken and no slot is lost.
func TestSlotsHammer(t *testing.T) {
	t.Parallel()
	const limit, tasks, control = 2, 5, 3
	classes := []class{{}, {ahead: true}, {nodeType: "a", limit: limit}, {nodeType: "b", limit: limit}}
	var table *slotTable
	held := make([]atomic.Int32, len(classes))
	indexOf := func(c class) int {
		for k := range classes {
			if classes[k] == c {
				return k
			}
		}
		panic("no such class")
	}
	var gone sync.Map // runs that have left
	var work sync.WaitGroup
	do := func(p place) {
		k := indexOf(p.class)
		held[k].Add(1)
		if all := held[0].Load() + held[2].Load() + held[3].Load(); all > tasks || held[1].Load() > control || held[2].Load() > limit || held[3].Load() > limit {
			t.Error("too many at once")
		}
		held[k].Add(-1)
		table.release(p.class)
	}
	table = newSlotTable(control, tasks, func(l *live, p place) {
		if _, left := gone.Load(l); left {
			table.release(p.class) // as a run does that takes no more messages
			return
		}
		work.Go(func() { do(p) })
	})
	for range 8 {
		work.Go(func() {
			for range 50 {
				l := &live{}
				for range rand.IntN(12) {
					p := place{inst: &run.Instance{}, class: classes[rand.IntN(len(classes))], priority: rand.IntN(3)}
					if table.acquire(l, p) {
						do(p)
					}
				}
				gone.Store(l, true)
				table.leave(l)
			}
		})
	}
	work.Wait()
	if table.tasks.free != tasks || table.control.free != control {
		t.Errorf("%d and %d slots are left, want %d and %d", table.tasks.free, table.control.free, tasks, control)
	}
	for c, p := range table.types {
		if p.free != limit || len(p.ring)+len(p.lines) > 0 {
			t.Errorf("%s: %d free, %d waiting", c.nodeType, p.free, len(p.ring))
		}
	}
}

func TestTimers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		fired := map[*live]time.Duration{}
		timers := newTimers(time.Now, func(l *live) {
			mu.Lock()
			defer mu.Unlock()
			if _, again := fired[l]; again {
				t.Error("fired twice")
			}
			fired[l] = time.Since(began)
		})
		runs := make([]*live, 50)
		due := make([]time.Duration, len(runs)) // zero: not at all
		for k := range runs {
			runs[k] = &live{}
		}
		for range 500 {
			k := rand.IntN(len(runs))
			due[k] = time.Duration(rand.IntN(100)) * time.Second
			at := time.Time{}
			if due[k] > 0 {
				at = began.Add(due[k])
			}
			timers.set(runs[k], at)
		}
		waiting := 0
		for _, d := range due {
			if d > 0 {
				waiting++
			}
		}
		timers.mu.Lock()
		if len(timers.heap) != waiting {
			t.Errorf("%d in the heap, %d wait", len(timers.heap), waiting)
		}
		timers.mu.Unlock()
		<-time.After(200 * time.Second) // of the bubble
		synctest.Wait()
		for k, l := range runs {
			if at, ok := fired[l]; at != due[k] || ok != (due[k] > 0) {
				t.Errorf("fired at %v, want %v", at, due[k])
			}
		}
		timers.set(runs[0], time.Now().Add(time.Second))
		timers.close()
	})
}

// TestDropKeepsLanding: that events have landed is told to the driver also of a run that was dropped meanwhile: it
// answers those who wait for what would have come next.
func TestDropKeepsLanding(t *testing.T) {
	t.Parallel()
	e := New(Config{})
	l := &live{id: "run_1", state: run.New(run.Shape{}), driven: true, flying: true, gone: make(chan struct{})}
	flying, turned, waits := &pass{e: e, l: l}, told{durable: make(chan error, 1)}, make(chan error, 1)
	l.next = &pass{e: e, l: l, heard: []chan error{waits}}
	l.inbox = []message{turned, landed{flying, ErrClosed}}
	e.drop(l, ErrClosed)
	if err := <-turned.durable; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if len(l.inbox) != 1 {
		t.Fatalf("%d messages are left for the driver, want one", len(l.inbox))
	}
	e.begin()
	e.drive(l)
	select {
	case err := <-waits:
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	default:
		t.Error("who waited was not answered")
	}
}
