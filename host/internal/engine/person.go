package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// What a person may say to a run. Each returns when it is durable.

// The errors of what a person says.
var (
	// ErrNotWaiting: the node does not wait for a person, or no longer.
	ErrNotWaiting = errors.New("it does not wait for a person")
	// ErrNodeEnded: the node or instance has ended.
	ErrNodeEnded = errors.New("the node has ended")
	// ErrNoNode: the run has no such node or instance.
	ErrNoNode = errors.New("no such node")
)

// tell makes a message of an event that is right whatever the run's state.
func tell(ev run.Event) told {
	return told{func(p *pass) error { p.add(ev); return nil }, make(chan error, 1)}
}

// ask has the run's driver say something and waits until that is durable.
func (e *Engine) ask(ctx context.Context, id run.ID, say func(*pass) error) error {
	l, err := e.advanced(ctx, id)
	if err != nil {
		return err
	}
	m := told{say, make(chan error, 1)}
	e.post(l, m)
	return await(ctx, m)
}

// Cancel asks a run to stop; it ends soon after.
func (e *Engine) Cancel(ctx context.Context, id run.ID, by, reason string) error {
	ev := run.Event{Kind: run.CancelRequested, Owner: by, Reason: reason}
	t := e.queue.take(id)
	if t == nil {
		return e.ask(ctx, id, func(p *pass) error { p.add(ev); return nil })
	}
	err := e.aside(ctx, id, ev, run.Event{Kind: run.RunEnded, Status: run.Cancelled})
	if err != nil {
		e.queue.push(t)
		return err
	}
	e.queue.settle(t)
	return nil
}

// CancelNode stops one node of a run, or one instance of it when at has a key. Its on_failure says what follows.
func (e *Engine) CancelNode(ctx context.Context, at sdk.Address, by, reason string) error {
	return e.ask(ctx, run.ID(at.Run), func(p *pass) error {
		in, step := run.Target(at)
		n := p.l.state.Find(in, run.IDOf(step))
		switch {
		case n == nil || !step.Key.IsZero() && n.Instance(step.Key) == nil:
			return fmt.Errorf("%s: %w", at, ErrNoNode)
		case n.State.Ended(), !step.Key.IsZero() && n.Instance(step.Key).State.Ended():
			return fmt.Errorf("%s: %w", at, ErrNodeEnded)
		}
		p.add(run.Event{Kind: run.CancelRequested, In: in, Node: n.Name, Key: step.Key, Owner: by, Reason: reason})
		return nil
	})
}

// Pause lets what is under way finish and begins nothing new until Continue.
func (e *Engine) Pause(ctx context.Context, id run.ID, by, reason string) error {
	return e.ask(ctx, id, func(p *pass) error {
		if p.l.state.Held {
			return fmt.Errorf("%s is paused already", id)
		}
		if reason == "" {
			reason = "a person paused it"
		}
		p.add(run.Event{Kind: run.RunPaused, Owner: by, Reason: reason})
		return nil
	})
}

// Continue ends a pause. What waits because it failed is tried again; what is in doubt goes on waiting.
func (e *Engine) Continue(ctx context.Context, id run.ID, by string) error {
	return e.ask(ctx, id, func(p *pass) error {
		if p.l.state.Status != run.Paused {
			return fmt.Errorf("%s is %s, not paused", id, p.l.state.Status)
		}
		p.add(run.Event{Kind: run.RunContinued, Owner: by})
		return nil
	})
}

// Answer answers a gate that is open. A form that does not fit is a pipeline.Diagnostics.
func (e *Engine) Answer(ctx context.Context, at sdk.Address, a pipeline.Answer) error {
	return e.ask(ctx, run.ID(at.Run), func(p *pass) error {
		i, err := p.waiting(at)
		if err != nil {
			return err
		}
		if !i.Node.Gate || i.Error != nil {
			return fmt.Errorf("%s: %w: it is no open gate", at, ErrNotWaiting)
		}
		outputs, diags := p.l.scope(i.Node).Answer(i.Node.Name, i.Key, a)
		if diags.HasErrors() {
			return diags
		}
		p.answer(i, outputs, a.By, a.Comment)
		return nil
	})
}

// Decision is a person's word on an instance that waits because it failed or is in doubt.
type Decision struct {
	What run.Decision
	// Inputs are set for this instance from now on, with run.Retry.
	Inputs sdk.Values
	// Outputs are its result, with run.Accept.
	Outputs    sdk.Values
	By, Reason string
}

// Decide settles an instance that waits because it failed or is in doubt.
func (e *Engine) Decide(ctx context.Context, at sdk.Address, d Decision) error {
	return e.ask(ctx, run.ID(at.Run), func(p *pass) error {
		i, err := p.waiting(at)
		if err != nil {
			return err
		}
		if i.Error == nil {
			return fmt.Errorf("%s: %w: it is a gate; approve or reject it", at, ErrNotWaiting)
		}
		ev := about(run.NodeDecided, i)
		ev.Decision, ev.Owner, ev.Reason = d.What, d.By, d.Reason
		switch d.What {
		case run.Retry:
			turn := turnOf(i)
			turn.Edits = d.Inputs
			if _, diags := p.l.scope(i.Node).Inputs(i.Node.Name, i.Key, turn); diags.HasErrors() {
				return diags
			}
			ev.Inputs = d.Inputs
		case run.Accept:
			if err := p.accept(i, d.Outputs, &ev); err != nil {
				return err
			}
		case run.Skip, run.GiveUp:
		default:
			return fmt.Errorf("unknown decision %q; decide retry, accept, skip or fail", d.What)
		}
		p.add(ev)
		return nil
	})
}

// accept takes outputs that a person gives for what a node should have.
func (p *pass) accept(i *run.Instance, outputs sdk.Values, ev *run.Event) error {
	if outputs == nil {
		outputs = sdk.Values{}
	}
	for _, v := range p.l.node(i.Node).Outputs().Check(outputs) {
		return fmt.Errorf("output %s: %s", v.Path, v.Message)
	}
	ref, err := p.e.spill(outputs)
	if err != nil {
		return err
	}
	ev.Outputs, ev.OutputsRef = outputs, ref
	if p.judge(i, ev); ev.Error != nil {
		return ev.Error
	}
	return nil
}

// waiting finds the instance that waits for a person at an address; the round may be left out.
func (p *pass) waiting(at sdk.Address) (*run.Instance, error) {
	in, step := run.Target(at)
	n := p.l.state.Find(in, run.IDOf(step))
	if n == nil || n.Instance(step.Key) == nil {
		if n != nil && n.State == run.NodePending {
			return nil, fmt.Errorf("%s: %w yet", at, ErrNotWaiting)
		}
		return nil, fmt.Errorf("%s: %w", at, ErrNoNode)
	}
	i := n.Instance(step.Key)
	if i.State != run.NodeWaiting {
		return nil, fmt.Errorf("%s: %w: it %s", at, ErrNotWaiting, i.State)
	}
	return i, nil
}
