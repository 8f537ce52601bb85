package loop

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/reuse"
	"github.com/myspinbot/spinbot/host/internal/engine/slots"
	"github.com/myspinbot/spinbot/sdk"
)

// do carries out one command, as far as it can be before the events are durable.
func (p *Pass) do(c progress.Command) {
	if p.Lost(c) {
		return
	}
	switch c.Op {
	case progress.OpExpand:
		p.Expand(c.Node)
	case progress.OpSkip:
		p.Add(run.Event{Kind: run.NodeExpanded, In: c.Node.Frame.Path, Node: c.Node.Name, Skip: true, Reason: c.Reason})
	case progress.OpDispatch:
		p.dispatch(c.Instance)
	case progress.OpOpen:
		if c.Node.Gate {
			p.OpenGate(c.Instance)
		} else {
			p.OpenModule(c.Instance)
		}
	case progress.OpClose:
		p.CloseModule(c)
	case progress.OpTimeout:
		p.GateTimeout(c.Instance)
	case progress.OpCancel:
		p.stop(c.Instance)
	case progress.OpExpire:
		ev := run.Event{Kind: run.DeadlinePassed}
		if c.Instance != nil {
			ev = draft.About(run.DeadlinePassed, c.Instance)
		}
		p.Add(ev)
	case progress.OpEnd:
		p.End(c)
	}
}

// dispatch starts the instance when there is room, else queues it. One whose result is known needs no room.
func (p *Pass) dispatch(i *progress.Instance) {
	n := p.Node(i.Node)
	if p.reuses(n) {
		if inputs, diags := p.Inputs(i); !diags.HasErrors() {
			if found, _, _ := p.known(i, n, inputs); found != nil {
				p.reuse(i, *found)
				return
			}
		}
	}
	priority := p.State.Priority + n.Priority
	if p.want(i, n, priority) {
		return
	}
	at := slots.Place{Inst: i, Class: p.e.classOf(n.Type), Priority: priority}
	if p.e.slots.Acquire(p.l, at) {
		p.start(at)
	}
}

// ahead is the class of what runs ahead.
var ahead = slots.Class{Ahead: true}

// keepSlot is for how long a run that others wait behind goes on in a slot of those that run ahead: what is at hand of it costs less
// than what has to be fetched from memory, and what it does meanwhile is stored together.
const keepSlot = time.Millisecond

// nextSlot begins what waits for a slot with one that the run has kept. It says whether there was any.
func (p *Pass) nextSlot() bool {
	last := len(p.slots) - 1
	if last < 0 {
		return false
	}
	at, ok := p.e.slots.Next(p.l, ahead)
	if !ok {
		return false
	}
	at.Since, p.slots = p.slots[last], p.slots[:last]
	p.start(at)
	return true
}

// freeSlots gives back what the run has kept and not used.
func (p *Pass) freeSlots() {
	for range p.slots {
		p.e.slots.Release(ahead)
	}
	p.slots = p.slots[:0]
}

func (e *Loop) classOf(t sdk.NodeType) slots.Class {
	if e.cfg.RunsAhead(t) {
		return ahead
	}
	if t.Concurrency > 0 {
		return slots.Class{NodeType: t.Name, Limit: t.Concurrency}
	}
	return slots.Class{}
}

// start begins an attempt of an instance that holds a slot or devices, or gives them back.
func (p *Pass) start(at slots.Place) {
	if at.ID != "" {
		p.l.mu.Lock()
		delete(p.l.wants, at.Inst)
		p.l.mu.Unlock()
	}
	if !p.began(at) {
		p.e.giveBack(at, nil)
	}
}

