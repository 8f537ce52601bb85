package engine

import (
	"context"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// do carries out one command, as far as it can be before the events are durable.
func (p *pass) do(c run.Command) {
	switch c.Op {
	case run.OpExpand:
		p.expand(c.Node)
	case run.OpSkip:
		p.add(run.Event{Kind: run.NodeExpanded, Node: c.Node.Name, Skip: true, Reason: c.Reason})
	case run.OpDispatch:
		p.dispatch(c.Instance)
	case run.OpCancel:
		p.stop(c.Instance)
	case run.OpExpire:
		p.add(run.Event{Kind: run.DeadlinePassed})
	case run.OpEnd:
		p.end(c)
	}
}

func (p *pass) expand(n *run.Node) {
	x, diags := p.l.scope.Expand(n.Name)
	switch {
	case diags.HasErrors():
		p.add(run.Event{Kind: run.NodeFailedEvent, Node: n.Name, Error: sdk.Refuse(diags.Error(), "")})
	case x.Skip:
		p.add(run.Event{Kind: run.NodeExpanded, Node: n.Name, Skip: true, Reason: "when is false"})
	default:
		p.add(run.Event{Kind: run.NodeExpanded, Node: n.Name, Each: x.Each, Map: x.Map, Keys: x.Keys})
	}
}

// dispatch starts the instance when there is room, else queues it.
func (p *pass) dispatch(i *run.Instance) {
	at := place{i, p.e.classOf(p.l, i)}
	if p.e.slots.acquire(p.l, at) {
		p.start(at)
	}
}

func (e *Engine) classOf(l *live, i *run.Instance) class {
	n, _ := l.pipe.Node(i.Node.Name)
	if e.cfg.RunsAhead(n.Type) {
		return class{ahead: true}
	}
	if n.Type.Concurrency > 0 {
		return class{nodeType: n.Type.Name, limit: n.Type.Concurrency}
	}
	return class{}
}

// start begins an attempt of an instance that holds a slot, or gives the slot back.
func (p *pass) start(at place) {
	if !p.began(at) {
		p.e.slots.release(at.class)
	}
}

func (p *pass) began(at place) bool {
	i, s := at.inst, p.l.state
	if s.Status != run.Running || s.Stopping() || i.State != run.NodeReady && i.State != run.NodeBackoff {
		return false
	}
	inputs, diags := p.l.scope.Inputs(i.Node.Name, i.Key)
	if diags.HasErrors() {
		p.add(run.Event{Kind: run.NodeFailedEvent, Node: i.Node.Name, Key: i.Key, Error: sdk.Refuse(diags.Error(), "")})
		return false
	}
	p.add(run.Event{Kind: run.AttemptStarted, Node: i.Node.Name, Key: i.Key, Attempt: i.Attempt + 1,
		Seed: seedOf(s.Seed, i), Deadline: p.deadline(i)})
	if i.State != run.NodeRunning {
		return false
	}
	a := p.newAttempt(at, inputs)
	p.starts = append(p.starts, a)
	if at.class.ahead {
		a.launch()
	}
	return true
}

// deadline is the sooner of the attempt's and the run's.
func (p *pass) deadline(i *run.Instance) time.Time {
	at := after(p.now, i.Node.Timeout)
	if whole := p.l.state.Deadline; at.IsZero() || !whole.IsZero() && whole.Before(at) {
		return whole
	}
	return at
}

// seedOf derives an attempt's seed from the run's: the same at every attempt of the instance.
func seedOf(seed uint64, i *run.Instance) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatUint(seed, 36) + "/" + i.Node.Name + i.Key.String())) // never fails
	return h.Sum64() >> 1
}

func (p *pass) newAttempt(at place, inputs sdk.Values) *attempt {
	i, s := at.inst, p.l.state
	n, _ := p.l.pipe.Node(i.Node.Name)
	a := &attempt{e: p.e, l: p.l, inst: i, n: i.Attempt, class: at.class, outputs: &n.Type.Outputs, idle: n.IdleTimeout}
	a.task = sdk.Task{Address: s.Address(i), Type: n.Type.Name, Inputs: inputs, Time: s.Updated, Seed: i.Seed,
		Deadline: i.Deadline, Owner: s.Owner, Pipeline: s.Digest, Checkpoint: i.Checkpoint}
	a.ctx, a.cancel = context.WithCancelCause(p.e.tasks)
	p.l.attempts[i] = a
	return a
}

func (p *pass) stop(i *run.Instance) {
	a := p.l.attempts[i]
	if a == nil {
		return
	}
	why := &sdk.Error{Cause: sdk.CauseCancelled, Message: "the run was cancelled"}
	if p.l.state.Expired {
		why = &sdk.Error{Cause: sdk.CauseHung, Message: "the run's timeout passed"}
	}
	p.stops = append(p.stops, func() { a.cancel(why) })
}

// finish records how an attempt ended.
func (p *pass) finish(m finished) {
	if a := p.l.attempts[m.inst]; a != nil && a.n == m.attempt {
		delete(p.l.attempts, m.inst)
	}
	ev := run.Event{Kind: run.AttemptEnded, Node: m.inst.Node.Name, Key: m.inst.Key, Attempt: m.attempt, Error: m.err, OutputsRef: m.ref}
	if m.err == nil {
		ev.Outputs = m.outputs
	}
	p.add(ev)
}

// end closes the run.
func (p *pass) end(c run.Command) {
	ev := run.Event{Kind: run.RunEnded, Status: c.Status, Error: c.Error}
	if c.Status == run.Succeeded {
		outputs, diags := p.l.scope.Outputs()
		if diags.HasErrors() {
			ev.Status, ev.Error = run.Failed, sdk.Refuse(diags.Error(), "")
		} else if ref, err := p.e.spill(outputs); err != nil {
			ev.Status, ev.Error = run.Failed, sdk.AsError(err)
		} else if ref != "" {
			ev.OutputsRef = ref
		} else {
			ev.Outputs = outputs
		}
	}
	p.add(ev)
	p.head = true
}
