package loop

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/slots"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// attempt is one task under way.
type attempt struct {
	e       *Loop
	l       *Live
	inst    *progress.Instance
	iter, n int // round and attempt
	at      slots.Place
	fresh   bool   // it wants a process of its own
	afar    bool   // it is carried out on another machine
	held    bool   // it was sent there before this host began
	key     string // of the flight that it is; empty: none
	task    sdk.Task
	node    *pipeline.Node
	idle    time.Duration
	ctx     context.Context
	cancel  context.CancelCauseFunc

	usage *sdk.Usage // what the executor says that it used

	mu    sync.Mutex
	known bool         // its start is durable: what it says may be heard
	early []sdk.Report // what it said before
}

// launch starts the task; its goroutine is counted in e.busy. Only a goroutine that is counted itself may call it.
func (a *attempt) launch() {
	a.e.Begin()
	a.e.crew.Go(a.run)
}

// durable is called once the attempt's start is in the journal.
func (a *attempt) durable() {
	if !a.at.Class.Ahead {
		a.known = true
		a.launch()
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = true
	for _, r := range a.early {
		a.e.cfg.Reports(a.task.Address, r)
	}
	a.early = nil
}

func (a *attempt) run() {
	defer a.e.Done()
	defer a.cancel(nil)
	ctx, stop := a.limits()
	if a.fresh { // what the attempt before left in the process may be what it ran out of
		ctx = exec.WithFresh(ctx)
	}
	if a.held {
		ctx = exec.WithHeld(ctx, a.at.Given.Agent, a.inst.Session)
	}
	res, err := a.execute(ctx, stop)
	stop.end()
	a.usage = a.usage.Add(moved(a.task.Inputs, res.Outputs))
	f := &finished{inst: a.inst, iter: a.iter, attempt: a.n, key: a.key, usage: a.usage}
	if a.left(ctx, err) {
		if errors.Is(context.Cause(ctx), exec.ErrTaken) {
			a.e.giveBack(a.at, nil)
		}
		a.e.turnAway(f, ErrClosed)
		return
	}
	if err != nil {
		f.err = explain(ctx, err)
	} else {
		f.outputs, f.ref, f.err = a.accept(res.Outputs)
	}
	if a.at.Class.Ahead && a.e.cfg.Now().Sub(a.at.Since) < keepSlot {
		f.slot = a.at.Since
	} else {
		a.e.giveBack(a.at, &placement.Went{Error: f.err, Usage: a.usage})
	}
	a.cancel(nil)
	if a.e.give(a.l, f) {
		a.e.drive(a.l) // nothing else is left to do here
	}
}

// moved is what an attempt has read and made of artifacts; nil: nothing.
func moved(inputs, outputs sdk.Values) *sdk.Usage {
	u := &sdk.Usage{Read: draft.Bytes(inputs), Made: draft.Bytes(outputs)}
	if u.Read == 0 && u.Made == 0 {
		return nil
	}
	return u
}

// limits gives the context that ends at the attempt's deadline, or when it says nothing for idle_timeout. On another machine
// the agent sees to that: here nothing is heard of the attempt while the network is down.
func (a *attempt) limits() (context.Context, *idleTimer) {
	t := &idleTimer{}
	ctx := a.ctx
	if a.afar {
		return exec.WithIdle(ctx, a.idle), t
	}
	if !a.task.Deadline.IsZero() {
		left := a.task.Deadline.Sub(a.task.Time)
		why := sdk.Error{Cause: sdk.CauseHung, Message: "it did not finish in time (" + left.Round(time.Millisecond).String() + ")",
			Hint: "raise timeout, or look at its log to see where it stands still"}
		ctx, t.stop = context.WithDeadlineCause(ctx, a.task.Deadline, &why)
	}
	if a.idle > 0 {
		t.after = a.idle
		t.timer = time.AfterFunc(a.idle, func() {
			a.cancel(&sdk.Error{Cause: sdk.CauseHung, Message: "it said nothing for " + a.idle.String(),
				Hint: "raise idle_timeout if the node may be silent for longer"})
		})
	}
	return ctx, t
}

type idleTimer struct {
	after time.Duration
	timer *time.Timer
	stop  context.CancelFunc
}

func (t *idleTimer) touch() {
	if t.timer != nil {
		t.timer.Reset(t.after)
	}
}

func (t *idleTimer) end() {
	if t.timer != nil {
		t.timer.Stop()
	}
	if t.stop != nil {
		t.stop()
	}
}

// reporter takes what the task says: checkpoints go to the journal, all else to whoever listens.
func (a *attempt) reporter(t *idleTimer) func(sdk.Report) {
	return func(r sdk.Report) {
		t.touch()
		if r.Kind == sdk.ReportUsage { // before Execute returns
			a.usage = a.usage.Add(r.Usage)
			return
		}
		if r.Kind == sdk.ReportCheckpoint {
			if most := sdk.MaxCheckpoint; len(r.Checkpoint) <= most || len(r.Checkpoint) <= 2*most && sdk.HasSealed(a.task.Inputs) { // sealed, it is longer
				a.e.Post(a.l, saved{a.inst, a.iter, a.n, r.Checkpoint})
				return
			}
			r = sdk.Report{Kind: sdk.ReportLog, Level: "warn", Message: "a checkpoint above 4 KiB was dropped"}
		}
		if a.e.cfg.Reports != nil {
			a.say(r)
		}
	}
}

// say passes a report on, in order, or holds it back until the attempt's start is durable.
func (a *attempt) say(r sdk.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.known {
		a.early = append(a.early, r)
		return
	}
	a.e.cfg.Reports(a.task.Address, r)
}

// explain says why the attempt ended badly. What the engine Told it to do goes before what the executor made of it.
func explain(ctx context.Context, err error) *sdk.Error {
	var Told, own *sdk.Error
	if !errors.As(context.Cause(ctx), &Told) {
		return sdk.AsError(err)
	}
	out := *Told
	if errors.As(err, &own) && own.Detail != "" {
		out.Detail = own.Detail
	}
	return &out
}

// accept checks outputs against what the node type promised, seals what is sensitive, and stores big ones apart.
func (a *attempt) accept(outputs sdk.Values) (kept sdk.Values, ref string, bad *sdk.Error) {
	if outputs == nil {
		outputs = sdk.Values{}
	}
	derived := sdk.HasSealed(a.task.Inputs)
	if sdk.HasSealed(outputs) {
		return nil, "", sdk.Refuse(a.task.Type+" returned a sealed value", "this is a defect of the node type; tell its author")
	}
	if v := a.node.CheckOutputs(outputs, derived); len(v) > 0 {
		var lines []string
		for _, x := range v {
			lines = append(lines, x.Path+": "+x.Message)
		}
		return nil, "", &sdk.Error{Cause: sdk.CauseFailed, Permanent: true,
			Message: a.task.Type + " returned outputs that do not fit its own schema: " + strings.Join(lines, "; "),
			Hint:    "this is a defect of the node type; tell its author"}
	}
	kept, err := a.node.Seal(outputs, derived, a.e.cfg.Drafts.Vault)
	if err == nil {
		ref, err = a.e.cfg.Drafts.Runs.Spill(a.l.Run, "outputs", kept)
	}
	if err != nil {
		return nil, "", sdk.AsError(err)
	}
	return kept, ref, nil
}
