// Package turns is who waits for placement, and in which order: lines of tasks that are alike, the users whose tasks they are,
// what those were given and may have.
package turns

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// Turns is who waits, and in which order.
type Turns struct {
	policy placement.Policy
	fleet  *fleet.Fleet
	Tasks  map[string]*Pending // that wait, by ID
	Lines  []*Line             // also those in which nobody waits now
	byKey  map[string]*Line
	users  map[string]*User
	ageing lanes
	HeldBy map[string]string // plugin: why
	seq    uint64
}

// New has nobody wait.
func New(p placement.Policy, f *fleet.Fleet) *Turns {
	return &Turns{policy: p, fleet: f, Tasks: map[string]*Pending{}, byKey: map[string]*Line{}, users: map[string]*User{}, HeldBy: map[string]string{}}
}

// Add takes in a task that waits. One that is known already is left as it is.
func (t *Turns) Add(task placement.Task, now time.Time) {
	if t.Tasks[task.ID] == nil {
		t.add(&Pending{Task: task, Seq: t.Next()}, now, false)
	}
}

// Next gives the next number of those that tell who came first.
func (t *Turns) Next() uint64 {
	t.seq++
	return t.seq
}

// PutBack puts a task back in front that was placed. why is what the agent that was to run it said.
func (t *Turns) PutBack(task placement.Task, seq uint64, why string, now time.Time) {
	t.add(&Pending{Task: task, Seq: seq, Refused: why}, now, true)
}

func (t *Turns) add(p *Pending, now time.Time, front bool) {
	p.Line = t.lineOf(&p.Task)
	p.Lane = t.laneOf(p, now)
	t.Tasks[p.ID] = p
	t.Returns(p.Lane.User)
	p.Lane.User.pending++
	first, _ := t.Top(p.Line)
	p.Line.push(p, front)
	if first == nil { // what was true of a line when somebody was first in it need not be now
		p.Line.Look()
	}
}

// Returns has a user who had no tasks start with the others.
func (t *Turns) Returns(u *User) {
	if u.pending+u.running == 0 {
		u.virtual = max(u.virtual, t.least())
	}
}

// least is what the user who was given least has been given, of those with tasks.
func (t *Turns) least() float64 {
	least, any := 0.0, false
	for _, u := range t.users {
		if u.pending+u.running > 0 && (!any || u.virtual < least) {
			least, any = u.virtual, true
		}
	}
	return least
}

// UserOf gives a user by name, with what the policy lets it have.
func (t *Turns) UserOf(name string) *User {
	u := t.users[name]
	if u == nil {
		q, own := t.policy.Quotas[name]
		if !own {
			q = t.policy.Quotas["*"]
		}
		u = &User{Name: name, Quota: q}
		t.users[name] = u
	}
	return u
}

func (t *Turns) laneOf(p *Pending, now time.Time) *Lane {
	u := t.UserOf(p.Owner)
	at := slices.IndexFunc(u.lanes, func(l *Lane) bool { return l.priority == p.Priority && l.evictable == p.Evictable })
	if at < 0 {
		at = len(u.lanes)
		u.lanes = append(u.lanes, &Lane{User: u, priority: p.Priority, evictable: p.Evictable})
	}
	l := u.lanes[at]
	if l.size == 0 {
		l.base, l.risen = now, 0
		t.ageing.add(l, now.Add(t.policy.Ageing))
	}
	return l
}

func (t *Turns) lineOf(task *placement.Task) *Line {
	key := task.Alike()
	l := t.byKey[key]
	if l == nil {
		t.sweep()
		l = &Line{Need: t.fleet.Need(task), key: key, ByLane: map[*Lane]*cell{}}
		l.cells.rank = t.Rank
		t.fleet.List(&l.Need)
		t.byKey[key] = l
		t.Lines = append(t.Lines, l)
	}
	return l
}

// sweep forgets lines in which nobody waits, when there are many.
func (t *Turns) sweep() {
	if len(t.Lines) < 256 || len(t.Lines)%64 != 0 {
		return
	}
	t.Lines = slices.DeleteFunc(t.Lines, func(l *Line) bool {
		if l.Waiting > 0 {
			return false
		}
		delete(t.byKey, l.key)
		t.fleet.Unlist(&l.Need)
		for lane, c := range l.ByLane {
			lane.cells = slices.DeleteFunc(lane.cells, func(x *cell) bool { return x == c })
			lane.User.parked = slices.DeleteFunc(lane.User.parked, func(x *cell) bool { return x == c })
		}
		return true
	})
}

