package placement

import (
	"cmp"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// Adopt takes in a task that runs already with what it was given, though this book has not placed it: nothing is decided. What
// it takes of an agent that is not known yet, or whose devices are not, counts once they are. One that runs here already is left
// as it is.
func (b *Book) Adopt(t Task, g Given, now time.Time) {
	if b.running[t.ID] != nil {
		return
	}
	b.Remove(t.ID)
	b.seq++
	r := &running{Task: t, on: g.Agent, devices: slices.Clone(g.Devices), user: b.userOf(t.Owner), since: now, seq: b.seq}
	b.returns(r.user)
	b.holds(r)
	r.user.served = now
	r.user.moved()
	b.unseen[r.on] = append(b.unseen[r.on], r)
	if a := b.agents[r.on]; a != nil {
		b.recount(a)
	}
}

// recount enters tasks into an agent's account that were given its devices while it was not known.
func (b *Book) recount(g *agent) {
	if len(b.unseen[g.ID]) == 0 {
		return
	}
	b.unseen[g.ID] = slices.DeleteFunc(b.unseen[g.ID], func(r *running) bool { return b.recognize(g, r) })
	if len(b.unseen[g.ID]) == 0 {
		delete(b.unseen, g.ID)
	}
}

// recognize enters one such task, when all of its devices are known. It says whether they are.
func (b *Book) recognize(g *agent, r *running) bool {
	c := choice{agent: g, proc: g.process(Process(r.Plugin, r.devices))}
	for _, uuid := range r.devices {
		x := b.spot(g, uuid)
		if x == nil {
			return false
		}
		c.spots = append(c.spots, x)
	}
	c.id = c.proc.id(&line{task: r.Task, model: b.modelOf(r.Plugin, r.Model)})
	ends := r.since.Add(cmp.Or(r.Lasts, defaultLasts))
	r.epoch = g.table.Adopt(device.Ask{ID: r.ID, Devices: r.devices, Request: r.Request, Warm: c.id, Ends: ends}, r.since).Epoch
	first := r.part == 0
	if first {
		r.warm = g.keeps[c.id] != nil
	}
	if b.account(r, g, c, ends); first {
		b.charge(r)
		r.user.moved()
	}
	return true
}

// unsee forgets a task that is in no agent's account.
func (b *Book) unsee(r *running) {
	left := slices.DeleteFunc(b.unseen[r.on], func(other *running) bool { return other == r })
	if b.unseen[r.on] = left; len(left) == 0 {
		delete(b.unseen, r.on)
	}
}

// Forget removes an agent that a person has taken out, with its devices. Tasks that run there are known until they end; they
// are back in its account when it comes back before that. It says whether there was such an agent.
func (b *Book) Forget(id string) bool {
	g := b.agents[id]
	if g == nil {
		return false
	}
	for _, x := range g.spots {
		if x.reserved != nil {
			b.unreserve(x.reserved)
		}
	}
	for _, r := range b.runningOn(g) {
		r.agent, r.spots, r.keep = nil, nil, nil
		b.unseen[id] = append(b.unseen[id], r)
	}
	for _, k := range sortedKeeps(g) {
		b.end(g, k, b.now)
	}
	delete(b.agents, id)
	b.fleet = slices.DeleteFunc(b.fleet, func(other *agent) bool { return other == g })
	b.discharge(g)
	for _, x := range g.spots {
		x.declassify()
	}
	theirs := func(x *spot) bool { return x.agent == g }
	b.gained = slices.DeleteFunc(b.gained, theirs)
	for _, l := range b.lines {
		l.hopes = slices.DeleteFunc(l.hopes, theirs)
		delete(l.avoid, g)
	}
	return true
}

// runningOn gives the tasks in an agent's account, in the order in which they came.
func (b *Book) runningOn(g *agent) (out []*running) {
	for _, r := range b.running {
		if r.agent == g {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(x, y *running) int { return cmp.Compare(x.seq, y.seq) })
	return out
}

func sortedKeeps(g *agent) []string {
	var ids []string
	for id := range g.keeps {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
