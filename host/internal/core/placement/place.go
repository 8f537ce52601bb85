package placement

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// defaultLasts is taken for how long a task takes when nothing is known.
const defaultLasts = time.Minute

// share is the part of its devices that a task takes, in devices. One without devices takes its part of what the agent takes
// of such tasks at once, as if that were a device.
func (r *running) share() float64 {
	if len(r.spots) == 0 {
		return 1 / float64(r.agent.most())
	}
	var sum float64
	for _, x := range r.spots {
		if r.Request.Exclusive || x.unit.Memory == 0 {
			sum++
		} else {
			sum += float64(r.Request.Memory) / float64(x.unit.Memory)
		}
	}
	return sum
}

// place gives the task its devices.
func (b *Book) place(l *line, p *pending, c choice) Assignment {
	g := c.agent
	if g == nil {
		g = c.spots[0].agent
	}
	bypassed := p.bypassed
	b.take(p)
	b.unreserve(l)
	for _, id := range c.unload {
		b.end(g, id, b.now)
	}
	a := Assignment{Task: p.Task, Agent: g.ID, Warm: c.warm, Unload: c.unload, Bypassed: bypassed}
	for _, x := range c.spots {
		a.Devices = append(a.Devices, x.unit.UUID)
	}
	ends := b.now.Add(cmp.Or(p.Lasts, defaultLasts))
	if !c.warm && p.Model != "" {
		ends = ends.Add(cmp.Or(p.Loads, defaultLoad(p.Request.Memory)))
	}
	lease, err := g.table.Grant(device.Ask{ID: p.ID, Devices: a.Devices, Request: p.Request, Warm: c.id, Ends: ends}, b.now)
	if err != nil {
		panic("placement: what was found free is not: " + err.Error()) // the two looks at the table disagree: a defect
	}
	r := &running{Task: p.Task, on: g.ID, devices: a.Devices, epoch: lease.Epoch, user: p.lane.user, since: b.now, seq: p.seq, bypassed: bypassed}
	r.warm = g.keeps[c.id] != nil
	b.account(r, g, c, ends)
	b.charge(r)
	b.holds(r)
	r.user.served = b.now
	p.lane.base, p.lane.risen = b.now, 0
	r.user.moved()
	return a
}

// account enters a task that has a lease into its agent's account.
func (b *Book) account(r *running, g *agent, c choice, ends time.Time) {
	r.agent, r.spots = g, slices.Clone(c.spots)
	r.keep = b.keepOf(g, c.id, c.proc.name, r.Plugin, r.Model, r.devices)
	r.keep.wake()
	r.keep.running++
	r.keep.ends = ends
	c.proc.running++
	c.proc.limit = r.Concurrency
	r.part = r.share()
	for _, x := range r.spots {
		x.index()
	}
	if len(r.spots) == 0 {
		g.tasks++
		g.sit()
	}
}

// holds enters a task among those that run, and what its user has.
func (b *Book) holds(r *running) {
	b.running[r.ID] = r
	if r.Evictable {
		b.evictables++
	}
	r.user.running++
	r.user.devices += len(r.devices)
	r.user.memory += r.Request.Memory * int64(len(r.devices))
}

// charge counts what a user is given, as long as the task is expected to last.
func (b *Book) charge(r *running) {
	u := r.user
	r.charged = r.part * cmp.Or(r.Lasts, defaultLasts).Seconds()
	paid := math.Min(u.credit, r.charged)
	u.credit -= paid
	u.virtual += r.charged - paid
}

// warm is what stays on the devices after a task.
func (k *keep) warm(r *running, now time.Time) device.Warm {
	w := device.Warm{ID: k.id, Process: k.process.name, Plugin: k.plugin, Model: k.name, Memory: r.Request.Memory, Used: now}
	for _, x := range k.spots {
		w.Devices = append(w.Devices, x.unit.UUID)
	}
	return w
}

