package turns

import (
	"container/heap"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// Pending is a task that waits.
type Pending struct {
	placement.Task
	Line    *Line
	Lane    *Lane
	Seq     uint64 // who came first
	gone    bool   // it was taken out of its cell
	Refused string // what the agent that was to run it said last
}

// Line is tasks that are alike, so that what is true of the first is true of all.
type Line struct {
	fleet.Need
	key    string
	cells  cells
	ByLane map[*Lane]*cell
	// over is how often its first was passed over on each device since one of it was placed, by the device's seq; worst is the
	// most of them.
	over  []uint8
	Worst int
	Cold  uint64 // the decision in which nothing warm was found for it
	// first and its rank are right unless the line is stale.
	first     *Pending
	firstRank Rank
	stale     bool
}

// cell is the tasks of one lane in one line, in the order in which they came.
type cell struct {
	line   *Line
	lane   *Lane
	tasks  []*Pending
	first  int // index of the first that has not gone
	rank   Rank
	at     int  // in the line's heap; -1: not in it
	parked bool // among its user's parked ones
}

func (c *cell) head() *Pending {
	for ; c.first < len(c.tasks); c.first++ {
		if p := c.tasks[c.first]; !p.gone {
			return p
		}
		c.tasks[c.first] = nil
	}
	c.tasks, c.first = c.tasks[:0], 0
	return nil
}

// cells is a heap by rank. Ranks only get worse behind its back, so it is put right when it is looked at.
type cells struct {
	list []*cell
	rank func(*cell) Rank
}

func (h *cells) Len() int { return len(h.list) }

func (h *cells) Less(i, j int) bool { return h.list[i].rank.Before(h.list[j].rank) }

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

// Top gives the first task of the line, or nil: there is none, or quotas hold all of them.
func (t *Turns) Top(l *Line) (*Pending, Rank) {
	if l.stale {
		l.stale = false
		l.first, l.firstRank = l.best()
	}
	return l.first, l.firstRank
}

func (l *Line) best() (*Pending, Rank) {
	for len(l.cells.list) > 0 {
		c := l.cells.list[0]
		switch p := c.head(); {
		case p == nil:
			heap.Pop(&l.cells)
		case c.lane.User.Full(&l.Need):
			heap.Pop(&l.cells)
			if !c.parked {
				c.parked = true
				c.lane.User.parked = append(c.lane.User.parked, c)
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
	return nil, Rank{}
}

// better puts a cell right whose rank may have become better.
func (l *Line) better(c *cell) {
	l.stale = true
	c.rank = l.cells.rank(c)
	if c.at >= 0 {
		heap.Fix(&l.cells, c.at)
	} else if c.head() != nil {
		heap.Push(&l.cells, c)
	}
}

// push adds a task, at the front when it was placed before.
func (l *Line) push(p *Pending, front bool) {
	c := l.ByLane[p.Lane]
	if c == nil {
		c = &cell{line: l, lane: p.Lane, at: -1}
		l.ByLane[p.Lane] = c
		p.Lane.cells = append(p.Lane.cells, c)
	}
	switch {
	case !front:
		c.tasks = append(c.tasks, p)
	case c.first > 0:
		c.first--
		c.tasks[c.first] = p
	default:
		c.tasks = append([]*Pending{p}, c.tasks...)
	}
	if l.Waiting == 0 {
		l.Longest = 0
	}
	l.Longest = max(l.Longest, p.Lasting())
	l.Waiting++
	p.Lane.size++
	if c.at < 0 || front {
		l.better(c)
	}
}

// drop takes a task out.
func (l *Line) drop(p *Pending) {
	p.gone = true
	l.stale = l.stale || l.first == p
	l.Waiting--
	p.Lane.size--
}

// Passes is how often the first of the line was passed over on a device.
func (l *Line) Passes(x *fleet.Spot) int {
	if x.Seq >= len(l.over) {
		return 0
	}
	return int(l.over[x.Seq])
}

// Pass counts one more.
func (l *Line) Pass(x *fleet.Spot) {
	for x.Seq >= len(l.over) {
		l.over = append(l.over, 0)
	}
	if l.over[x.Seq] < placement.MaxBypassed {
		l.over[x.Seq]++
		l.Worst = max(l.Worst, int(l.over[x.Seq]))
	}
}

// Forgive begins to count anew.
func (l *Line) Forgive() {
	if l.Worst > 0 {
		clear(l.over)
		l.Worst = 0
	}
}
