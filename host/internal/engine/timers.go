package engine

import (
	"container/heap"
	"sync"
	"time"
)

// timers wakes runs at times: one heap and one timer for all of them. A run stands in the heap at most once, and
// not at all when it waits for no time, so that a run that has ended is not kept in memory until its deadline.
type timers struct {
	now  func() time.Time
	fire func(*live)

	mu     sync.Mutex
	heap   wakeHeap
	timer  *time.Timer
	closed bool
}

// wakeAt is a run's place in the heap; guarded by timers.mu.
type wakeAt struct {
	at    time.Time // zero: it is not there
	index int
}

type wakeHeap []*live

func (h wakeHeap) Len() int           { return len(h) }
func (h wakeHeap) Less(i, j int) bool { return h[i].wake.at.Before(h[j].wake.at) }
func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].wake.index, h[j].wake.index = i, j
}
func (h *wakeHeap) Push(x any) {
	l := x.(*live)
	l.wake.index = len(*h)
	*h = append(*h, l)
}
func (h *wakeHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.wake = wakeAt{}
	return l
}

func newTimers(now func() time.Time, fire func(*live)) *timers {
	return &timers{now: now, fire: fire}
}

// set wakes the run at the given time, and at no other; zero: not at all.
func (t *timers) set(l *live, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := l.wake.at
	if t.closed || was.Equal(at) {
		return
	}
	first := len(t.heap) > 0 && t.heap[0] == l
	switch {
	case at.IsZero():
		heap.Remove(&t.heap, l.wake.index)
	case was.IsZero():
		l.wake.at = at
		heap.Push(&t.heap, l)
	default:
		l.wake.at = at
		heap.Fix(&t.heap, l.wake.index)
	}
	if first || len(t.heap) > 0 && t.heap[0] == l {
		t.arm()
	}
}

// arm sets the timer to the earliest time; the caller holds mu.
func (t *timers) arm() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	if len(t.heap) > 0 && !t.closed {
		t.timer = time.AfterFunc(max(0, t.heap[0].wake.at.Sub(t.now())), t.ring)
	}
}

func (t *timers) ring() {
	var due []*live
	t.mu.Lock()
	for now := t.now(); len(t.heap) > 0 && !t.heap[0].wake.at.After(now); {
		due = append(due, heap.Pop(&t.heap).(*live))
	}
	t.arm()
	t.mu.Unlock()
	for _, l := range due {
		t.fire(l)
	}
}

func (t *timers) close() {
	t.mu.Lock()
	t.closed = true
	t.heap = nil
	t.arm()
	t.mu.Unlock()
}
