package placement

import (
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// agent is one agent as the book sees it: what it said last, and what was placed there since.
type agent struct {
	Agent
	book      *Book
	table     *device.Table
	spots     []*spot
	processes map[string]*process
	keeps     map[string]*keep // by ID
	crew      *crew
	seq       int
	seats     []*seat
	tasks     int // that run here without devices
}

// spot is one device.
type spot struct {
	agent *agent
	unit  *device.Unit
	class *class
	seq   int
	// As it stands on the shelves: free memory, that and what idle processes would give up, and when the one that was
	// used longest ago was used.
	free, both int64
	lru        int64
	on         []*shelf
	alone      []*process // for this device alone, by plugin
	keeps      []*keep
	reserved   *line
	gained     bool // something was given back since the last Decide
}

// process is a plugin's process for a set of devices of an agent, whether it runs now or not.
type process struct {
	name    string
	keeps   []*keep
	running int
	limit   int  // tasks at once, as the last one said; 0: any number
	warm    bool // it has run a task and goes on, as far as is known
}

// keep is a model that a process has loaded, or is working with.
type keep struct {
	id      string
	process *process
	agent   *agent
	plugin  string
	name    string // of the model; may be empty
	model   *model
	spots   []*spot
	running int
	used    time.Time
	idleAt  int // in model.idle; -1: not there
	ends    time.Time
}

// model is where a plugin has a model loaded.
type model struct {
	keeps []*keep
	idle  []*keep // those that no task works with
}

// class is devices that are alike: what one could serve, all could.
type class struct {
	seq     int
	sample  device.Device
	offers  []string
	any     bool // offers is everything
	spots   []*spot
	shelves []*shelf
}

// SetAgent takes in an agent, or what has changed about it.
func (b *Book) SetAgent(a Agent) {
	g := b.agents[a.ID]
	if g == nil {
		g = &agent{book: b, table: device.NewTable(-1, -1), processes: map[string]*process{}, keeps: map[string]*keep{}}
		g.table.Trusting = true
		b.joined++
		g.seq = b.joined
		b.agents[a.ID] = g
		b.fleet = append(b.fleet, g)
	}
	moved := g.crew == nil || !slices.Equal(g.Offers, a.Offers) || (g.Offers == nil) != (a.Offers == nil)
	g.Agent = a
	b.freed = true
	if moved {
		b.enlist(g)
	}
	g.sit()
	for _, x := range g.spots {
		if moved {
			b.classify(x)
		}
		b.changed(x)
	}
	b.recount(g)
}

// Observe takes in an agent's devices as they were last read. ram and disk are what it has of them in all; below zero:
// nobody knows.
func (b *Book) Observe(id string, devices []device.Device, ram, disk int64) {
	g := b.agents[id]
	if g == nil {
		return
	}
	b.heard(g)
	g.table.SetAgent(ram, disk)
	g.table.Reserve = b.policy.Reserve
	g.table.Observe(devices, nil)
	for k, u := range g.table.Units() {
		if k == len(g.spots) {
			b.spots++
			g.spots = append(g.spots, &spot{agent: g, unit: u, seq: b.spots})
			b.classify(g.spots[k])
		} else if x := g.spots[k]; !alike(&x.class.sample, &u.Device) {
			b.classify(x)
		}
		b.changed(g.spots[k])
	}
	b.recount(g)
}

// heard notes that there is news of an agent: who was refused by it may try again.
func (b *Book) heard(g *agent) {
	b.freed = true
	for _, l := range b.lines {
		if l.avoid[g] {
			delete(l.avoid, g)
			l.look()
		}
	}
}

// Hold takes a device out of use, or back into it with an empty why. It says whether there is such a device.
func (b *Book) Hold(uuid, why string) bool {
	for _, g := range b.fleet {
		if g.table.Hold(uuid, why) {
			b.changed(b.spot(g, uuid))
			return true
		}
	}
	return false
}

func alike(a, d *device.Device) bool {
	return a.Kind == d.Kind && a.Name == d.Name && a.Architecture == d.Architecture && a.Compute == d.Compute && a.Memory == d.Memory
}

// classify finds the class of a spot.
func (b *Book) classify(x *spot) {
	x.declassify()
	d := &x.unit.Device
	key := strings.Join(x.agent.Offers, ",")
	at := slices.IndexFunc(b.classes, func(c *class) bool {
		return alike(&c.sample, d) && c.any == (x.agent.Offers == nil) && strings.Join(c.offers, ",") == key
	})
	if at < 0 {
		at = len(b.classes)
		b.classes = append(b.classes, &class{seq: at, sample: *d, offers: x.agent.Offers, any: x.agent.Offers == nil})
	}
	x.class = b.classes[at]
	x.class.spots = append(x.class.spots, x)
}

// declassify takes a spot out of its class.
func (x *spot) declassify() {
	if x.class == nil {
		return
	}
	for _, s := range x.on {
		s.free.Delete(x)
		s.both.Delete(x)
	}
	x.on = nil
	x.class.spots = slices.DeleteFunc(x.class.spots, func(y *spot) bool { return y == x })
	x.class = nil
}

// changed notes that a spot may give more than before, or less.
func (b *Book) changed(x *spot) {
	if x.reserved != nil && (x.agent.Away != "" || x.unit.Usable() != "" || !x.agent.stocks(x.reserved)) {
		b.unreserve(x.reserved)
	}
	x.index()
	b.gain(x)
}

// gain has the lines looked at again that could use the spot.
func (b *Book) gain(x *spot) {
	if x.gained {
		return
	}
	x.gained = true
	b.gained = append(b.gained, x)
	for _, k := range x.keeps { // what is idle here is looked at first
		if k.idleAt >= 0 {
			k.wake()
			k.rest()
		}
	}
}

func (b *Book) spot(g *agent, uuid string) *spot {
	for _, x := range g.spots {
		if x.unit.UUID == uuid {
			return x
		}
	}
	return nil
}

// modelOf gives where a plugin has a model loaded.
func (b *Book) modelOf(plugin, name string) *model {
	if name == "" {
		return nil
	}
	key := plugin + "\x00" + name
	m := b.models[key]
	if m == nil {
		m = &model{}
		b.models[key] = m
	}
	return m
}

// rest enters a model that nobody works with where tasks look for it.
func (k *keep) rest() {
	if k.running == 0 && k.model != nil && k.idleAt < 0 {
		k.idleAt = len(k.model.idle)
		k.model.idle = append(k.model.idle, k)
	}
}

// wake takes it out.
func (k *keep) wake() {
	if k.idleAt < 0 {
		return
	}
	idle := k.model.idle
	last := len(idle) - 1
	idle[k.idleAt] = idle[last]
	idle[k.idleAt].idleAt = k.idleAt
	idle[last] = nil
	k.model.idle, k.idleAt = idle[:last], -1
}

// Warm takes in what an agent keeps warm. What tasks work with is left as it is.
func (b *Book) Warm(id string, warm []device.Warm, now time.Time) {
	g := b.agents[id]
	if g == nil {
		return
	}
	b.heard(g)
	seen := map[string]bool{}
	for _, w := range warm {
		seen[w.ID] = true
		k := b.keepOf(g, w.ID, w.Process, w.Plugin, w.Model, w.Devices)
		if k == nil || k.running > 0 {
			continue
		}
		k.process.warm = true
		k.used = w.Used
		g.table.Keep(w)
		k.rest()
		for _, x := range k.spots {
			b.changed(x)
		}
	}
	g.sit()
	for _, w := range slices.Clone(g.table.Warm()) {
		if k := g.keeps[w.ID]; !seen[w.ID] && (k == nil || k.running == 0) {
			b.end(g, w.ID, now)
		}
	}
}

func (b *Book) keepOf(g *agent, id, process, plugin, name string, devices []string) *keep {
	if k := g.keeps[id]; k != nil {
		return k
	}
	pr := g.process(process)
	k := &keep{id: id, process: pr, agent: g, plugin: plugin, name: name, model: b.modelOf(plugin, name), idleAt: -1}
	for _, uuid := range devices {
		x := b.spot(g, uuid)
		if x == nil {
			return nil
		}
		k.spots = append(k.spots, x)
	}
	g.keeps[id], pr.keeps = k, append(pr.keeps, k)
	for _, x := range k.spots {
		x.keeps = append(x.keeps, k)
	}
	if k.model != nil {
		k.model.keeps = append(k.model.keeps, k)
	}
	return k
}

// end forgets something that is not kept warm any more.
func (b *Book) end(g *agent, id string, now time.Time) {
	g.table.Gone(id, now)
	k := g.keeps[id]
	if k == nil {
		return
	}
	delete(g.keeps, id)
	k.process.keeps = slices.DeleteFunc(k.process.keeps, func(other *keep) bool { return other == k })
	k.wake()
	for _, l := range b.lines { // who waited for it waits no more
		if l.bestBy == k || b.policy.Affinity == OnlyWarm && l.model != nil && l.model == k.model {
			l.bestBy = nil
			l.look()
		}
	}
	if k.model != nil {
		k.model.keeps = slices.DeleteFunc(k.model.keeps, func(other *keep) bool { return other == k })
	}
	for _, x := range k.spots {
		x.keeps = slices.DeleteFunc(x.keeps, func(other *keep) bool { return other == k })
		b.changed(x)
	}
}
