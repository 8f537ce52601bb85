// Package fleet is the agents that placement knows: their devices and what is free there, the models that are loaded, what each
// task was given, which devices are reserved. It finds where a need could be served, and knows which needs found nothing until
// something was given back. Which need is looked for, and which place is taken, is decided elsewhere.
package fleet

import (
	"maps"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Fleet is the agents that are known, and what is free there. Its fields are for reading, but for Now. It has one owner and is changed in place.
type Fleet struct {
	policy  placement.Policy
	Now     time.Time // of the last decision
	byID    map[string]*Agent
	Agents  []*Agent
	Classes []*Class
	crews   []*crew
	models  map[string]*Model
	plugs   map[string]*plug
	spots   int // how many were made
	joined  int // agents
	kept    uint64
	Needs   []*Need
	gained  []*Spot
	// freed: an agent may have more RAM and disk than before, or is new.
	freed   bool
	counted []*Held            // scratch of recount
	unseen  map[string][]*Held // that run and are in no agent's account, by the agent's ID
}

// New makes an empty fleet.
func New(p placement.Policy) *Fleet {
	return &Fleet{policy: p, byID: map[string]*Agent{}, models: map[string]*Model{}, plugs: map[string]*plug{}, unseen: map[string][]*Held{}}
}

// Process is a plugin's process for a set of devices of an agent, whether it runs now or not.
type Process struct {
	name    string
	keeps   []*Keep
	running int
	Limit   int  // tasks at once, as the last one said; 0: any number
	warm    bool // it has run a task and goes on, as far as is known
}

// Keep is a model that a process has loaded, or is working with.
type Keep struct {
	id      string
	Process *Process
	Agent   *Agent
	plugin  string
	name    string // of the model; may be empty
	model   *Model
	Spots   []*Spot
	Running int
	used    time.Time
	idleAt  int // in model.idle; -1: not there
	Ends    time.Time
}

// Model is where a plugin has a model loaded.
type Model struct {
	Keeps []*Keep
	Idle  []*Keep // those that no task works with
}

// SetAgent takes in an agent, or what has changed about it. It gives the tasks that have come into an account by that.
func (f *Fleet) SetAgent(a placement.Agent) []*Held {
	g := f.byID[a.ID]
	if g == nil {
		g = &Agent{fleet: f, Table: device.NewTable(-1, -1), processes: map[string]*Process{}, keeps: map[string]*Keep{}}
		g.Table.Trusting = true
		f.joined++
		g.seq = f.joined
		f.byID[a.ID] = g
		f.Agents = append(f.Agents, g)
	}
	moved := g.crew == nil || !g.OffersAs(&a) || !maps.EqualFunc(g.Engines, a.Engines, slices.Equal)
	g.Agent = a
	f.freed = true
	if moved {
		f.enlist(g)
	}
	g.sit()
	for _, x := range g.Spots {
		if moved {
			f.classify(x)
		}
		f.changed(x)
	}
	return f.recount(g)
}

// Observe takes in an agent's devices as they were last read. ram and disk are what it has of them in all; below zero:
// nobody knows. It gives the tasks that have come into an account by that.
func (f *Fleet) Observe(id string, devices []device.Device, ram, disk int64) []*Held {
	g := f.byID[id]
	if g == nil {
		return nil
	}
	f.heard(g)
	g.Table.SetAgent(ram, disk)
	g.Table.Reserve = f.policy.Reserve
	g.Table.Observe(devices, nil)
	for k, u := range g.Table.Units() {
		if k == len(g.Spots) {
			f.spots++
			g.Spots = append(g.Spots, &Spot{Agent: g, Unit: u, Seq: f.spots})
			f.classify(g.Spots[k])
		} else if x := g.Spots[k]; !alike(&x.class.sample, &u.Device) {
			f.classify(x)
		}
		f.changed(g.Spots[k])
	}
	return f.recount(g)
}

// heard notes that there is news of an agent: who was refused by it may try again.
func (f *Fleet) heard(g *Agent) {
	f.freed = true
	for _, n := range f.Needs {
		if n.Avoid[g] {
			delete(n.Avoid, g)
			n.Look()
		}
	}
}

// Hold takes a device out of use, or back into it with an empty why. It says whether there is such a device.
func (f *Fleet) Hold(uuid, why string) bool {
	for _, g := range f.Agents {
		if g.Table.Hold(uuid, why) {
			f.changed(f.spot(g, uuid))
			return true
		}
	}
	return false
}

// changed notes that a spot may give more than before, or less.
func (f *Fleet) changed(x *Spot) {
	if x.Reserved != nil && (x.Agent.Away != "" || x.Unit.Usable() != "" || !x.Agent.Stocks(x.Reserved)) {
		f.Unreserve(x.Reserved)
	}
	x.index()
	f.gain(x)
}

// gain has the needs looked at again that could use the spot.
func (f *Fleet) gain(x *Spot) {
	if x.gained {
		return
	}
	x.gained = true
	f.gained = append(f.gained, x)
	for _, k := range x.keeps { // what is idle here is looked at first
		if k.idleAt >= 0 {
			k.wake()
			k.rest()
		}
	}
}

// modelOf gives where a plugin has a model loaded.
func (f *Fleet) modelOf(plugin, name string) *Model {
	if name == "" {
		return nil
	}
	key := plugin + "\x00" + name
	m := f.models[key]
	if m == nil {
		m = &Model{}
		f.models[key] = m
	}
	return m
}

// rest enters a model that nobody works with where tasks look for it.
func (k *Keep) rest() {
	if k.Running == 0 && k.model != nil && k.idleAt < 0 {
		k.idleAt = len(k.model.Idle)
		k.model.Idle = append(k.model.Idle, k)
	}
}

// wake takes it out.
func (k *Keep) wake() {
	if k.idleAt < 0 {
		return
	}
	idle := k.model.Idle
	last := len(idle) - 1
	idle[k.idleAt] = idle[last]
	idle[k.idleAt].idleAt = k.idleAt
	idle[last] = nil
	k.model.Idle, k.idleAt = idle[:last], -1
}

// Warm takes in what an agent keeps warm. What tasks work with is left as it is.
func (f *Fleet) Warm(id string, warm []device.Warm, now time.Time) {
	g := f.byID[id]
	if g == nil {
		return
	}
	f.heard(g)
	seen := map[string]bool{}
	for _, w := range warm {
		seen[w.ID] = true
		k := f.keepOf(g, w.ID, w.Process, w.Plugin, w.Model, w.Devices)
		if k == nil || k.Running > 0 {
			continue
		}
		k.Process.warm = true
		k.used = w.Used
		g.Table.Keep(w)
		k.rest()
		for _, x := range k.Spots {
			f.changed(x)
		}
	}
	g.sit()
	for _, w := range slices.Clone(g.Table.Warm()) {
		if k := g.keeps[w.ID]; !seen[w.ID] && (k == nil || k.Running == 0) {
			f.end(g, w.ID, now)
		}
	}
}

func (f *Fleet) keepOf(g *Agent, id, process, plugin, name string, devices []string) *Keep {
	if k := g.keeps[id]; k != nil {
		return k
	}
	pr := g.Process(process)
	k := &Keep{id: id, Process: pr, Agent: g, plugin: plugin, name: name, model: f.modelOf(plugin, name), idleAt: -1}
	for _, uuid := range devices {
		x := f.spot(g, uuid)
		if x == nil {
			return nil
		}
		k.Spots = append(k.Spots, x)
	}
	g.keeps[id], pr.keeps = k, append(pr.keeps, k)
	for _, x := range k.Spots {
		x.keeps = append(x.keeps, k)
	}
	if k.model != nil {
		k.model.Keeps = append(k.model.Keeps, k)
	}
	return k
}

// end forgets something that is not kept warm any more.
func (f *Fleet) end(g *Agent, id string, now time.Time) {
	g.Table.Gone(id, now)
	k := g.keeps[id]
	if k == nil {
		return
	}
	delete(g.keeps, id)
	k.Process.keeps = slices.DeleteFunc(k.Process.keeps, func(other *Keep) bool { return other == k })
	k.wake()
	for _, n := range f.Needs { // who waited for it waits no more
		if n.BestBy == k || f.policy.Affinity == placement.OnlyWarm && n.Model != nil && n.Model == k.model {
			n.BestBy = nil
			n.Look()
		}
	}
	if k.model != nil {
		k.model.Keeps = slices.DeleteFunc(k.model.Keeps, func(other *Keep) bool { return other == k })
	}
	for _, x := range k.Spots {
		x.keeps = slices.DeleteFunc(x.keeps, func(other *Keep) bool { return other == k })
		f.changed(x)
	}
}
