package fleet

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Agent is one agent as the book sees it: what it said last, and what was placed there since.
type Agent struct {
	placement.Agent
	fleet     *Fleet
	Table     *device.Table
	Spots     []*Spot
	processes map[string]*Process
	keeps     map[string]*Keep // by ID
	crew      *crew
	seq       int
	seats     []*seat
	Running   int // tasks that run here without devices
}

// Spot is one device.
type Spot struct {
	Agent *Agent
	Unit  *device.Unit
	class *Class
	Seq   int
	// As it stands on the shelves: free memory, that and what idle processes would give up, and when the one that was
	// used longest ago was used.
	Free, Both int64
	lru        int64
	on         []*shelf
	alone      []*Process // for this device alone, by plugin
	keeps      []*Keep
	Reserved   *Need
	gained     bool // something was given back since the last Decide
}

// Class is devices that are alike: what one could serve, all could, unless it is named.
type Class struct {
	seq     int
	sample  device.Device
	agent   placement.Agent // of the sample, as it was then
	Spots   []*Spot
	shelves []*shelf
}

func alike(a, d *device.Device) bool {
	return a.Kind == d.Kind && a.Name == d.Name && a.Architecture == d.Architecture && a.Compute == d.Compute && a.Memory == d.Memory
}

// classify finds the class of a spot.
func (f *Fleet) classify(x *Spot) {
	x.declassify()
	d := &x.Unit.Device
	at := slices.IndexFunc(f.Classes, func(c *Class) bool {
		return alike(&c.sample, d) && c.agent.OffersAs(&x.Agent.Agent) && c.agent.Ties(&c.sample) == x.Agent.Ties(d)
	})
	if at < 0 {
		at = len(f.Classes)
		f.Classes = append(f.Classes, &Class{seq: at, sample: *d, agent: x.Agent.Agent})
	}
	x.class = f.Classes[at]
	x.class.Spots = append(x.class.Spots, x)
}

// declassify takes a spot out of its class.
func (x *Spot) declassify() {
	if x.class == nil {
		return
	}
	for _, s := range x.on {
		s.free.Delete(x)
		s.both.Delete(x)
	}
	x.on = nil
	x.class.Spots = slices.DeleteFunc(x.class.Spots, func(y *Spot) bool { return y == x })
	x.class = nil
}

func (f *Fleet) spot(g *Agent, uuid string) *Spot {
	for _, x := range g.Spots {
		if x.Unit.UUID == uuid {
			return x
		}
	}
	return nil
}

// Process is the plugin's for this device alone.
func (x *Spot) Process(plugin *plug) *Process {
	for len(x.alone) <= plugin.at {
		x.alone = append(x.alone, nil)
	}
	p := x.alone[plugin.at]
	if p == nil {
		p = x.Agent.Process(placement.Process(plugin.name, []string{x.Unit.UUID}))
		x.alone[plugin.at] = p
	}
	return p
}

// Process gives the process of that name, which may not run.
func (g *Agent) Process(name string) *Process {
	p := g.processes[name]
	if p == nil {
		p = &Process{name: name}
		g.processes[name] = p
	}
	return p
}

// Has gives the model of a need as the process keeps it; nil: it does not.
func (p *Process) Has(n *Need) *Keep {
	for _, k := range p.keeps {
		if k.model == n.Model {
			return k
		}
	}
	return nil
}

// ID names the model of a need within the process.
func (p *Process) ID(n *Need) string {
	if k := p.Has(n); k != nil {
		return k.id
	}
	return placement.WarmID(p.name, n.Task.Model)
}

// Saturated says whether it takes no more tasks now.
func (p *Process) Saturated() bool { return p.Limit > 0 && p.running >= p.Limit }

// index puts the spot where it belongs after something about it has changed.
func (x *Spot) index() {
	for _, s := range x.on {
		s.free.Delete(x)
		s.both.Delete(x)
	}
	x.on = x.on[:0]
	x.Free = x.Unit.Free()
	x.Both = x.Free + x.Unit.Reclaimable()
	x.lru = 0
	for _, w := range x.Unit.WarmOn() {
		if at := w.Used.UnixNano(); x.lru == 0 || at < x.lru {
			x.lru = at
		}
	}
	for _, s := range x.class.shelves {
		x.put(s)
	}
}

// gives says whether the spot has as much for a task of the need, when what is idle is given up.
func (x *Spot) gives(n *Need) bool {
	return x.Room(n, x.Process(n.Plugin))
}

// Room is gives for a process that may use other devices too. A reservation is heeded.
func (x *Spot) Room(n *Need, pr *Process) bool {
	t := &n.Task
	if x.Agent.Away != "" || x.Unit.Usable() != "" || !x.leaves(n) {
		return false
	}
	leases := x.Unit.Leases()
	if len(leases) > 0 && (t.Request.Exclusive || leases[0].Exclusive) {
		return false
	}
	if pr.Saturated() {
		return false
	}
	k := pr.Has(n)
	if k == nil {
		return t.Request.Memory <= x.Both
	}
	free := x.Both + x.Unit.Excess(k.id)
	if k.Running == 0 { // what it would give up is what it goes on using
		free -= x.Unit.Holds(k.id)
	}
	return x.Unit.Needs(t.Request.Memory, k.id) <= free
}

// leaves says whether no reservation keeps the device from a task of the need: there is none, it is its own, or whom it is
// reserved for can begin there as soon as was expected all the same, since the task is expected to be done before, or there is
// room for both.
func (x *Spot) leaves(n *Need) bool {
	if x.Reserved == nil || x.Reserved == n {
		return true
	}
	ends := x.Agent.fleet.Now.Add(n.Longest)
	if n.Model != nil && x.Process(n.Plugin).Has(n) == nil {
		ends = ends.Add(n.Task.Loading())
	}
	return !ends.After(x.Reserved.Due) || x.spares(n)
}

// spares says whether there is room for whom the device is reserved for beside a task of the need: what is free now, and what is
// expected to be given back until it is due, is enough for both.
func (x *Spot) spares(n *Need) bool {
	own, t := &x.Reserved.Task, &n.Task
	if own.Request.Exclusive || t.Request.Exclusive || own.Plugin == t.Plugin && own.Concurrency > 0 {
		return false
	}
	left := x.Both - own.Request.Memory - t.Request.Memory
	for _, lease := range x.Unit.Leases() {
		if !lease.Ends.IsZero() && !lease.Ends.After(x.Reserved.Due) {
			left += lease.Memory
		}
	}
	return left >= 0
}

// Ready estimates when a task of the need could begin to work here, its model loaded.
func (f *Fleet) Ready(x *Spot, n *Need) time.Time {
	at := x.empties(n)
	if at.Before(f.Now) {
		at = f.Now
	}
	if n.Model != nil && x.Process(n.Plugin).Has(n) == nil {
		at = at.Add(n.Task.Loading())
	}
	return at
}

// empties estimates when there is room for a task of the need.
func (x *Spot) empties(n *Need) time.Time {
	r := &n.Task.Request
	free := x.Both
	leases := slices.Clone(x.Unit.Leases())
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
