// Package alarm wakes its users at times: one heap and one timer for all of them.
package alarm

import (
	"container/heap"
	"sync"
	"time"
)

// Clock wakes its users at times. One stands in its heap at most once, and not at all when it waits for no time, so that
// a run that has ended is not kept in memory until its deadline.
type Clock[T any] struct {
	now  func() time.Time
	fire func(T)

	mu     sync.Mutex
	heap   wakeHeap[T]
	timer  *time.Timer
	closed bool
}

// Wake is a user's place in the heap. All but whose it is belongs to the clock.
type Wake[T any] struct {
	Of T

	at    time.Time // zero: it is not there
	index int
}

type wakeHeap[T any] []*Wake[T]

func (h wakeHeap[T]) Len() int           { return len(h) }
func (h wakeHeap[T]) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h wakeHeap[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *wakeHeap[T]) Push(x any) {
	w := x.(*Wake[T])
	w.index = len(*h)
	*h = append(*h, w)
}
func (h *wakeHeap[T]) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.at, w.index = time.Time{}, 0
	return w
}

// New makes a clock. fire is told who is woken, in a goroutine of the clock's.
func New[T any](now func() time.Time, fire func(T)) *Clock[T] {
	return &Clock[T]{now: now, fire: fire}
}

// Set wakes a user at the given time, and at no other; zero: not at all.
func (c *Clock[T]) Set(w *Wake[T], at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := w.at
	if c.closed || was.Equal(at) {
		return
	}
	first := len(c.heap) > 0 && c.heap[0] == w
	switch {
	case at.IsZero():
		heap.Remove(&c.heap, w.index)
	case was.IsZero():
		w.at = at
		heap.Push(&c.heap, w)
	default:
		w.at = at
		heap.Fix(&c.heap, w.index)
	}
	if first || len(c.heap) > 0 && c.heap[0] == w {
		c.arm()
	}
}

// arm sets the timer to the earliest time; the caller holds mu.
func (c *Clock[T]) arm() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if len(c.heap) > 0 && !c.closed {
		c.timer = time.AfterFunc(max(0, c.heap[0].at.Sub(c.now())), c.ring)
	}
}

func (c *Clock[T]) ring() {
	var due []T
	c.mu.Lock()
	for now := c.now(); len(c.heap) > 0 && !c.heap[0].at.After(now); {
		due = append(due, heap.Pop(&c.heap).(*Wake[T]).Of)
	}
	c.arm()
	c.mu.Unlock()
	for _, of := range due {
		c.fire(of)
	}
}

// Close wakes nobody any more.
func (c *Clock[T]) Close() {
	c.mu.Lock()
	c.closed = true
	c.heap = nil
	c.arm()
	c.mu.Unlock()
}
