package placer

import (
	"cmp"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Leader is who places the tasks of several hosts on the agents that they share. Only this host can send anything to its own
// machine, so it places there by itself, and what finds room there first waits no more elsewhere.
type Leader interface {
	// Want, Hold and Done are what has become of an attempt: see lead.Owner.
	Want(t placement.Task)
	Hold(t placement.Task, g placement.Given)
	Done(d lead.Done)
	// Take gives what attempts have got since it was asked last, and those that have to give back what they have.
	Take() (given []placement.Assignment, yield []string)
	// Why and Waiting say what waits, of all hosts.
	Why(id string) lead.Waits
	Waiting() []string
	// Agent and Forget say what becomes of agents.
	Agent(a lead.Agent)
	Forget(id string)
	// Shortages gives the model files that are lacking, at the host that leads.
	Shortages() []placement.Shortage
}

// elsewhere is why this host places nothing on an agent.
const elsewhere = "given its tasks by the host that places for all"

// Came takes what the leader has given.
func (p *Placer) Came() {
	var calls []func()
	p.change(func(now time.Time) {
		given, yield := p.cfg.Leader.Take()
		for _, a := range given {
			w := p.wants[a.Task.ID]
			p.book.Adopt(w.task, placement.Given{Agent: a.Agent, Devices: a.Devices}, now)
			calls = append(calls, p.give(w, a, now))
		}
		for _, id := range yield {
			calls = append(calls, p.wants[id].yield)
		}
	})
	for _, call := range calls {
		call()
	}
}

// tell tells the leader of attempts that have come and found no room here, unless nothing is to be given to any now.
func (p *Placer) tell() {
	for _, w := range p.fresh {
		if p.held == "" && w.since.IsZero() {
			p.cfg.Leader.Want(w.task)
		}
	}
	p.fresh = nil
}

// ended has the leader told that an attempt asks for nothing any more.
func (p *Placer) ended(d lead.Done) {
	if p.cfg.Leader != nil {
		p.cfg.Leader.Done(d)
	}
}

// hold withdraws from the leader what waits, or has it wait again.
func (p *Placer) hold() {
	if p.cfg.Leader == nil {
		return
	}
	for _, id := range p.book.Waiting() {
		if p.held != "" {
			p.cfg.Leader.Done(lead.Done{ID: id})
		} else {
			p.cfg.Leader.Want(p.wants[id].task)
		}
	}
}

// away tells the leader of an agent, and gives it as it is for this host's own book. mu is held.
func (p *Placer) away(a placement.Agent, devices []device.Device, ram, disk int64, warm []device.Warm) placement.Agent {
	if p.cfg.Leader != nil && a.ID != p.cfg.Here {
		p.cfg.Leader.Agent(lead.Agent{Agent: a, Devices: devices, RAM: ram, Disk: disk, Warm: warm})
		a.Away = cmp.Or(a.Away, elsewhere)
	}
	return a
}

// whyAfar says why an attempt waits, of whichever host it is; nothing when this host knows it better. What no shared agent could
// carry out may wait for this machine.
func (p *Placer) whyAfar(id string) string {
	if p.cfg.Leader == nil {
		return ""
	}
	w := p.cfg.Leader.Why(id)
	if w.Never && p.wants[id] != nil {
		return ""
	}
	return w.Why
}

// waitingAfar lists what waits at all hosts, and then what the leader was not told of.
func (p *Placer) waitingAfar(own []string) []string {
	all := p.cfg.Leader.Waiting()
	known := make(map[string]bool, len(all))
	for _, id := range all {
		known[id] = true
	}
	return append(all, slices.DeleteFunc(own, func(id string) bool { return known[id] })...)
}
