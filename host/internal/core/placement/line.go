package placement

import (
	"cmp"
	"container/heap"
	"time"
)

// pending is a task that waits.
type pending struct {
	Task
	line    *line
	lane    *lane
	seq     uint64 // who came first
	gone    bool   // it was taken out of its cell
	refused string // what the agent that was to run it said last
}

// user is somebody whose tasks wait or run.
type user struct {
	name string
	// virtual is the device time that the user was given, in seconds, counted so that who comes back after a while starts
	// with the others. It only grows: what was counted too much is credit.
	virtual, credit float64
	served          time.Time
	pending         int
	running         int
	devices         int
	memory          int64
	quota           Quota
	lanes           []*lane
	parked          []*cell // that would be first in their lines if the quota allowed it
}

// full says whether a task of the line would be more than the user may have now.
func (u *user) full(l *line) bool {
	r := &l.task.Request
	return u.quota.Devices > 0 && u.devices+r.Count > u.quota.Devices ||
		u.quota.Memory > 0 && u.memory+r.Memory*int64(r.Count) > u.quota.Memory
}

// moved notes that tasks of the user go later than they did.
func (u *user) moved() {
	for _, l := range u.lanes {
		for _, c := range l.cells {
			if first := c.line.first; first != nil && first.lane.user == u {
				c.line.stale = true
			}
		}
	}
}

// lane is a user's tasks of one priority.
type lane struct {
	user      *user
	priority  int
	evictable bool
	size      int
	// base is since when it has gone unserved, and risen by how much its priority has risen for that.
	base  time.Time
	risen int
	timed bool // it is among those that age
	cells []*cell
}

// lanes is a heap by when a lane rises next.
type lanes []aged

type aged struct {
	lane *lane
	at   time.Time
}

func (h lanes) Len() int           { return len(h) }
func (h lanes) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h lanes) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lanes) Push(x any)        { *h = append(*h, x.(aged)) }
func (h *lanes) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

func (h *lanes) add(l *lane, at time.Time) {
	if !l.timed {
		l.timed = true
		heap.Push(h, aged{l, at})
	}
}

// rank is where a lane stands among others: lower is sooner.
type rank struct {
	evictable bool
	priority  int
	virtual   float64
	served    int64
	seq       uint64 // of the cell's first task
}

func (a rank) before(b rank) bool {
	switch {
	case a.evictable != b.evictable:
		return b.evictable
	case a.priority != b.priority:
		return a.priority > b.priority
	case a.virtual != b.virtual:
		return a.virtual < b.virtual
	}
	return cmp.Or(cmp.Compare(a.served, b.served), cmp.Compare(a.seq, b.seq)) < 0
}

// cell is the tasks of one lane in one line, in the order in which they came.
type cell struct {
	line   *line
	lane   *lane
	tasks  []*pending
	first  int // index of the first that has not gone
	rank   rank
	at     int  // in the line's heap; -1: not in it
	parked bool // among its user's parked ones
}

func (c *cell) head() *pending {
	for ; c.first < len(c.tasks); c.first++ {
		if p := c.tasks[c.first]; !p.gone {
			return p
		}
		c.tasks[c.first] = nil
	}
	c.tasks, c.first = c.tasks[:0], 0
	return nil
}

// line is tasks that are alike to placement: what is true of the first is true of all.
type line struct {
	key      string
	task     Task // what they have in common
	plugin   *plug
	cells    cells
	byLane   map[*lane]*cell
	size     int
	longest  time.Duration // that one of it was expected to take since it was empty
	shelves  []*shelf      // of the classes of devices that could serve it
	shelved  int           // how many classes there were when shelves were found
	rosters  []*roster     // of the crews that could serve it, when it needs no device
	mustered int           // how many crews there were when rosters were found
	model    *model
	picky    bool // it names devices, or asks for several: they are looked at one by one
	// blocked: nothing was there for its first when it was last looked at. until is when that is worth another look though
	// nothing was given back.
	blocked bool
	until   time.Time
	// hopes are devices that were given back since it was blocked: only there may be something for its first. None, and it
	// is not blocked: it has to be looked for everywhere.
	hopes []*spot
	spots []*spot   // reserved for its first task
	due   time.Time // when they were expected to be free, as that was seen when they were reserved
	kept  uint64    // when the first of them was, to tell who waits longer
	// over is how often its first was passed over on each device since one of it was placed, by the device's seq; worst is the
	// most of them.
	over  []uint8
	worst int
	cold  uint64 // the Decide in which nothing warm was found for it
	// first and its rank are right unless the line is stale.
	first     *pending
	firstRank rank
	stale     bool
	bestBy    *keep           // it would rather wait for this one than load its model elsewhere
	fits      []fits          // by class
	avoid     map[*agent]bool // that refused a task of it and were not heard of since
}

// cells is a heap by rank. Ranks only get worse behind its back, so it is put right when it is looked at.
type cells struct {
	list []*cell
	rank func(*cell) rank
}

func (h *cells) Len() int           { return len(h.list) }
func (h *cells) Less(i, j int) bool { return h.list[i].rank.before(h.list[j].rank) }
func (h *cells) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].at, h.list[j].at = i, j
}
func (h *cells) Push(x any) { c := x.(*cell); c.at = len(h.list); h.list = append(h.list, c) }
func (h *cells) Pop() any {
	last := len(h.list) - 1
	c := h.list[last]
	h.list, c.at = h.list[:last], -1
	return c
}

// top gives the first task of the line, or nil: there is none, or quotas hold all of them.
func (b *Book) top(l *line) (*pending, rank) {
	if l.stale {
		l.stale = false
		l.first, l.firstRank = l.best()
	}
	return l.first, l.firstRank
}

func (l *line) best() (*pending, rank) {
	for len(l.cells.list) > 0 {
		c := l.cells.list[0]
		switch p := c.head(); {
		case p == nil:
			heap.Pop(&l.cells)
		case c.lane.user.full(l):
			heap.Pop(&l.cells)
			if !c.parked {
				c.parked = true
				c.lane.user.parked = append(c.lane.user.parked, c)
			}
		default:
			now := l.cells.rank(c)
			if now == c.rank {
				return p, now
			}
			c.rank = now
			heap.Fix(&l.cells, 0)
		}
	}
	return nil, rank{}
}

// better puts a cell right whose rank may have become better.
func (l *line) better(c *cell) {
	l.stale = true
	c.rank = l.cells.rank(c)
	if c.at >= 0 {
		heap.Fix(&l.cells, c.at)
	} else if c.head() != nil {
		heap.Push(&l.cells, c)
	}
}

// push adds a task, at the front when it was placed before.
func (l *line) push(p *pending, front bool) {
	c := l.byLane[p.lane]
	if c == nil {
		c = &cell{line: l, lane: p.lane, at: -1}
		l.byLane[p.lane] = c
		p.lane.cells = append(p.lane.cells, c)
	}
	switch {
	case !front:
		c.tasks = append(c.tasks, p)
	case c.first > 0:
		c.first--
		c.tasks[c.first] = p
	default:
		c.tasks = append([]*pending{p}, c.tasks...)
	}
	if l.size == 0 {
		l.longest = 0
	}
	l.longest = max(l.longest, cmp.Or(p.Lasts, defaultLasts))
	l.size++
	p.lane.size++
	if c.at < 0 || front {
		l.better(c)
	}
}

// drop takes a task out.
func (l *line) drop(p *pending) {
	p.gone = true
	l.stale = l.stale || l.first == p
	l.size--
	p.lane.size--
}
