// Package slots bounds how many tasks are under way at once, and shares what there is fairly among those who own them: runs
// take turns. It refuses to know what a task is.
package slots

import (
	"container/heap"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
)

// Class is what tasks share a bound: those that run ahead, those of a node type with its own limit, all others.
type Class struct {
	Ahead    bool   // they run ahead of the journal
	NodeType string // with a limit of its own
	Limit    int
}

// Place is an instance that wants a slot, or holds one. Its class is fixed when it first asks: what a catalog says
// of a node type may change while it waits.
type Place struct {
	Inst     *progress.Instance
	Class    Class
	Priority int // of its run and its node: higher goes first
	// ID is the name under which it asked for devices, and Given what it got; empty: it holds a slot.
	ID    string
	Given placement.Given
	Since time.Time // when its run got the slot, which it may have kept since then; zero: only now
}

// Table bounds how many tasks are under way, and shares the slots fairly: runs take turns. A task of a node
// type with its own limit needs a slot of the type, and then one of all tasks.
type Table[L comparable] struct {
	grant func(L, Place) // called without mu

	mu       sync.Mutex
	control  *pool[L]
	tasks    *pool[L]
	maxTasks int
	types    map[Class]*pool[L]
	held     string // why nothing is granted now; empty: nothing is in the way
	closed   bool
}

// pool is a number of slots, and who waits for one.
type pool[L comparable] struct {
	size  int
	free  int
	ring  ring[L] // runs that wait; empty unless free is 0 or the table is held
	turn  uint64  // of who began to wait last
	lines map[L]*line[L]
}

// line is one run's instances that wait in a pool.
type line[L comparable] struct {
	l      L
	places []Place
	turn   uint64 // the lower goes first, among those of one priority
	index  int    // in the ring
}

// ring is a heap: of the highest priority goes first, and among equals whose turn it is.
type ring[L comparable] []*line[L]

func (r ring[L]) Len() int { return len(r) }
func (r ring[L]) Less(i, j int) bool {
	if a, b := r[i].places[0].Priority, r[j].places[0].Priority; a != b {
		return a > b
	}
	return r[i].turn < r[j].turn
}
func (r ring[L]) Swap(i, j int) {
	r[i], r[j] = r[j], r[i]
	r[i].index, r[j].index = i, j
}
func (r *ring[L]) Push(x any) {
	w := x.(*line[L])
	w.index = len(*r)
	*r = append(*r, w)
}
func (r *ring[L]) Pop() any {
	old := *r
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*r = old[:len(old)-1]
	return w
}

// New makes a table of so many slots. grant is told who gets one that it waited for.
func New[L comparable](maxControl, maxTasks int, grant func(L, Place)) *Table[L] {
	return &Table[L]{grant: grant, control: newPool[L](maxControl), tasks: newPool[L](maxTasks), maxTasks: maxTasks, types: make(map[Class]*pool[L])}
}

func newPool[L comparable](n int) *pool[L] {
	return &pool[L]{size: n, free: n, lines: make(map[L]*line[L])}
}

// path gives the pools of a class, in the order in which their slots are taken.
func (t *Table[L]) path(c Class) []*pool[L] {
	switch {
	case c.Ahead:
		return []*pool[L]{t.control}
	case c.Limit <= 0:
		return []*pool[L]{t.tasks}
	}
	p := t.types[c]
	if p == nil {
		p = newPool[L](min(c.Limit, t.maxTasks))
		t.types[c] = p
	}
	return []*pool[L]{p, t.tasks}
}

// Acquire takes a slot, or queues the place: it is granted when its run's turn comes.
func (t *Table[L]) Acquire(l L, p Place) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != "" {
		t.path(p.Class)[0].queue(l, p)
		return false
	}
	return !t.closed && enter(t.path(p.Class), l, p)
}

// enter takes a slot of each pool in turn, until there is none: there the place waits, and keeps what it has.
func enter[L comparable](path []*pool[L], l L, p Place) bool {
	for _, s := range path {
		if s.free == 0 {
			s.queue(l, p)
			return false
		}
		s.free--
	}
	return true
}

func (s *pool[L]) queue(l L, p Place) {
	w := s.lines[l]
	if w == nil {
		s.turn++
		w = &line[L]{l: l, places: []Place{p}, turn: s.turn}
		s.lines[l] = w
		heap.Push(&s.ring, w)
		return
	}
	at, _ := slices.BinarySearchFunc(w.places, p.Priority, func(x Place, priority int) int {
		if x.Priority < priority {
			return 1
		}
		return -1 // behind its equals
	})
	if w.places = slices.Insert(w.places, at, p); at == 0 {
		heap.Fix(&s.ring, w.index)
	}
}

