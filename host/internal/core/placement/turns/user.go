package turns

import (
	"cmp"
	"container/heap"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// User is somebody whose tasks wait or run.
type User struct {
	Name string
	// virtual is the device time that the user was given, in seconds, counted so that who comes back after a while starts
	// with the others. It only grows: what was counted too much is credit.
	virtual, credit float64
	served          time.Time
	pending         int
	running         int
	Devices         int
	Memory          int64
	Quota           placement.Quota
	lanes           []*Lane
	parked          []*cell // that would be first in their lines if the quota allowed it
}

// Full says whether a task of the line would be more than the user may have now.
func (u *User) Full(n *fleet.Need) bool {
	r := &n.Task.Request
	return u.Quota.Devices > 0 && u.Devices+r.Count > u.Quota.Devices ||
		u.Quota.Memory > 0 && u.Memory+r.Memory*int64(r.Count) > u.Quota.Memory
}

// Moved notes that tasks of the user go later than they did.
func (u *User) Moved() {
	for _, l := range u.lanes {
		for _, c := range l.cells {
			if first := c.line.first; first != nil && first.Lane.User == u {
				c.line.stale = true
			}
		}
	}
}

// Lane is a user's tasks of one priority.
type Lane struct {
	User      *User
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
	lane *Lane
	at   time.Time
}

func (h lanes) Len() int { return len(h) }

func (h lanes) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h lanes) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *lanes) Push(x any) { *h = append(*h, x.(aged)) }

func (h *lanes) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

func (h *lanes) add(l *Lane, at time.Time) {
	if !l.timed {
		l.timed = true
		heap.Push(h, aged{l, at})
	}
}

// Serve notes that a task of the lane was given devices.
func (l *Lane) Serve(now time.Time) {
	l.base, l.risen = now, 0
	l.User.Serve(now)
}

// Rank is where a lane stands among others: lower is sooner.
type Rank struct {
	evictable bool
	priority  int
	virtual   float64
	served    int64
	seq       uint64 // of the cell's first task
}

// Before says whether a goes before b.
func (a Rank) Before(b Rank) bool {
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

// Charge counts device time that the user is given, in seconds.
func (u *User) Charge(given float64) {
	paid := min(u.credit, given)
	u.credit -= paid
	u.virtual += given - paid
}

// Settle counts what was taken in truth of what was charged.
func (u *User) Settle(took, charged float64) {
	if took > charged {
		u.virtual += took - charged
		u.Moved()
	} else {
		u.credit += charged - took
	}
}

// Serve notes that the user was given something.
func (u *User) Serve(now time.Time) {
	u.served = now
	u.Moved()
}

// Began counts a task of the user that runs now.
func (u *User) Began(h *fleet.Held) { u.count(h, 1) }

// Ended counts one that does no more.
func (u *User) Ended(h *fleet.Held) { u.count(h, -1) }

func (u *User) count(h *fleet.Held, n int) {
	u.running += n
	u.Devices += n * len(h.Devices)
	u.Memory += int64(n) * h.Request.Memory * int64(len(h.Devices))
}