func (p *Pass) began(at slots.Place) bool {
	i, s := at.Inst, p.State
	if !i.Due(p.Now) { // it has ended, or the slot is of a try before
		return false
	}
	if s.Status == run.Paused {
		s.Offer(i) // when the run goes on
		return false
	}
	if s.Status != run.Running || s.Stopping() || i.Node.Frame.Halted() {
		return false
	}
	if p.Lost(progress.Command{Op: progress.OpDispatch, Node: i.Node, Instance: i}) {
		return false
	}
	inputs, diags := p.Inputs(i)
	if diags.HasErrors() {
		p.Failed(i, sdk.Refuse(diags.Error(), ""))
		return false
	}
	ev := draft.About(run.AttemptStarted, i)
	key := ""
	if n := p.Node(i.Node); p.reuses(n) {
		found, k, why := p.known(i, n, inputs)
		if found != nil { // it came while the instance waited for room
			p.reuse(i, *found)
			return false
		}
		if k != "" && !p.e.flights.Enter(k, reuse.Flown[*Live]{Of: p.l, Run: p.ID, Inst: i}) {
			return false
		}
		key, ev.Reason = k, why
	}
	ev.Attempt, ev.Seed, ev.Deadline, ev.Rung = i.Attempt+1, draft.SeedOf(s.Seed, i), p.Deadline(i), i.Rung
	ev.Devices, ev.Agent, ev.Memory = at.Given.Devices, at.Given.Agent, at.Given.Memory
	if p.e.elsewhere(ev.Agent) && p.e.cfg.Session != nil {
		ev.Session = p.e.cfg.Session(ev.Agent)
	}
	p.Add(ev)
	if i.State != run.NodeRunning {
		p.kept = append(p.kept, kept{key: key})
		return false
	}
	a := p.newAttempt(at, inputs)
	a.key = key
	p.starts = append(p.starts, a)
	if at.Class.Ahead {
		a.launch()
	}
	return true
}

// reuses says whether results of the node may be known.
func (p *Pass) reuses(n *pipeline.Node) bool {
	return p.Before != nil || p.e.cfg.Results.Keeps(n)
}

func (p *Pass) newAttempt(at slots.Place, inputs sdk.Values) *attempt {
	i, s := at.Inst, p.State
	n := p.Node(i.Node)
	if at.Since.IsZero() {
		at.Since = p.Now
	}
	a := &attempt{e: p.e, l: p.l, inst: i, iter: i.Iter, n: i.Attempt, at: at, fresh: i.Rung > 0, afar: p.e.elsewhere(at.Given.Agent), node: n, idle: n.IdleTimeout}
	a.task = sdk.Task{Address: s.Address(i), Type: n.Type.Name, Inputs: inputs, Time: i.Began, Seed: i.Seed,
		Deadline: i.Deadline, Owner: s.Owner, Pipeline: s.Digest, PipelineName: s.Pipeline, Checkpoint: i.Checkpoint, Limits: n.Limits, Devices: at.Given.Devices}
	a.task.Limits.Time = n.Timeout
	tasks := p.e.tasks
	if a.afar {
		tasks = p.e.afar
	}
	a.ctx, a.cancel = context.WithCancelCause(tasks)
	p.l.attempts[i] = a
	return a
}

func (p *Pass) stop(i *progress.Instance) {
	a := p.l.attempts[i]
	if a == nil {
		return
	}
	why := &sdk.Error{Cause: sdk.CauseCancelled, Message: "the run was cancelled"}
	switch {
	case i.Cancel:
		why = i.Error
	case p.State.CancelRequested:
	default:
		for f := i.Node.Frame; f != nil; f = draft.Around(f) {
			if f.Expired {
				why = &sdk.Error{Cause: sdk.CauseHung, Message: whole(f) + "'s timeout passed"}
			} else if f.Owner != nil && f.Owner.Cancel {
				why = &sdk.Error{Cause: sdk.CauseCancelled, Message: f.Owner.Step().String() + " was cancelled"}
			}
		}
	}
	p.stops = append(p.stops, func() { a.cancel(why) })
}

func whole(f *progress.Frame) string {
	if f.Owner == nil {
		return "the run"
	}
	return f.Owner.Step().String()
}

// finish records how an attempt ended.
func (p *Pass) finish(m *finished) {
	if a := p.l.attempts[m.inst]; a != nil && a.n == m.attempt && a.iter == m.iter {
		delete(p.l.attempts, m.inst)
	}
	ev := draft.About(run.AttemptEnded, m.inst)
	ev.Iter, ev.Attempt, ev.Error, ev.OutputsRef, ev.Usage = m.iter, m.attempt, m.err, m.ref, m.usage
	if m.err == nil {
		ev.Outputs = m.outputs
		if m.iter == m.inst.Iter {
			p.Judge(m.inst, &ev)
		}
	}
	p.Add(ev)
	if m.key == "" {
		return
	}
	done := kept{key: m.key}
	if ev.Error == nil {
		done.entry = &cache.Entry{Key: m.key, Type: m.inst.Node.Type, Source: p.State.Address(m.inst).String(), Created: p.Now, Outputs: m.outputs, Usage: m.usage.Figures()}
	}
	p.kept = append(p.kept, done)
}