// next takes a place out of the queue: of the highest priority, and among equals of the run whose turn it is.
func (s *pool[L]) next() (L, Place) {
	w := s.ring[0]
	if len(w.places) > 1 {
		s.turn++
	}
	return w.l, s.pop(w, s.turn)
}

// pop takes the run's first place out of the queue; the rest waits for the given turn.
func (s *pool[L]) pop(w *line[L], turn uint64) Place {
	p := w.places[0]
	if w.places = w.places[1:]; len(w.places) > 0 {
		w.turn = turn
		heap.Fix(&s.ring, w.index)
	} else {
		heap.Remove(&s.ring, w.index)
		delete(s.lines, w.l)
	}
	return p
}

// grants is who got a slot while the table was locked.
type grants[L comparable] []struct {
	l L
	p Place
}

// free gives one slot of the pool back, or on to whose turn it is.
func (t *Table[L]) free(s *pool[L], due grants[L]) grants[L] {
	s.free++
	return t.fill(s, due)
}

// fill gives the free slots of the pool to whose turn it is.
func (t *Table[L]) fill(s *pool[L], due grants[L]) grants[L] {
	for !t.closed && t.held == "" && s.free > 0 && len(s.ring) > 0 {
		s.free--
		l, p := s.next()
		path := t.path(p.Class)
		if enter(path[slices.Index(path, s)+1:], l, p) {
			due = append(due, struct {
				l L
				p Place
			}{l, p})
		}
	}
	return due
}

func (t *Table[L]) send(due grants[L]) {
	for _, g := range due {
		t.grant(g.l, g.p)
	}
}

// Release gives back all that a place of the class holds.
func (t *Table[L]) Release(c Class) {
	var due grants[L]
	t.mu.Lock()
	path := t.path(c)
	for k := len(path) - 1; k >= 0; k-- { // the last first: who gets it may have waited for long
		due = t.free(path[k], due)
	}
	t.mu.Unlock()
	t.send(due)
}

// Next gives the slot of a run's place that has ended to the run's own next place of the class, whosever turn it is; false, and the slot
// is the caller's still, when none waits, or nothing is granted now. The class has no limit of its own.
func (t *Table[L]) Next(l L, c Class) (Place, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.path(c)[0]
	w := s.lines[l]
	if t.closed || t.held != "" || w == nil {
		return Place{}, false
	}
	return s.pop(w, w.turn), true
}

// Leave takes a run out of every queue, with the slots that its places held while they waited for another.
func (t *Table[L]) Leave(l L) {
	var due grants[L]
	t.mu.Lock()
	for _, s := range t.types {
		s.remove(l)
	}
	t.control.remove(l)
	for _, p := range t.tasks.remove(l) {
		if p.Class.Limit > 0 {
			due = t.free(t.path(p.Class)[0], due)
		}
	}
	t.mu.Unlock()
	t.send(due)
}

func (s *pool[L]) remove(l L) []Place {
	w := s.lines[l]
	if w == nil {
		return nil
	}
	delete(s.lines, l)
	heap.Remove(&s.ring, w.index)
	return w.places
}

// Hold grants nothing as long as there is a reason why not; what is held stays held.
func (t *Table[L]) Hold(why string) {
	var due grants[L]
	t.mu.Lock()
	t.held = why
	due = t.fill(t.control, t.fill(t.tasks, due)) // who has a slot of its type already goes first
	for _, s := range t.types {
		due = t.fill(s, due)
	}
	t.mu.Unlock()
	t.send(due)
}

// Close grants nothing more.
func (t *Table[L]) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
}

// Why says who is in the way of a task of the class; nothing when nobody is.
func (t *Table[L]) Why(c Class) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != "" {
		return "it waits: " + t.held
	}
	for _, p := range t.path(c) {
		if p.free > 0 {
			continue
		}
		waiting := 0
		for _, w := range p.ring {
			waiting += len(w.places)
		}
		what := "tasks"
		switch p {
		case t.control:
			what = "control nodes"
		case t.types[c]:
			what = "tasks of " + c.NodeType
		}
		return fmt.Sprintf("it waits for its turn: %d %s are under way, as many as may be at once, and %d wait", p.size, what, waiting)
	}
	return ""
}
