package engine

import (
	"container/heap"
	"sync"
	"time"
)

// timers wakes runs at times: one heap and one timer for all of them.
type timers struct {
	now  func() time.Time
	fire func(*live)

	mu     sync.Mutex
	heap   wakeHeap
	timer  *time.Timer
	closed bool
}

type wakeAt struct {
	at time.Time
	l  *live
}

type wakeHeap []wakeAt

func (h wakeHeap) Len() int           { return len(h) }
func (h wakeHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h wakeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *wakeHeap) Push(x any)        { *h = append(*h, x.(wakeAt)) }
func (h *wakeHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = wakeAt{}
	*h = old[:len(old)-1]
	return x
}

func newTimers(now func() time.Time, fire func(*live)) *timers {
	return &timers{now: now, fire: fire}
}

// set wakes the run at the given time. Waking it more often than needed does no harm.
func (t *timers) set(l *live, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || l.wakeAt.Equal(at) {
		return
	}
	l.wakeAt = at
	heap.Push(&t.heap, wakeAt{at, l})
	if t.heap[0].l == l {
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
		t.timer = time.AfterFunc(max(0, t.heap[0].at.Sub(t.now())), t.ring)
	}
}

func (t *timers) ring() {
	var due []*live
	t.mu.Lock()
	for now := t.now(); len(t.heap) > 0 && !t.heap[0].at.After(now); {
		w := heap.Pop(&t.heap).(wakeAt)
		if w.l.wakeAt.Equal(w.at) {
			w.l.wakeAt = time.Time{}
		}
		due = append(due, w.l)
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
