package store

import (
	"context"
	"sync"
	"sync/atomic"
)

// Watchers is the part of Journal.Watch that every adapter needs. The zero value is ready.
type Watchers struct {
	count atomic.Int64 // spares appends nobody watches the lock

	mu     sync.Mutex
	byRun  map[string]map[chan struct{}]struct{} // "" watches every run
	closed bool
}

// Watch gives a channel that gets a value after every Notify of the run, coalesced, and is closed when ctx or
// the journal ends.
func (w *Watchers) Watch(ctx context.Context, run string) <-chan struct{} {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		close(c)
		return c
	}
	if w.byRun == nil {
		w.byRun = map[string]map[chan struct{}]struct{}{}
	}
	if w.byRun[run] == nil {
		w.byRun[run] = map[chan struct{}]struct{}{}
	}
	w.byRun[run][c] = struct{}{}
	w.count.Add(1)
	context.AfterFunc(ctx, func() { w.remove(run, c) })
	return c
}

func (w *Watchers) remove(run string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.byRun[run][c]; !there {
		return
	}
	delete(w.byRun[run], c)
	if len(w.byRun[run]) == 0 {
		delete(w.byRun, run)
	}
	w.count.Add(-1)
	close(c)
}

// Active says whether anybody watches.
func (w *Watchers) Active() bool { return w.count.Load() > 0 }

// Notify tells those who watch the run, and those who watch every run.
func (w *Watchers) Notify(run string) {
	if !w.Active() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.byRun[run] {
		poke(c)
	}
	for c := range w.byRun[""] {
		poke(c)
	}
}

// NotifyAll tells everybody: something may have happened to any run.
func (w *Watchers) NotifyAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cs := range w.byRun {
		for c := range cs {
			poke(c)
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is waiting already: the watcher will read this event too
	}
}

// Close ends every watch.
func (w *Watchers) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, cs := range w.byRun {
		for c := range cs {
			close(c)
		}
	}
	w.byRun = nil
	w.count.Store(0)
}
