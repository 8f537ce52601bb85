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
	a := Assignment{Task: p.Task, Agent: g.ID, Warm: c.warm, Unload: c.unload, Bypassed: l.worst}
	b.take(p)
	b.unreserve(l)
	l.forgive()
	for _, id := range c.unload {
		b.end(g, id, b.now)
	}
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
	r := &running{Task: p.Task, on: g.ID, devices: a.Devices, epoch: lease.Epoch, user: p.lane.user, since: b.now, seq: p.seq}
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
	b.reserve(l, best)
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
