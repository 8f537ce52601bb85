package engine

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/loop"
	"github.com/myspinbot/spinbot/sdk"
)

// What a person may say to a run. Each returns when it is durable.

// The errors of what a person says.
var (
	// ErrNotWaiting: the node does not wait for a person, or no longer.
	ErrNotWaiting = draft.ErrNotWaiting
	// ErrNodeEnded: the node or instance has ended.
	ErrNodeEnded = draft.ErrNodeEnded
	// ErrNoNode: the run has no such node or instance.
	ErrNoNode = draft.ErrNoNode
)

// Decision is a person's word on an instance that waits because it failed or is in doubt.
type Decision = draft.Decision

// ask has the run's driver say something and waits until that is durable.
func (e *Engine) ask(ctx context.Context, id run.ID, say func(*loop.Pass) error) error {
	l, err := e.advanced(ctx, id)
	if err != nil {
		return err
	}
	m := loop.Say(say)
	e.loop.Post(l, m)
	return m.Await(ctx)
}

// Cancel asks a run to stop; it ends soon after.
func (e *Engine) Cancel(ctx context.Context, id run.ID, by, reason string) error {
	ev := run.Event{Kind: run.CancelRequested, Owner: by, Reason: reason}
	t := e.queue.Take(id)
	if t == nil {
		return e.ask(ctx, id, func(p *loop.Pass) error { p.Add(ev); return nil })
	}
	err := e.record(ctx, id, ev, run.Event{Kind: run.RunEnded, Status: run.Cancelled})
	if err != nil {
		e.queue.Push(t)
		return err
	}
	e.queue.Settle(t)
	return nil
}

// CancelNode stops one node of a run, or one instance of it when at has a key. Its on_failure says what follows.
func (e *Engine) CancelNode(ctx context.Context, at sdk.Address, by, reason string) error {
	return e.ask(ctx, run.ID(at.Run), func(p *loop.Pass) error { return p.CancelNode(at, by, reason) })
}

// Pause lets what is under way finish and begins nothing new until Continue.
func (e *Engine) Pause(ctx context.Context, id run.ID, by, reason string) error {
	return e.ask(ctx, id, func(p *loop.Pass) error { return p.Pause(by, reason) })
}

// Continue ends a pause. What waits because it failed is tried again; what is in doubt goes on waiting.
func (e *Engine) Continue(ctx context.Context, id run.ID, by string) error {
	e.renew(ctx, id)
	return e.ask(ctx, id, func(p *loop.Pass) error { return p.Continue(by) })
}

// Answer answers a gate that is open. A form that does not fit is a diagnostic.Diagnostics.
func (e *Engine) Answer(ctx context.Context, at sdk.Address, a eval.Answer) error {
	if sdk.HasSealed(a.Form) {
		return errSealed
	}
	return e.ask(ctx, run.ID(at.Run), func(p *loop.Pass) error { return p.Reply(at, a) })
}

// Decide settles an instance that waits because it failed or is in doubt.
func (e *Engine) Decide(ctx context.Context, at sdk.Address, d Decision) error {
	if sdk.HasSealed(d.Inputs) || sdk.HasSealed(d.Outputs) {
		return errSealed
	}
	e.renew(ctx, run.ID(at.Run))
	return e.ask(ctx, run.ID(at.Run), func(p *loop.Pass) error { return p.Decide(at, d) })
}
