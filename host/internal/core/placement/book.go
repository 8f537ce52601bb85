package placement

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// Book holds the pending tasks and the fleet. It has one owner at a time.
type Book struct {
	policy Policy
	now    time.Time // of the last Decide
	// decides counts them.
	decides uint64

	agents  map[string]*agent
	fleet   []*agent
	classes []*class
	crews   []*crew
	models  map[string]*model
	plugs   map[string]*plug
	spots   int
	joined  int // agents
	gained  []*spot
	// freed: an agent may have more RAM and disk than before, or is new.
	freed bool
	over  []passing // scratch of passed

	tasks   map[string]*pending
	running map[string]*running
	unseen  map[string][]*running // that run and are in no agent's account, by the agent's ID
	lines   []*line
	byKey   map[string]*line
	users   map[string]*user
	ageing  lanes
	heldBy  map[string]string // plugin: why
	seq     uint64
	evicted []string // tasks that are to give way, not told yet
	// evictables is how many evictable tasks are running.
	evictables int
}

// running is a task that was placed.
type running struct {
	Task
	on      string   // the agent
	devices []string // its UUIDs
	agent   *agent   // nil: it is in no agent's account, and what follows is of none
	spots   []*spot
	keep    *keep
	epoch   uint64
	user    *user
	since   time.Time
	part    float64 // of its devices that it takes, in devices; 0: it was never in an agent's account
	charged float64
	yields  bool // it was told to give way
	warm    bool // its model was loaded before
	seq     uint64
}

// New makes an empty book.
func New(p Policy) *Book {
	if p.Ageing == 0 {
		p.Ageing = time.Minute
	}
	return &Book{policy: p, agents: map[string]*agent{}, models: map[string]*model{}, plugs: map[string]*plug{}, tasks: map[string]*pending{}, running: map[string]*running{}, unseen: map[string][]*running{},
		byKey: map[string]*line{}, users: map[string]*user{}, heldBy: map[string]string{}}
}

// Len says how many tasks wait, and how many were placed and have not ended.
func (b *Book) Len() (waiting, placed int) { return len(b.tasks), len(b.running) }

// Add takes in a task that waits. One that is known already is left as it is.
func (b *Book) Add(t Task, now time.Time) {
	if b.tasks[t.ID] == nil && b.running[t.ID] == nil {
		b.add(&pending{Task: t}, now, false)
	}
}

func (b *Book) add(p *pending, now time.Time, front bool) {
	if !front {
		b.seq++
		p.seq = b.seq
	}
	p.line = b.lineOf(&p.Task)
	p.lane = b.laneOf(p, now)
	b.tasks[p.ID] = p
	b.returns(p.lane.user)
	p.lane.user.pending++
	first, _ := b.top(p.line)
	p.line.push(p, front)
	if first == nil { // what was true of a line when somebody was first in it need not be now
		p.line.look()
	}
}

// returns has a user who had no tasks start with the others.
func (b *Book) returns(u *user) {
	if u.pending+u.running == 0 {
		u.virtual = max(u.virtual, b.least())
	}
}

// least is what the user who was given least has been given, of those with tasks.
func (b *Book) least() float64 {
	least, any := 0.0, false
	for _, u := range b.users {
		if u.pending+u.running > 0 && (!any || u.virtual < least) {
			least, any = u.virtual, true
		}
	}
	return least
}

func (b *Book) userOf(name string) *user {
	u := b.users[name]
	if u == nil {
		q, own := b.policy.Quotas[name]
		if !own {
			q = b.policy.Quotas["*"]
		}
		u = &user{name: name, quota: q}
		b.users[name] = u
	}
	return u
}

func (b *Book) laneOf(p *pending, now time.Time) *lane {
	u := b.userOf(p.Owner)
	at := slices.IndexFunc(u.lanes, func(l *lane) bool { return l.priority == p.Priority && l.evictable == p.Evictable })
	if at < 0 {
		at = len(u.lanes)
		u.lanes = append(u.lanes, &lane{user: u, priority: p.Priority, evictable: p.Evictable})
	}
	l := u.lanes[at]
	if l.size == 0 {
		l.base, l.risen = now, 0
		b.ageing.add(l, now.Add(b.policy.Ageing))
	}
	return l
}

func (b *Book) lineOf(t *Task) *line {
	key := lineKey(t)
	l := b.byKey[key]
	if l == nil {
		b.sweep()
		l = b.lineFor(t)
		l.key = key
		b.byKey[key] = l
		b.lines = append(b.lines, l)
	}
	return l
}

// lineFor makes a line for tasks like t.
func (b *Book) lineFor(t *Task) *line {
	r := &t.Request
	l := &line{task: *t, longest: cmp.Or(t.Lasts, defaultLasts), plugin: b.plugOf(t.Plugin), byLane: map[*lane]*cell{}, model: b.modelOf(t.Plugin, t.Model),
		picky: r.Count != 1 || len(r.Only)+len(r.Prefer)+len(r.Forbid) > 0}
	l.cells.rank = b.rank
	return l
}

// sweep forgets lines in which nobody waits, when there are many.
func (b *Book) sweep() {
	if len(b.lines) < 256 || len(b.lines)%64 != 0 {
		return
	}
	b.lines = slices.DeleteFunc(b.lines, func(l *line) bool {
		if l.size > 0 {
			return false
		}
		delete(b.byKey, l.key)
		for _, r := range l.rosters {
			r.lines = slices.DeleteFunc(r.lines, func(x *line) bool { return x == l })
		}
		for lane, c := range l.byLane {
			lane.cells = slices.DeleteFunc(lane.cells, func(x *cell) bool { return x == c })
			lane.user.parked = slices.DeleteFunc(lane.user.parked, func(x *cell) bool { return x == c })
		}
		return true
	})
}

