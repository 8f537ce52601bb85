package engine

import (
	"context"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// do carries out one command, as far as it can be before the events are durable.
func (p *pass) do(c run.Command) {
	if p.lost(c) {
		return
	}
	switch c.Op {
	case run.OpExpand:
		p.expand(c.Node)
	case run.OpSkip:
		p.add(run.Event{Kind: run.NodeExpanded, In: c.Node.Frame.Path, Node: c.Node.Name, Skip: true, Reason: c.Reason})
	case run.OpDispatch:
		p.dispatch(c.Instance)
	case run.OpOpen:
		if c.Node.Gate {
			p.openGate(c.Instance)
		} else {
			p.openModule(c.Instance)
		}
	case run.OpClose:
		p.closeModule(c)
	case run.OpTimeout:
		p.gateTimeout(c.Instance)
	case run.OpCancel:
		p.stop(c.Instance)
	case run.OpExpire:
		ev := run.Event{Kind: run.DeadlinePassed}
		if c.Instance != nil {
			ev = about(run.DeadlinePassed, c.Instance)
		}
		p.add(ev)
	case run.OpEnd:
		p.end(c)
	}
}

// lost fails what is to begin in a module whose inputs could not be evaluated when it was taken up again.
func (p *pass) lost(c run.Command) bool {
	if c.Node == nil || p.l.scope(c.Node) != nil {
		return false
	}
	why := p.unentered(c.Node.Frame)
	switch c.Op {
	case run.OpExpand:
		p.add(run.Event{Kind: run.NodeFailedEvent, In: c.Node.Frame.Path, Node: c.Node.Name, Error: why})
	case run.OpDispatch, run.OpOpen:
		p.failed(c.Instance, why)
	default:
		return false
	}
	return true
}

// unentered says why a module's frame has no scope.
func (p *pass) unentered(f *run.Frame) *sdk.Error {
	why := sdk.Refuse("its module could not be entered again", "resume the run once that is mended")
	if err := p.l.scopes.Lost(f); err != nil {
		why.Message += ": " + err.Error()
	}
	return why
}

func (p *pass) expand(n *run.Node) {
	ev := run.Event{Kind: run.NodeExpanded, In: n.Frame.Path, Node: n.Name}
	x, diags := p.l.scope(n).Expand(n.Name)
	switch {
	case diags.HasErrors():
		ev.Kind, ev.Error = run.NodeFailedEvent, sdk.Refuse(diags.Error(), "")
	case x.Skip:
		ev.Skip, ev.Reason = true, "when is false"
	default:
		ev.Each, ev.Map, ev.Keys = x.Each, x.Map, x.Keys
	}
	p.add(ev)
}

// failed records that an instance could not begin.
func (p *pass) failed(i *run.Instance, err *sdk.Error) {
	ev := about(run.NodeFailedEvent, i)
	ev.Error = err
	p.add(ev)
}

// dispatch starts the instance when there is room, else queues it. One whose result is known needs no room.
func (p *pass) dispatch(i *run.Instance) {
	n := p.l.node(i.Node)
	if p.reuses(n) {
		if inputs, diags := p.inputs(i); !diags.HasErrors() {
			if found, _, _ := p.known(i, n, inputs); found != nil {
				p.reuse(i, *found)
				return
			}
		}
	}
	priority := p.l.state.Priority + n.Priority
	if p.want(i, n, priority) {
		return
	}
	at := place{inst: i, class: p.e.classOf(n.Type), priority: priority}
	if p.e.slots.acquire(p.l, at) {
		p.start(at)
	}
}

func (e *Engine) classOf(t sdk.NodeType) class {
	if e.cfg.RunsAhead(t) {
		return class{ahead: true}
	}
	if t.Concurrency > 0 {
		return class{nodeType: t.Name, limit: t.Concurrency}
	}
	return class{}
}

// start begins an attempt of an instance that holds a slot or devices, or gives them back.
func (p *pass) start(at place) {
	if at.id != "" {
		p.l.mu.Lock()
		delete(p.l.wants, at.inst)
		p.l.mu.Unlock()
	}
	if !p.began(at) {
		p.e.giveBack(at, nil)
	}
}

func (p *pass) began(at place) bool {
	i, s := at.inst, p.l.state
	if !i.Due(p.now) { // it has ended, or the slot is of a try before
		return false
	}
	if s.Status == run.Paused {
		s.Offer(i) // when the run goes on
		return false
	}
	if s.Status != run.Running || s.Stopping() || i.Node.Frame.Halted() {
		return false
	}
	if p.lost(run.Command{Op: run.OpDispatch, Node: i.Node, Instance: i}) {
		return false
	}
	inputs, diags := p.inputs(i)
	if diags.HasErrors() {
		p.failed(i, sdk.Refuse(diags.Error(), ""))
		return false
	}
	ev := about(run.AttemptStarted, i)
	key := ""
	if n := p.l.node(i.Node); p.reuses(n) {
		found, k, why := p.known(i, n, inputs)
		if found != nil { // it came while the instance waited for room
			p.reuse(i, *found)
			return false
		}
		if k != "" && !p.e.flights.enter(k, flown{p.l, i}) {
			return false
		}
		key, ev.Reason = k, why
	}
	ev.Attempt, ev.Seed, ev.Deadline, ev.Rung = i.Attempt+1, seedOf(s.Seed, i), p.deadline(i), i.Rung
	ev.Devices, ev.Agent, ev.Memory = at.given.Devices, at.given.Agent, at.given.Memory
	p.add(ev)
	if i.State != run.NodeRunning {
		p.kept = append(p.kept, kept{key: key})
		return false
	}
	a := p.newAttempt(at, inputs)
	a.key = key
	p.starts = append(p.starts, a)
	if at.class.ahead {
		a.launch()
	}
	return true
}

func (p *pass) inputs(i *run.Instance) (sdk.Values, pipeline.Diagnostics) {
	return p.l.scope(i.Node).Inputs(i.Node.Name, i.Key, scopes.Turn(i))
}

// reuses says whether results of the node may be known.
func (p *pass) reuses(n *pipeline.Node) bool {
	return p.l.before != nil || n.Cache != nil && p.e.cfg.Cache != nil && n.Type.Revision != ""
}

// deadline is the soonest of the attempt's and those of the modules around it and of the run.
func (p *pass) deadline(i *run.Instance) time.Time {
	at := after(p.now, i.Node.Timeout)
	for f := i.Node.Frame; f != nil; f = around(f) {
		if whole := f.Deadline; at.IsZero() || !whole.IsZero() && whole.Before(at) {
			at = whole
		}
	}
	return at
}

func around(f *run.Frame) *run.Frame {
	if f.Owner == nil {
		return nil
	}
	return f.Owner.Node.Frame
}

// seedOf derives an attempt's seed from the run's: the same at every attempt of the instance in this round.
func seedOf(seed uint64, i *run.Instance) uint64 {
	h := fnv.New64a()
	name := i.Node.Name + i.Key.String()
	if i.Iter > 0 {
		name += "~" + strconv.Itoa(i.Iter)
	}
	if path := i.Node.Frame.Path; len(path) > 0 {
		name = path.String() + "/" + name
	}
	_, _ = h.Write([]byte(strconv.FormatUint(seed, 36) + "/" + name)) // never fails
	return h.Sum64() >> 1
}

func (p *pass) newAttempt(at place, inputs sdk.Values) *attempt {
	i, s := at.inst, p.l.state
	n := p.l.node(i.Node)
	a := &attempt{e: p.e, l: p.l, inst: i, iter: i.Iter, n: i.Attempt, at: at, fresh: i.Rung > 0, afar: p.e.elsewhere(at.given.Agent), node: n, idle: n.IdleTimeout}
	a.task = sdk.Task{Address: s.Address(i), Type: n.Type.Name, Inputs: inputs, Time: i.Began, Seed: i.Seed,
		Deadline: i.Deadline, Owner: s.Owner, Pipeline: s.Digest, PipelineName: s.Pipeline, Checkpoint: i.Checkpoint, Limits: n.Limits, Devices: at.given.Devices}
	a.task.Limits.Time = n.Timeout
	tasks := p.e.tasks
	if a.afar {
		tasks = p.e.afar
	}
	a.ctx, a.cancel = context.WithCancelCause(tasks)
	p.l.attempts[i] = a
	return a
}

func (p *pass) stop(i *run.Instance) {
	a := p.l.attempts[i]
	if a == nil {
		return
	}
	why := &sdk.Error{Cause: sdk.CauseCancelled, Message: "the run was cancelled"}
	switch {
	case i.Cancel:
		why = i.Error
	case p.l.state.CancelRequested:
	default:
		for f := i.Node.Frame; f != nil; f = around(f) {
			if f.Expired {
				why = &sdk.Error{Cause: sdk.CauseHung, Message: whole(f) + "'s timeout passed"}
			} else if f.Owner != nil && f.Owner.Cancel {
				why = &sdk.Error{Cause: sdk.CauseCancelled, Message: f.Owner.Step().String() + " was cancelled"}
			}
		}
	}
	p.stops = append(p.stops, func() { a.cancel(why) })
}

func whole(f *run.Frame) string {
	if f.Owner == nil {
		return "the run"
	}
	return f.Owner.Step().String()
}

// finish records how an attempt ended.
func (p *pass) finish(m finished) {
	if a := p.l.attempts[m.inst]; a != nil && a.n == m.attempt && a.iter == m.iter {
		delete(p.l.attempts, m.inst)
	}
	ev := about(run.AttemptEnded, m.inst)
	ev.Iter, ev.Attempt, ev.Error, ev.OutputsRef, ev.Usage = m.iter, m.attempt, m.err, m.ref, m.usage
	if m.err == nil {
		ev.Outputs = m.outputs
		if m.iter == m.inst.Iter {
			p.judge(m.inst, &ev)
		}
	}
	p.add(ev)
	if m.key == "" {
		return
	}
	done := kept{key: m.key}
	if ev.Error == nil {
		done.entry = &cache.Entry{Key: m.key, Type: m.inst.Node.Type, Source: p.l.state.Address(m.inst).String(), Created: p.now, Outputs: m.outputs}
	}
	p.kept = append(p.kept, done)
}

// judge says in a round's result whether another round follows.
func (p *pass) judge(i *run.Instance, ev *run.Event) {
	if !i.Node.Repeats {
		return
	}
	v, diags := p.l.scope(i.Node).Judge(i.Node.Name, i.Key, i.Iter, ev.Outputs)
	switch {
	case diags.HasErrors():
		ev.Error = sdk.Refuse(diags.Error(), "")
	case v.Exhausted:
		ev.Error = sdk.Refuse("not good enough after "+strconv.Itoa(i.Iter)+" rounds",
			"raise max of its repeat block, or set on_exhausted = \"continue\" to take the last result")
	default:
		ev.Again = v.Again
		return
	}
	ev.Outputs, ev.OutputsRef = nil, ""
}

// end closes the run.
func (p *pass) end(c run.Command) {
	ev := run.Event{Kind: run.RunEnded, Status: c.Status, Error: c.Error}
	if c.Status == run.Succeeded {
		p.outputs(&p.l.state.Frame, &ev)
		if ev.Error != nil {
			ev.Status = run.Failed
		}
		if ev.OutputsRef != "" {
			ev.Outputs = nil // nothing in the run needs them any more
		}
	}
	p.add(ev)
}

// outputs evaluates what a run or a module gives.
func (p *pass) outputs(f *run.Frame, ev *run.Event) {
	scope := p.l.scopes.Of(f)
	if scope == nil {
		ev.Error = p.unentered(f)
		return
	}
	outputs, diags := scope.Outputs()
	if diags.HasErrors() {
		ev.Error = sdk.Refuse(diags.Error(), "")
		return
	}
	ref, err := p.e.spill(p.l, "outputs", outputs)
	if err != nil {
		ev.Error = sdk.AsError(err)
		return
	}
	ev.Outputs, ev.OutputsRef = outputs, ref
}
