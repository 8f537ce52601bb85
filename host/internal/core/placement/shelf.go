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
	plugin *plug
	vacant bool // only those that nobody uses
	free   *btree.BTreeG[*spot]
	both   *btree.BTreeG[*spot]
}

func (c *class) serves(t *Task) bool {
	if !c.any {
		if _, ok := slices.BinarySearch(c.offers, t.offer()); !ok {
			return false
		}
	}
	return device.Misfit(&c.sample, &t.Request) == ""
}

// shelfFor gives the shelf that a line looks at.
func (c *class) shelfFor(l *line) *shelf {
	for _, s := range c.shelves {
		if s.plugin == l.plugin && s.vacant == l.task.Request.Exclusive {
			return s
		}
	}
	s := &shelf{class: c, plugin: l.plugin, vacant: l.task.Request.Exclusive,
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
func (x *spot) open(plugin *plug, vacant bool) bool {
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

// plug is a plugin, numbered so that what belongs to it is found without its name.
type plug struct {
	name string
	at   int
}

func (b *Book) plugOf(name string) *plug {
	p := b.plugs[name]
	if p == nil {
		p = &plug{name, len(b.plugs)}
		b.plugs[name] = p
	}
	return p
}

// process is the plugin's for this device alone.
func (x *spot) process(plugin *plug) *process {
	for len(x.alone) <= plugin.at {
		x.alone = append(x.alone, nil)
	}
	p := x.alone[plugin.at]
	if p == nil {
		p = x.agent.process(Process(plugin.name, []string{x.unit.UUID}))
		x.alone[plugin.at] = p
	}
	return p
}

func (g *agent) process(name string) *process {
	p := g.processes[name]
	if p == nil {
		p = &process{name: name}
		g.processes[name] = p
	}
	return p
}

// has gives the model of a line as the process keeps it; nil: it does not.
func (p *process) has(l *line) *keep {
	for _, k := range p.keeps {
		if k.model == l.model {
			return k
		}
	}
	return nil
}

// id names the model of a line within the process.
func (p *process) id(l *line) string {
	if k := p.has(l); k != nil {
		return k.id
	}
	return WarmID(p.name, l.task.Model)
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
	return x.room(l, x.process(l.plugin))
}

// room is gives for a process that may use other devices too. A reservation is heeded.
func (x *spot) room(l *line, pr *process) bool {
	t := &l.task
	if x.agent.Away != "" || x.unit.Usable() != "" || !x.leaves(l) {
		return false
	}
	leases := x.unit.Leases()
	if len(leases) > 0 && (t.Request.Exclusive || leases[0].Exclusive) {
		return false
	}
	if pr.saturated() {
		return false
	}
	k := pr.has(l)
	switch {
	case k == nil:
		return t.Request.Memory <= x.both
	case k.running == 0: // what it would give up is what it goes on using
		return x.unit.Needs(t.Request.Memory, k.id) <= x.both-x.unit.Holds(k.id)
	}
	return x.unit.Needs(t.Request.Memory, k.id) <= x.both
}

// leaves says whether no reservation keeps the device from a task of the line: there is none, it is its own, or whom it is
// reserved for can begin there as soon as was expected all the same, since the task is expected to be done before, or there is
// room for both.
func (x *spot) leaves(l *line) bool {
	if x.reserved == nil || x.reserved == l {
		return true
	}
	ends := x.agent.book.now.Add(l.longest)
	if l.model != nil && x.process(l.plugin).has(l) == nil {
		ends = ends.Add(l.loads())
	}
	return !ends.After(x.reserved.due) || x.spares(l)
}

// spares says whether there is room for whom the device is reserved for beside a task of the line: what is free now, and what is
// expected to be given back until it is due, is enough for both.
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
