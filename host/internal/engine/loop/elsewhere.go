package loop

import (
	"context"
	"errors"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/reuse"
	"github.com/myspinbot/spinbot/host/internal/engine/slots"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// elsewhere says whether an agent is on another machine.
func (e *Loop) elsewhere(agent string) bool {
	return agent != "" && e.cfg.Placer != nil && e.cfg.Elsewhere != nil && e.cfg.Elsewhere(agent)
}

// recover goes on with what was under way when the host stopped. Attempts on this machine have ended with it. Those on
// another go on there, or their results wait: they are asked for, and no event tells of that.
func (p *Pass) recover() {
	for _, i := range p.State.Interrupted() {
		why := &sdk.Error{Cause: sdk.CauseLost, Message: "the host stopped while it ran"}
		if p.e.elsewhere(i.Agent) {
			err := p.attach(i)
			if err == nil {
				continue
			}
			why.Message += ", and it cannot be asked for: " + err.Error()
		}
		ev := draft.About(run.AttemptEnded, i)
		ev.Attempt, ev.Error = i.Attempt, why
		if p.e.cfg.Lived != nil {
			ev.Lived = p.e.cfg.Lived(p.l.ID)
		}
		p.Add(ev)
	}
}

// attach takes up an attempt that an agent on another machine holds, as it was: only its inputs are evaluated anew.
func (p *Pass) attach(i *progress.Instance) error {
	if p.Scope(i.Node) == nil {
		return p.Unentered(i.Node.Frame)
	}
	inputs, diags := p.Inputs(i)
	if diags.HasErrors() {
		return diags
	}
	n, l, e := p.Node(i.Node), p.l, p.e
	at := slots.Place{Inst: i, ID: l.State.Address(i).String(), Priority: l.State.Priority + n.Priority,
		Given: placement.Given{Agent: i.Agent, Devices: i.Devices, Memory: i.Memory}}
	d, _ := n.Wants(inputs)
	w := p.asks(i, n, d, at.ID, at.Priority, inputs)
	w.Held = &at.Given
	e.cfg.Placer.Want(w, func(placement.Given) {}, func() { e.Post(l, yielded{i, at.ID}) })
	a := p.newAttempt(at, inputs)
	a.held = true
	if p.reuses(n) {
		if _, key, _ := p.known(i, n, inputs); key != "" && e.flights.Enter(key, reuse.Flown[*Live]{Of: l, Run: l.ID, Inst: i}) {
			a.key = key
		}
	}
	p.starts = append(p.starts, a)
	return nil
}

// LetGo has another host go on with a run, as the store says: what is under way for it here is stopped, on other machines it
// goes on, and nothing more is recorded. It returns when the run is not here any more, as at once when it was not.
func (e *Loop) LetGo(ctx context.Context, id run.ID, why error) error {
	l := e.Find(id)
	if l == nil {
		return nil
	}
	e.Post(l, leaving{why})
	select {
	case <-l.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *Loop) left(id run.ID) {
	if e.cfg.Left != nil {
		e.cfg.Left(id)
	}
}

// leave ends an attempt whose run is let go: on another machine it goes on.
func (a *attempt) leave(why error) {
	switch {
	case !a.afar:
		a.cancel(ErrClosed)
	case errors.Is(why, store.ErrNotOwned):
		a.cancel(exec.ErrTaken)
	default:
		a.cancel(exec.ErrLetGo)
	}
}

// execute has the task carried out. One that was to be sent away by a host that stops is not sent.
func (a *attempt) execute(ctx context.Context, t *idleTimer) (sdk.Result, error) {
	if !a.held && errors.Is(context.Cause(ctx), exec.ErrLetGo) {
		return sdk.Result{}, &sdk.Error{Cause: sdk.CauseDrained, Message: "the host shut down"}
	}
	return a.e.cfg.Executor.Execute(ctx, a.task.WithReporter(a.reporter(t)))
}

// left says that the attempt goes on on another machine, and this host does not wait for it any more. It keeps its devices,
// unless another host waits for it: then they are that one's to book.
func (a *attempt) left(ctx context.Context, err error) bool {
	var why *sdk.Error
	return err != nil && errors.Is(context.Cause(ctx), exec.ErrLetGo) && (!errors.As(err, &why) || why.Cause != sdk.CauseDrained)
}
