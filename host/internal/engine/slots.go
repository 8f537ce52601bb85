package engine

import (
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// class is what tasks share a bound: those that run ahead, those of a node type with its own limit, all others.
type class struct {
	ahead    bool
	nodeType string
	limit    int
}

// slotTable bounds how many tasks of a class are under way, and shares the slots fairly: runs take turns.
type slotTable struct {
	mu         sync.Mutex
	maxControl int
	maxTasks   int
	tables     map[class]*slots
	closed     bool
}

type slots struct {
	free  int
	ring  []*line // runs that wait, in turn
	lines map[*live]*line
}

// line is one run's instances that wait for a slot of a class.
type line struct {
	l     *live
	insts []*run.Instance
}

func newSlotTable(maxControl, maxTasks int) *slotTable {
	return &slotTable{maxControl: maxControl, maxTasks: maxTasks, tables: make(map[class]*slots)}
}

func (t *slotTable) of(c class) *slots {
	s := t.tables[c]
	if s == nil {
		s = &slots{lines: make(map[*live]*line)}
		switch {
		case c.ahead:
			s.free = t.maxControl
		case c.limit > 0:
			s.free = min(c.limit, t.maxTasks)
		default:
			s.free = t.maxTasks
		}
		t.tables[c] = s
	}
	return s
}

// acquire takes a slot, or queues the instance: its run gets granted{inst} through post when its turn comes.
func (t *slotTable) acquire(c class, l *live, i *run.Instance, _ func(*live, message)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.of(c)
	if s.free > 0 && len(s.ring) == 0 && !t.closed {
		s.free--
		return true
	}
	w := s.lines[l]
	if w == nil {
		w = &line{l: l}
		s.lines[l] = w
		s.ring = append(s.ring, w)
	}
	w.insts = append(w.insts, i)
	return false
}

// release gives a slot back, or on to the run whose turn it is.
func (t *slotTable) release(c class, post func(*live, message)) {
	t.mu.Lock()
	s := t.of(c)
	s.free++
	l, i := s.next(t.closed)
	t.mu.Unlock()
	if i != nil {
		post(l, granted{i})
	}
}

// next takes a slot for the run whose turn it is.
func (s *slots) next(closed bool) (*live, *run.Instance) {
	if closed || s.free == 0 || len(s.ring) == 0 {
		return nil, nil
	}
	w := s.ring[0]
	s.ring = s.ring[1:]
	i := w.insts[0]
	w.insts = w.insts[1:]
	if len(w.insts) > 0 {
		s.ring = append(s.ring, w)
	} else {
		delete(s.lines, w.l)
	}
	s.free--
	return w.l, i
}

// close grants nothing more.
func (t *slotTable) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
}

// Waiting is how many instances wait for an executor.
func (e *Engine) Waiting() int {
	e.slots.mu.Lock()
	defer e.slots.mu.Unlock()
	n := 0
	for _, s := range e.slots.tables {
		for _, w := range s.ring {
			n += len(w.insts)
		}
	}
	return n
}
