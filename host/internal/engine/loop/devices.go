package loop

import (
	"maps"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/slots"
	"github.com/myspinbot/spinbot/sdk"
)

// Placer gives attempts the devices that they ask for. It calls back from any goroutine, with nothing of its own locked.
type Placer interface {
	// Want enters an attempt that waits for devices, or for an agent. given is called once when it has them; yield when it has
	// to give them back. An attempt that waits already may have another priority now. One with Held has what it wants: given
	// is not called.
	Want(w placement.Want, given func(placement.Given), yield func())
	// Done takes an attempt out: it waits no more, or gives back what it was given. went is nil for one that never began.
	Done(id string, went *placement.Went)
	// Why says why an attempt waits; empty when it does not.
	Why(id string) string
	// Hold gives nothing to anybody as long as there is a reason why not.
	Hold(why string)
}

// yielded says that an attempt has to give its devices back.
type yielded struct {
	inst *progress.Instance
	id   string
}

// want has the placer look for the devices that an instance asks for, or for an agent. It says whether it asks for any.
func (p *Pass) want(i *progress.Instance, n *pipeline.Node, priority int) bool {
	spread := p.e.spreads(n.Type)
	if p.e.cfg.Placer == nil || !n.Asks() && !spread {
		return false
	}
	inputs, diags := p.Inputs(i)
	if diags.HasErrors() {
		p.Failed(i, sdk.Refuse(diags.Error(), ""))
		return true
	}
	d, ok := n.Wants(inputs)
	if !ok && !spread {
		return false
	}
	at := p.State.Address(i)
	at.Attempt = i.Attempt + 1
	id, l, e := at.String(), p.l, p.e
	if !l.waits(i, id) {
		return true
	}
	e.cfg.Placer.Want(p.asks(i, n, d, id, priority, inputs),
		func(g placement.Given) {
			e.Post(l, granted(slots.Place{Inst: i, Priority: priority, ID: id, Given: g}))
		},
		func() { e.Post(l, yielded{i, id}) })
	return true
}

// spreads says whether tasks of a node type go to any agent though they need no device.
func (e *Loop) spreads(t sdk.NodeType) bool {
	return e.cfg.Spread != nil && e.cfg.Spread(t) && !e.cfg.RunsAhead(t)
}

func (p *Pass) asks(i *progress.Instance, n *pipeline.Node, d pipeline.Device, id string, priority int, inputs sdk.Values) placement.Want {
	return placement.Want{ID: id, Owner: p.State.Owner, Priority: priority, Type: n.Type, Request: d.Request, Model: d.Model, Files: d.Files, Classes: d.Classes, Rung: i.Rung,
		Evictable: d.Evictable, Inputs: inputs}
}

// waits notes that an instance waits for devices, unless the run is over.
func (l *Live) waits(i *progress.Instance, id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over != nil {
		return false
	}
	if l.wants == nil {
		l.wants = map[*progress.Instance]string{}
	}
	l.wants[i] = id
	return true
}

// unwant takes instances out that wait for devices in vain: those for which vain holds.
func (l *Live) unwant(e *Loop, vain func(*progress.Instance) bool) {
	var ids []string
	l.mu.Lock()
	for i, id := range l.wants {
		if vain(i) {
			delete(l.wants, i)
			ids = append(ids, id)
		}
	}
	l.mu.Unlock()
	for _, id := range ids {
		e.cfg.Placer.Done(id, nil)
	}
}

// wanting lists the instances that wait for devices.
func (l *Live) wanting() []*progress.Instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.wants))
}

// giveBack gives back what an attempt held of slots or devices.
func (e *Loop) giveBack(at slots.Place, went *placement.Went) {
	if at.ID != "" {
		e.cfg.Placer.Done(at.ID, went)
		return
	}
	e.slots.Release(at.Class)
}

// yield stops an attempt whose devices somebody else needs more.
func (p *Pass) yield(m yielded) {
	if a := p.l.attempts[m.inst]; a != nil && a.at.ID == m.id {
		a.cancel(&sdk.Error{Cause: sdk.CausePreempted, Message: "its devices went to a task that goes before it"})
	}
}

// Hold begins no attempt as long as there is a reason why not; those under way finish.
func (e *Loop) Hold(why string) {
	e.slots.Hold(why)
	if e.cfg.Placer != nil {
		e.cfg.Placer.Hold(why)
	}
}

// Reprioritize tells the placer that the run's priority is another one now.
func (p *Pass) Reprioritize() {
	for _, i := range p.l.wanting() {
		n := p.Node(i.Node)
		p.want(i, n, p.State.Priority+n.Priority)
	}
}