func (b *Book) rank(c *cell) rank {
	p := c.head()
	r := rank{seq: p.seq}
	if b.policy.Order == Fair {
		r.evictable, r.priority = c.lane.evictable, c.lane.priority+c.lane.risen
		r.virtual, r.served = c.lane.user.virtual, c.lane.user.served.UnixNano()
	}
	return r
}

// Remove takes a task out that waits no more. It says whether it was there.
func (b *Book) Remove(id string) bool {
	p := b.tasks[id]
	if p == nil {
		return false
	}
	b.take(p)
	return true
}

func (b *Book) take(p *pending) {
	delete(b.tasks, p.ID)
	p.line.drop(p)
	p.lane.user.pending--
	if p.line.size == 0 {
		b.unreserve(p.line)
		p.line.forgive()
	}
}

// HoldPlugin keeps tasks of a plugin from being placed, or lets them go on with an empty why.
func (b *Book) HoldPlugin(plugin, why string) {
	if why == "" {
		delete(b.heldBy, plugin)
	} else {
		b.heldBy[plugin] = why
	}
	for _, l := range b.lines {
		if l.task.Plugin == plugin {
			l.look()
		}
	}
}

// Ended says that a placed task has ended. kept: its process lives on with its model loaded. It says whether the task was
// known.
func (b *Book) Ended(id string, kept bool, now time.Time) bool {
	r := b.running[id]
	if r == nil {
		return false
	}
	b.finish(r, kept, now)
	b.settle(r, now)
	return true
}

// Yielded puts a task back in front that gave way.
func (b *Book) Yielded(id string, kept bool, now time.Time) bool {
	r := b.running[id]
	return b.Ended(id, kept, now) && b.back(r, "gave way to another task", now)
}

// Refused puts a task back in front that its agent did not take. It does not go there again before something was heard of
// the agent. Its model, if it had to be loaded, is not.
func (b *Book) Refused(id, why string, now time.Time) bool {
	r := b.running[id]
	if r == nil {
		return false
	}
	b.Ended(id, r.warm, now)
	b.back(r, why, now)
	l := b.tasks[id].line
	if g := b.agents[r.on]; g != nil {
		if l.avoid == nil {
			l.avoid = map[*agent]bool{}
		}
		l.avoid[g] = true
	}
	return true
}

func (b *Book) back(r *running, why string, now time.Time) bool {
	b.add(&pending{Task: r.Task, seq: r.seq, refused: why}, now, true)
	return true
}

func (b *Book) finish(r *running, kept bool, now time.Time) {
	delete(b.running, r.ID)
	if r.Evictable {
		b.evictables--
	}
	if r.agent == nil {
		b.unsee(r)
	} else {
		b.clear(r, kept, now)
	}
	u := r.user
	u.running--
	u.devices -= len(r.devices)
	u.memory -= r.Request.Memory * int64(len(r.devices))
	b.unpark(u)
}

// clear takes a task out of its agent's account.
func (b *Book) clear(r *running, kept bool, now time.Time) {
	g, k := r.agent, r.keep
	g.table.Release(r.ID, r.epoch, now)
	k.running--
	k.used = now
	k.process.running--
	k.process.warm = kept || k.process.running > 0
	switch {
	case k.running > 0:
	case kept:
		g.table.Keep(k.warm(r, now))
		k.rest()
	default:
		b.end(g, k.id, now)
	}
	for _, x := range r.spots {
		b.changed(x)
	}
	if len(r.spots) == 0 {
		g.tasks--
		g.sit()
	}
	b.freed = b.freed || r.Request.RAM > 0 || r.Request.Disk > 0
}

// settle counts the device time that a task took in truth.
func (b *Book) settle(r *running, now time.Time) {
	took := r.part * now.Sub(r.since).Seconds()
	if took > r.charged {
		r.user.virtual += took - r.charged
		r.user.moved()
	} else {
		r.user.credit += r.charged - took
	}
}

// unpark lets tasks be looked at again that a quota held back.
func (b *Book) unpark(u *user) {
	for _, c := range u.parked {
		c.parked = false
		c.line.look()
		if c.at < 0 && c.head() != nil {
			c.line.better(c)
		}
	}
	u.parked = u.parked[:0]
}

// age raises the lanes that have gone unserved for long enough.
func (b *Book) age(now time.Time) {
	for len(b.ageing) > 0 && !b.ageing[0].at.After(now) {
		e := heap.Pop(&b.ageing).(aged)
		l := e.lane
		if l.size == 0 {
			l.timed = false
			continue
		}
		risen := int(now.Sub(l.base) / b.policy.Ageing)
		if risen != l.risen {
			l.risen = risen
			for _, c := range l.cells {
				if c.at >= 0 && c.head() != nil {
					c.line.better(c)
				}
			}
		}
		heap.Push(&b.ageing, aged{l, l.base.Add(time.Duration(l.risen+1) * b.policy.Ageing)})
	}
}

// inOrder gives the lines whose first could be placed, best first. It is for people: Decide does not sort.
func (b *Book) inOrder() []*pending {
	type ranked struct {
		p *pending
		r rank
	}
	var all []ranked
	for _, l := range b.lines {
		if p, r := b.top(l); p != nil {
			all = append(all, ranked{p, r})
		}
	}
	slices.SortFunc(all, func(x, y ranked) int {
		if x.r.before(y.r) {
			return -1
		}
		return cmp.Compare(1, 0)
	})
	out := make([]*pending, len(all))
	for k := range all {
		out[k] = all[k].p
	}
	return out
}
