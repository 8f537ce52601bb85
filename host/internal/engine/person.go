package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
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
	err := e.record(ctx, id, ev, run.Event{Kind: run.RunEnded, Status: run.Cancelled})
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
	e.renew(ctx, id)
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
	if sdk.HasSealed(a.Form) {
		return errSealed
	}
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
	if sdk.HasSealed(d.Inputs) || sdk.HasSealed(d.Outputs) {
		return errSealed
	}
	e.renew(ctx, run.ID(at.Run))
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
			if diags := p.wouldBegin(i, d.Inputs); diags.HasErrors() {
				return diags
			}
			if ev.Inputs, err = p.l.scope(i.Node).SealEdits(i.Node.Name, i.Key, d.Inputs); err != nil {
				return err
			}
			if len(ev.Inputs) == 0 {
				break
			}
			ev.Inputs = edited(i, ev.Inputs)
			if ev.InputsRef, err = p.e.spill(p.l, "inputs", ev.Inputs); err != nil {
				return err
			}
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

// wouldBegin says what is wrong with inputs that a person sets.
func (p *pass) wouldBegin(i *run.Instance, inputs sdk.Values) (diags pipeline.Diagnostics) {
	turn, scope := scopes.Turn(i), p.l.scope(i.Node)
	turn.Edits = edited(i, inputs)
	if i.Node.Module != nil {
		_, diags = scope.Enter(i.Node.Name, i.Key, turn)
	} else {
		_, diags = scope.Inputs(i.Node.Name, i.Key, turn)
	}
	return diags
}

// edited gives all that a person has set for an instance, with what is set now.
func edited(i *run.Instance, inputs sdk.Values) sdk.Values {
	all := sdk.Values{}
	maps.Copy(all, i.Edits)
	maps.Copy(all, inputs)
	return all
}

// accept takes outputs that a person gives for what a node should have.
func (p *pass) accept(i *run.Instance, outputs sdk.Values, ev *run.Event) error {
	if outputs == nil {
		outputs = sdk.Values{}
	}
	n, derived := p.l.node(i.Node), p.l.scope(i.Node).Derives(i.Node.Name, i.Key)
	for _, v := range n.CheckOutputs(outputs, derived) {
		return fmt.Errorf("output %s: %s", v.Path, v.Message)
	}
	outputs, err := n.Seal(outputs, derived, p.e.sealer())
	if err != nil {
		return err
	}
	ref, err := p.e.spill(p.l, "outputs", outputs)
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
	if p.l.scope(n) == nil {
		return nil, p.unentered(n.Frame)
	}
	if i.State != run.NodeWaiting {
		return nil, fmt.Errorf("%s: %w: it %s", at, ErrNotWaiting, i.State)
	}
	return i, nil
}