// passed gives the first task of each line that goes before p and could have used one of the devices. What is reserved for
// p's line is nobody else's.
func (b *Book) passed(l *line, p *pending, spots []*spot) []*pending {
	b.over = b.over[:0]
	if b.policy.Order != Fair || len(spots) == 0 {
		return nil
	}
	r := b.rank(l.byLane[p.lane])
	for _, other := range b.lines {
		if other == l || other.size == 0 || other.task.Request.Count == 0 || b.heldBy[other.task.Plugin] != "" {
			continue
		}
		q, s := b.top(other)
		if q != nil && s.before(r) && slices.ContainsFunc(spots, func(x *spot) bool {
			return x.reserved == nil && x.serves(other) && (!other.picky || device.Misfit(&x.unit.Device, &other.task.Request) == "")
		}) {
			b.over = append(b.over, q)
		}
	}
	return b.over
}

// owed says whether one of the passed was so too often to be so once more on these devices. What that one could use
// soonest is reserved for it.
func (b *Book) owed(passed []*pending, spots []*spot) bool {
	return slices.ContainsFunc(passed, func(q *pending) bool { return q.bypassed >= maxBypassed && b.reserveFor(q.line, spots) })
}

// reserveFor reserves devices for the first task of a line, or more of them when it wants several and has not enough. It says
// whether it did.
func (b *Book) reserveFor(l *line, wanted []*spot) bool {
	n := max(1, l.task.Request.Count)
	switch {
	case len(l.spots) >= n:
		return false
	case len(l.spots) == 0:
		spots := b.soonest(l, n, wanted)
		b.reserve(l, spots)
		return len(spots) > 0
	}
	more := slices.DeleteFunc(slices.Clone(wanted), func(x *spot) bool { return x.agent != l.spots[0].agent })
	b.reserve(l, more)
	return len(more) > 0
}

// reserve keeps devices for the first task of a line.
func (b *Book) reserve(l *line, spots []*spot) {
	before, was := l.spots, l.due
	l.spots = append(l.spots, spots...)
	for _, x := range spots {
		x.reserved = l
		x.index()
	}
	l.due = time.Time{}
	for _, x := range l.spots {
		if at := x.empties(l); at.After(l.due) {
			l.due = at
		}
	}
	if l.due.After(was) { // what it had is lent for longer now
		for _, x := range before {
			b.gain(x)
		}
	}
	if l.blocked || len(l.hopes) > 0 {
		l.blocked, l.hopes = false, append(l.hopes, spots...)
	}
}

func (b *Book) unreserve(l *line) {
	spots := l.spots
	l.spots = nil
	for _, x := range spots {
		x.reserved = nil
	}
	for _, x := range spots {
		b.changed(x)
	}
}

// soonest gives devices for n of which a task of the line should wait. For one device it looks where the line's model is
// loaded, and at those that are wanted. Several have to be of one agent: where none has as many that are not reserved, it
// gives what there is of the agent that has most of them.
func (b *Book) soonest(l *line, n int, wanted []*spot) []*spot {
	if n > 1 || l.picky {
		return b.soonestAgent(l, n)
	}
	best := wanted[0]
	if l.model == nil {
		return []*spot{best}
	}
	at := b.ready(best, l)
	for _, k := range l.model.keeps[:min(len(l.model.keeps), someKeeps)] {
		x := k.spots[0]
		if len(k.spots) > 1 || x.reserved != nil || x.agent.Away != "" || x.unit.Usable() != "" || !x.serves(l) {
			continue
		}
		if ready := x.empties(l); ready.Before(at) {
			best, at = x, ready
		}
	}
	return []*spot{best}
}

func (b *Book) soonestAgent(l *line, n int) (best []*spot) {
	var at time.Time
	looked := 0
	for k := range b.fleet { // not at all of them, and not always at the same
		fit := b.reservable(b.fleet[(b.turn+k)%len(b.fleet)], l)
		if len(fit) < n && len(fit) <= len(best) {
			continue
		}
		slices.SortStableFunc(fit, func(x, y soon) int { return x.at.Compare(y.at) })
		fit = fit[:min(n, len(fit))]
		if ready := fit[len(fit)-1].at; len(fit) > len(best) || ready.Before(at) {
			at, best = ready, best[:0]
			for _, x := range fit {
				best = append(best, x.spot)
			}
		}
		if looked++; looked == lookAhead && len(best) == n {
			b.turn += k
			break
		}
	}
	return best
}

// soon is a device and when it could serve.
type soon struct {
	*spot
	at time.Time
}

