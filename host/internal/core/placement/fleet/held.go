package fleet

import (
	"maps"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Held is a task with what it was given.
type Held struct {
	placement.Task
	On      string   // the agent
	Devices []string // its UUIDs
	Since   time.Time
	Warm    bool // its model was loaded before
	// Part is what it takes of its devices, in devices; 0: it was never in an agent's account.
	Part  float64
	Agent *Agent // nil: it is in no agent's account, and what follows is of none
	spots []*Spot
	keep  *Keep
	epoch uint64
}

// Choice is where a task could go.
type Choice struct {
	Agent  *Agent
	Spots  []*Spot // none: it needs no device
	Proc   *Process
	ID     string // what is kept warm there
	Warm   bool
	Unload []string // what has to be given up first
}

// share is the part of its devices that a task takes, in devices. One without devices takes its part of what the agent takes
// of such tasks at once, as if that were a device.
func (r *Held) share() float64 {
	if len(r.spots) == 0 {
		return 1 / float64(r.Agent.Most())
	}
	var sum float64
	for _, x := range r.spots {
		if r.Request.Exclusive || x.Unit.Memory == 0 {
			sum++
		} else {
			sum += float64(r.Request.Memory) / float64(x.Unit.Memory)
		}
	}
	return sum
}

// Grant gives a task what was found for it, until about ends.
func (f *Fleet) Grant(r *Held, c Choice, ends time.Time) {
	for _, id := range c.Unload {
		f.end(c.Agent, id, r.Since)
	}
	lease, err := c.Agent.Table.Grant(device.Ask{ID: r.ID, Devices: r.Devices, Request: r.Request, Warm: c.ID, Ends: ends}, r.Since)
	if err != nil {
		panic("placement: what was found free is not: " + err.Error()) // the two looks at the table disagree: a defect
	}
	r.epoch, r.Warm = lease.Epoch, c.Agent.keeps[c.ID] != nil
	f.account(r, c, ends)
}

// account enters a task that has a lease into its agent's account.
func (f *Fleet) account(r *Held, c Choice, ends time.Time) {
	g := c.Agent
	r.Agent, r.spots = g, slices.Clone(c.Spots)
	r.keep = f.keepOf(g, c.ID, c.Proc.name, r.Plugin, r.Model, r.Devices)
	r.keep.wake()
	r.keep.Running++
	r.keep.Ends = ends
	c.Proc.running++
	c.Proc.Limit = r.Concurrency
	r.Part = r.share()
	for _, x := range r.spots {
		x.index()
	}
	if len(r.spots) == 0 {
		g.Running++
		g.sit()
	}
}

// warm is what stays on the devices after a task.
func (k *Keep) warm(r *Held, now time.Time) device.Warm {
	w := device.Warm{ID: k.id, Process: k.Process.name, Plugin: k.plugin, Model: k.name, Memory: r.Request.Memory, Used: now}
	for _, x := range k.Spots {
		w.Devices = append(w.Devices, x.Unit.UUID)
	}
	return w
}

// Release takes back what a task was given. kept: its process lives on with its model loaded.
func (f *Fleet) Release(r *Held, kept bool, now time.Time) {
	if r.Agent != nil {
		f.clear(r, kept, now)
		return
	}
	left := slices.DeleteFunc(f.unseen[r.On], func(other *Held) bool { return other == r })
	if f.unseen[r.On] = left; len(left) == 0 {
		delete(f.unseen, r.On)
	}
}

// Adopt enters a task that runs already, into its agent's account once that and its devices are known. It gives the tasks that
// have come into an account by that.
func (f *Fleet) Adopt(r *Held) []*Held {
	f.unseen[r.On] = append(f.unseen[r.On], r)
	if g := f.byID[r.On]; g != nil {
		return f.recount(g)
	}
	return nil
}

// clear takes a task out of its agent's account.
func (f *Fleet) clear(r *Held, kept bool, now time.Time) {
	g, k := r.Agent, r.keep
	g.Table.Release(r.ID, r.epoch, now)
	k.Running--
	k.used = now
	k.Process.running--
	k.Process.warm = kept || k.Process.running > 0
	switch {
	case k.Running > 0:
	case kept:
		g.Table.Keep(k.warm(r, now))
		k.rest()
	default:
		f.end(g, k.id, now)
	}
	for _, x := range r.spots {
		f.changed(x)
	}
	if len(r.spots) == 0 {
		g.Running--
		g.sit()
	}
	f.freed = f.freed || r.Request.RAM > 0 || r.Request.Disk > 0
}

// recount enters tasks into an agent's account that were given its devices while it was not known. It gives those that were in
// none before.
func (f *Fleet) recount(g *Agent) []*Held {
	f.counted = f.counted[:0]
	if len(f.unseen[g.ID]) == 0 {
		return nil
	}
	f.unseen[g.ID] = slices.DeleteFunc(f.unseen[g.ID], func(r *Held) bool { return f.recognize(g, r) })
	if len(f.unseen[g.ID]) == 0 {
		delete(f.unseen, g.ID)
	}
	return f.counted
}

// recognize enters one such task, when all of its devices are known. It says whether they are.
func (f *Fleet) recognize(g *Agent, r *Held) bool {
	c := Choice{Agent: g, Proc: g.Process(placement.Process(r.Plugin, r.Devices))}
	for _, uuid := range r.Devices {
		x := f.spot(g, uuid)
		if x == nil {
			return false
		}
		c.Spots = append(c.Spots, x)
	}
	c.ID = c.Proc.ID(&Need{Task: r.Task, Model: f.modelOf(r.Plugin, r.Model)})
	ends := r.Since.Add(r.Lasting())
	r.epoch = g.Table.Adopt(device.Ask{ID: r.ID, Devices: r.Devices, Request: r.Request, Warm: c.ID, Ends: ends}, r.Since).Epoch
	first := r.Part == 0
	if first {
		r.Warm = g.keeps[c.ID] != nil
	}
	if f.account(r, c, ends); first {
		f.counted = append(f.counted, r)
	}
	return true
}

// Forget removes an agent that a person has taken out, with its devices. Tasks that run there are known until they end; they
// are back in its account when it comes back before that. held are those tasks. It says whether there was such an agent.
func (f *Fleet) Forget(id string, held []*Held) bool {
	g := f.byID[id]
	if g == nil {
		return false
	}
	for _, x := range g.Spots {
		if x.Reserved != nil {
			f.Unreserve(x.Reserved)
		}
	}
	for _, r := range held {
		r.Agent, r.spots, r.keep = nil, nil, nil
		f.unseen[id] = append(f.unseen[id], r)
	}
	for _, k := range slices.Sorted(maps.Keys(g.keeps)) {
		f.end(g, k, f.Now)
	}
	delete(f.byID, id)
	f.Agents = slices.DeleteFunc(f.Agents, func(other *Agent) bool { return other == g })
	f.discharge(g)
	for _, x := range g.Spots {
		x.declassify()
	}
	theirs := func(x *Spot) bool { return x.Agent == g }
	f.gained = slices.DeleteFunc(f.gained, theirs)
	for _, n := range f.Needs {
		n.Hopes = slices.DeleteFunc(n.Hopes, theirs)
		delete(n.Avoid, g)
	}
	return true
}
