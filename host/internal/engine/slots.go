package engine

import (
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// class is what tasks share a bound: those that run ahead, those of a node type with its own limit, all others.
type class struct {
	ahead    bool
	nodeType string
	limit    int
}

// place is an instance that wants a slot, or holds one. Its class is fixed when it first asks: what a catalog says
// of a node type may change while it waits.
type place struct {
	inst     *run.Instance
	class    class
	priority int // of its run and its node: higher goes first
	// id is the name under which it asked for devices, and given what it got; empty: it holds a slot.
	id    string
	given placement.Given
}

// slotTable bounds how many tasks are under way, and shares the slots fairly: runs take turns. A task of a node
// type with its own limit needs a slot of the type, and then one of all tasks.
type slotTable struct {
	grant func(*live, place) // called without mu

	mu       sync.Mutex
	control  *pool
	tasks    *pool
	maxTasks int
	types    map[class]*pool
	held     string // why nothing is granted now; empty: nothing is in the way
	closed   bool
}

// pool is a number of slots, and who waits for one.
type pool struct {
	size  int
	free  int
	ring  []*line // runs that wait, in turn; empty unless free is 0 or the table is held
	lines map[*live]*line
}

// line is one run's instances that wait in a pool.
type line struct {
	l      *live
	places []place
}

func newSlotTable(maxControl, maxTasks int, grant func(*live, place)) *slotTable {
	return &slotTable{grant: grant, control: newPool(maxControl), tasks: newPool(maxTasks), maxTasks: maxTasks, types: make(map[class]*pool)}
}

func newPool(n int) *pool { return &pool{size: n, free: n, lines: make(map[*live]*line)} }

// path gives the pools of a class, in the order in which their slots are taken.
func (t *slotTable) path(c class) []*pool {
	switch {
	case c.ahead:
		return []*pool{t.control}
	case c.limit <= 0:
		return []*pool{t.tasks}
	}
	p := t.types[c]
	if p == nil {
		p = newPool(min(c.limit, t.maxTasks))
		t.types[c] = p
	}
	return []*pool{p, t.tasks}
}

// acquire takes a slot, or queues the place: it is granted when its run's turn comes.
func (t *slotTable) acquire(l *live, p place) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != "" {
		t.path(p.class)[0].queue(l, p)
		return false
	}
	return !t.closed && enter(t.path(p.class), l, p)
}

// enter takes a slot of each pool in turn, until there is none: there the place waits, and keeps what it has.
func enter(path []*pool, l *live, p place) bool {
	for _, s := range path {
		if s.free == 0 {
			s.queue(l, p)
			return false
		}
		s.free--
	}
	return true
}

func (s *pool) queue(l *live, p place) {
	w := s.lines[l]
	if w == nil {
		w = &line{l: l}
		s.lines[l] = w
		s.ring = append(s.ring, w)
	}
	at, _ := slices.BinarySearchFunc(w.places, p.priority, func(x place, priority int) int {
		if x.priority < priority {
			return 1
		}
		return -1 // behind its equals
	})
	w.places = slices.Insert(w.places, at, p)
}

// next takes a place out of the queue: of the highest priority, and among equals of the run whose turn it is.
func (s *pool) next() (*live, place) {
	first := 0
	for k, w := range s.ring {
		if w.places[0].priority > s.ring[first].places[0].priority {
			first = k
		}
	}
	w := s.ring[first]
	s.ring = slices.Delete(s.ring, first, first+1)
	p := w.places[0]
	w.places = w.places[1:]
	if len(w.places) > 0 {
		s.ring = append(s.ring, w)
	} else {
		delete(s.lines, w.l)
	}
	return w.l, p
}

// grants is who got a slot while the table was locked.
type grants []struct {
	l *live
	p place
}

// free gives one slot of the pool back, or on to whose turn it is.
func (t *slotTable) free(s *pool, due grants) grants {
	s.free++
	return t.fill(s, due)
}

// fill gives the free slots of the pool to whose turn it is.
func (t *slotTable) fill(s *pool, due grants) grants {
	for !t.closed && t.held == "" && s.free > 0 && len(s.ring) > 0 {
		s.free--
		l, p := s.next()
		path := t.path(p.class)
		if enter(path[slices.Index(path, s)+1:], l, p) {
			due = append(due, struct {
				l *live
				p place
			}{l, p})
		}
	}
	return due
}

func (t *slotTable) send(due grants) {
	for _, g := range due {
		t.grant(g.l, g.p)
	}
}

// release gives back all that a place of the class holds.
func (t *slotTable) release(c class) {
	var due grants
	t.mu.Lock()
	path := t.path(c)
	for k := len(path) - 1; k >= 0; k-- { // the last first: who gets it may have waited for long
		due = t.free(path[k], due)
	}
	t.mu.Unlock()
	t.send(due)
}

// leave takes a run out of every queue, with the slots that its places held while they waited for another.
func (t *slotTable) leave(l *live) {
	var due grants
	t.mu.Lock()
	for _, s := range t.types {
		s.remove(l)
	}
	t.control.remove(l)
	for _, p := range t.tasks.remove(l) {
		if p.class.limit > 0 {
			due = t.free(t.path(p.class)[0], due)
		}
	}
	t.mu.Unlock()
	t.send(due)
}

func (s *pool) remove(l *live) []place {
	w := s.lines[l]
	if w == nil {
		return nil
	}
	delete(s.lines, l)
	s.ring = slices.DeleteFunc(s.ring, func(x *line) bool { return x == w })
	return w.places
}

// hold grants nothing as long as there is a reason why not; what is held stays held.
func (t *slotTable) hold(why string) {
	var due grants
	t.mu.Lock()
	t.held = why
	due = t.fill(t.control, t.fill(t.tasks, due)) // who has a slot of its type already goes first
	for _, s := range t.types {
		due = t.fill(s, due)
	}
	t.mu.Unlock()
	t.send(due)
}

// close grants nothing more.
func (t *slotTable) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
}