// reservable are the devices of an agent that could serve the line and that nothing is reserved on; none when the agent has
// too few of them in all.
func (b *Book) reservable(g *agent, l *line) []soon {
	var fit []soon
	all := 0
	for _, x := range g.spots {
		if g.Away != "" || x.unit.Usable() != "" || !x.serves(l) || l.picky && device.Misfit(&x.unit.Device, &l.task.Request) != "" {
			continue
		}
		all++
		if x.reserved == nil {
			fit = append(fit, soon{x, b.ready(x, l)})
		}
	}
	if all < l.task.Request.Count {
		return nil
	}
	return fit
}

// ready estimates when a task of the line could begin to work here, its model loaded.
func (b *Book) ready(x *spot, l *line) time.Time {
	at := x.empties(l)
	if at.Before(b.now) {
		at = b.now
	}
	if l.model != nil && x.process(l.plugin).has(l) == nil {
		at = at.Add(l.loads())
	}
	return at
}

// empties estimates when there is room for a task of the line.
func (x *spot) empties(l *line) time.Time {
	r := &l.task.Request
	free := x.both
	leases := slices.Clone(x.unit.Leases())
	slices.SortStableFunc(leases, func(a, b *device.Lease) int { return a.Ends.Compare(b.Ends) })
	var at time.Time
	for _, lease := range leases {
		if free >= r.Memory && !r.Exclusive && !lease.Exclusive {
			break
		}
		free += lease.Memory
		if lease.Ends.After(at) {
			at = lease.Ends
		}
	}
	return at
}

// makeWay tells running tasks to give way to one that finds no room: evictable ones, and by the policy those of a much lower
// priority. What becomes free is reserved.
func (b *Book) makeWay(l *line, p *pending) {
	if p.Evictable || len(l.spots) > 0 || b.policy.Order != Fair || l.bestBy != nil || l.task.Request.Count != 1 {
		return
	}
	var best *spot
	var out []*running
	for _, x := range b.yielding(l, p) {
		victims, room := b.victims(x, p)
		if room && (best == nil || len(victims) < len(out)) {
			best, out = x, victims
		}
	}
	if best == nil {
		return
	}
	for _, r := range out {
		r.yields = true
		b.evicted = append(b.evicted, r.ID)
	}
	b.reserve(l, []*spot{best})
	l.due = time.Time{} // nobody else is to have what others gave up for it
	l.block()
}

func (r *running) yieldsTo(p *pending, policy Policy) bool {
	return r.Evictable || policy.Preempt > 0 && p.Priority-r.Priority >= policy.Preempt
}

// yielding gives the devices that the task could use where tasks run that would give way to it.
func (b *Book) yielding(l *line, p *pending) []*spot {
	if b.policy.Preempt == 0 && b.evictables == 0 {
		return nil
	}
	var out []*spot
	for _, c := range b.classes {
		for _, x := range c.spots {
			if !x.serves(l) || x.reserved != nil || x.agent.Away != "" || x.unit.Usable() != "" || l.picky && device.Misfit(&x.unit.Device, &l.task.Request) != "" {
				continue
			}
			if slices.ContainsFunc(x.unit.Leases(), func(lease *device.Lease) bool {
				r := b.running[lease.ID]
				return r != nil && r.yieldsTo(p, b.policy)
			}) {
				out = append(out, x)
			}
		}
	}
	return out
}

// victims gives the tasks that would have to give way on a device, the youngest first, and whether that is enough.
func (b *Book) victims(x *spot, p *pending) (out []*running, room bool) {
	r := &p.Request
	free, others := x.both, len(x.unit.Leases())
	var list []*running
	for _, lease := range x.unit.Leases() {
		if v := b.running[lease.ID]; v != nil && v.yieldsTo(p, b.policy) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, c *running) int { return cmp.Or(c.since.Compare(a.since), cmp.Compare(a.ID, c.ID)) })
	enough := func() bool { return free >= r.Memory && (!r.Exclusive || others == 0) }
	for _, v := range list {
		if enough() {
			break
		}
		free += v.Request.Memory
		others--
		if !v.yields {
			out = append(out, v)
		}
	}
	return out, enough()
}