// Rank is where the first task of a cell stands.
func (t *Turns) Rank(c *cell) Rank {
	p := c.head()
	r := Rank{seq: p.Seq}
	if t.policy.Order == placement.Fair {
		r.evictable, r.priority = c.lane.evictable, c.lane.priority+c.lane.risen
		r.virtual, r.served = c.lane.User.virtual, c.lane.User.served.UnixNano()
	}
	return r
}

// Remove takes a task out that waits no more. It says whether it was there.
func (t *Turns) Remove(id string) bool {
	p := t.Tasks[id]
	if p == nil {
		return false
	}
	t.Take(p)
	return true
}

// Take takes a task out.
func (t *Turns) Take(p *Pending) {
	delete(t.Tasks, p.ID)
	p.Line.drop(p)
	p.Lane.User.pending--
	if p.Line.Waiting == 0 {
		t.fleet.Unreserve(&p.Line.Need)
		p.Line.Forgive()
	}
}

// HoldPlugin keeps tasks of a plugin from being placed, or lets them go on with an empty why.
func (t *Turns) HoldPlugin(plugin, why string) {
	if why == "" {
		delete(t.HeldBy, plugin)
	} else {
		t.HeldBy[plugin] = why
	}
	for _, l := range t.Lines {
		if l.Task.Plugin == plugin {
			l.Look()
		}
	}
}

// Unpark lets tasks be looked at again that a quota held back.
func (t *Turns) Unpark(u *User) {
	for _, c := range u.parked {
		c.parked = false
		c.line.Look()
		if c.at < 0 && c.head() != nil {
			c.line.better(c)
		}
	}
	u.parked = u.parked[:0]
}

// Age raises the lanes that have gone unserved for long enough.
func (t *Turns) Age(now time.Time) {
	for len(t.ageing) > 0 && !t.ageing[0].at.After(now) {
		e := heap.Pop(&t.ageing).(aged)
		l := e.lane
		if l.size == 0 {
			l.timed = false
			continue
		}
		risen := int(now.Sub(l.base) / t.policy.Ageing)
		if risen != l.risen {
			l.risen = risen
			for _, c := range l.cells {
				if c.at >= 0 && c.head() != nil {
					c.line.better(c)
				}
			}
		}
		heap.Push(&t.ageing, aged{l, l.base.Add(time.Duration(l.risen+1) * t.policy.Ageing)})
	}
}

// inOrder gives the lines whose first could be placed, best first. It is for people: Decide does not sort.
func (t *Turns) inOrder() []*Pending {
	type ranked struct {
		p *Pending
		r Rank
	}
	var all []ranked
	for _, l := range t.Lines {
		if p, r := t.Top(l); p != nil {
			all = append(all, ranked{p, r})
		}
	}
	slices.SortFunc(all, func(x, y ranked) int {
		if x.r.Before(y.r) {
			return -1
		}
		return cmp.Compare(1, 0)
	})
	out := make([]*Pending, len(all))
	for k := range all {
		out[k] = all[k].p
	}
	return out
}

// AheadOf counts the tasks of its line that go before a task.
func (t *Turns) AheadOf(p *Pending) int {
	own := p.Line.ByLane[p.Lane]
	mine := t.Rank(own)
	n := 0
	for _, c := range p.Line.ByLane {
		if c != own && (c.head() == nil || !t.Rank(c).Before(mine)) {
			continue
		}
		for _, q := range c.tasks[c.first:] {
			if c == own && q == p {
				break
			}
			if q != nil && !q.gone {
				n++
			}
		}
	}
	return n
}

// Waiting lists the tasks that wait, those first that go first: each line's in its order, lines by their first.
func (t *Turns) Waiting() []string {
	var out []string
	for _, first := range t.inOrder() {
		cells := slices.DeleteFunc(slices.Clone(first.Line.cells.list), func(c *cell) bool { return c.head() == nil })
		slices.SortFunc(cells, func(a, c *cell) int {
			if t.Rank(a).Before(t.Rank(c)) {
				return -1
			}
			return 1
		})
		for _, c := range cells {
			for _, p := range c.tasks[c.first:] {
				if p != nil && !p.gone {
					out = append(out, p.ID)
				}
			}
		}
	}
	for _, u := range t.users { // what a quota holds back comes last
		for _, c := range u.parked {
			for _, p := range c.tasks[c.first:] {
				if c.parked && c.at < 0 && p != nil && !p.gone {
					out = append(out, p.ID)
				}
			}
		}
	}
	return out
}
