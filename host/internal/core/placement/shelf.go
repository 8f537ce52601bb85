package placement

import (
	"cmp"
	"slices"

	"github.com/google/btree"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// shelf is the devices of a class that a plugin could begin a task on, in order of what is free there.
type shelf struct {
	class  *class
	plugin string
	vacant bool // only those that nobody uses
	free   *btree.BTreeG[*spot]
	both   *btree.BTreeG[*spot]
}

func (c *class) serves(t *Task) bool {
	if !c.any {
		if _, ok := slices.BinarySearch(c.offers, t.Type); !ok {
			return false
		}
	}
	return device.Misfit(&c.sample, &t.Request) == ""
}

// shelfFor gives the shelf that a line looks at.
func (c *class) shelfFor(t *Task) *shelf {
	for _, s := range c.shelves {
		if s.plugin == t.Plugin && s.vacant == t.Request.Exclusive {
			return s
		}
	}
	s := &shelf{class: c, plugin: t.Plugin, vacant: t.Request.Exclusive,
		free: btree.NewG(16, func(a, b *spot) bool { return a.free < b.free || a.free == b.free && a.seq < b.seq }),
		both: btree.NewG(16, func(a, b *spot) bool {
			return cmp.Or(cmp.Compare(a.both, b.both), cmp.Compare(a.lru, b.lru), cmp.Compare(a.seq, b.seq)) < 0
		})}
	c.shelves = append(c.shelves, s)
	for _, x := range c.spots {
		x.put(s)
	}
	return s
}

// put puts the spot on a shelf when it belongs there.
func (x *spot) put(s *shelf) {
	if x.open(s.plugin, s.vacant) {
		s.free.ReplaceOrInsert(x)
		s.both.ReplaceOrInsert(x)
		x.on = append(x.on, s)
	}
}

// open says whether a task of the plugin could begin here if the memory sufficed.
func (x *spot) open(plugin string, vacant bool) bool {
	if x.agent.Away != "" || x.unit.Usable() != "" {
		return false
	}
	leases := x.unit.Leases()
	if len(leases) == 0 {
		return true
	}
	if vacant || leases[0].Exclusive {
		return false
	}
	return !x.process(plugin).saturated()
}

// process is the plugin's for this device alone.
func (x *spot) process(plugin string) *process {
	p := x.alone[plugin]
	if p == nil {
		p = x.agent.process(Process(plugin, []string{x.unit.UUID}))
		x.alone[plugin] = p
	}
	return p
}

func (g *agent) process(name string) *process {
	p := g.processes[name]
	if p == nil {
		p = &process{name: name, keeps: map[string]*keep{}}
		g.processes[name] = p
	}
	return p
}

func (p *process) id(model string) string {
	if k := p.keeps[model]; k != nil {
		return k.id
	}
	return WarmID(p.name, model)
}

// WarmID names a model within a process.
func WarmID(process, model string) string { return process + "#" + model }

func (p *process) saturated() bool { return p.limit > 0 && p.running >= p.limit }

// index puts the spot where it belongs after something about it has changed.
func (x *spot) index() {
	for _, s := range x.on {
		s.free.Delete(x)
		s.both.Delete(x)
	}
	x.on = x.on[:0]
	x.free = x.unit.Free()
	x.both = x.free + x.unit.Reclaimable()
	x.lru = 0
	for _, w := range x.unit.WarmOn() {
		if at := w.Used.UnixNano(); x.lru == 0 || at < x.lru {
			x.lru = at
		}
	}
	for _, s := range x.class.shelves {
		x.put(s)
	}
}

// gives says whether the spot has as much for a task of the line, when what is idle is given up.
func (x *spot) gives(l *line) bool {
	return x.room(l, x.process(l.task.Plugin))
}

// room is gives for a process that may use other devices too. A reservation is heeded.
func (x *spot) room(l *line, pr *process) bool {
	t := &l.task
	if x.agent.Away != "" || x.unit.Usable() != "" || !x.lends(l) {
		return false
	}
	leases := x.unit.Leases()
	if len(leases) > 0 && (t.Request.Exclusive || leases[0].Exclusive) {
		return false
	}
	if pr.saturated() {
		return false
	}
	k := pr.keeps[t.Model]
	switch {
	case k == nil:
		return t.Request.Memory <= x.both
	case k.running == 0: // what it would give up is what it goes on using
		return x.unit.Needs(t.Request.Memory, k.id) <= x.both-x.unit.Holds(k.id)
	}
	return x.unit.Needs(t.Request.Memory, k.id) <= x.both
}

// lends says whether a reservation leaves the device to a task of the line: it is its own, or there is more than whom it is
// reserved for will need, or the task is expected to be done before that one can begin.
func (x *spot) lends(l *line) bool {
	if x.reserved == nil || x.reserved == l || x.spares(l) {
		return true
	}
	ends := x.agent.book.now.Add(cmp.Or(l.task.Lasts, defaultLasts))
	if l.model != nil && x.process(l.task.Plugin).keeps[l.task.Model] == nil {
		ends = ends.Add(l.loads())
	}
	return !ends.After(x.reserved.due)
}

// spares says whether whom the device is reserved for will have room there beside a task of the line: what is free now, and
// what is expected to be given back until then, is enough for both.
func (x *spot) spares(l *line) bool {
	own, t := &x.reserved.task, &l.task
	if own.Request.Exclusive || t.Request.Exclusive || own.Plugin == t.Plugin && own.Concurrency > 0 {
		return false
	}
	left := x.both - own.Request.Memory - t.Request.Memory
	for _, lease := range x.unit.Leases() {
		if !lease.Ends.IsZero() && !lease.Ends.After(x.reserved.due) {
			left += lease.Memory
		}
	}
	return left >= 0
}
