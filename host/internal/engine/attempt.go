package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// attempt is one task under way.
type attempt struct {
	e       *Engine
	l       *live
	inst    *run.Instance
	n       int
	class   class
	task    sdk.Task
	outputs *sdk.Schema
	idle    time.Duration
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

func (a *attempt) launch() { go a.run() }

func (a *attempt) run() {
	defer a.e.busy.Done()
	defer a.cancel(nil)
	ctx, stop := a.limits()
	res, err := a.e.cfg.Executor.Execute(ctx, a.task.WithReporter(a.reporter(stop)))
	stop.end()
	f := finished{inst: a.inst, attempt: a.n, at: a.e.cfg.Now(), outputs: res.Outputs}
	switch {
	case err != nil:
		f.err = a.explain(ctx, err)
	default:
		f.ref, f.err = a.accept(res)
	}
	a.e.slots.release(a.class, a.e.post)
	a.e.post(a.l, f)
}

// limits gives the context that ends at the attempt's deadline, or when it says nothing for idle_timeout.
func (a *attempt) limits() (context.Context, *idleTimer) {
	t := &idleTimer{}
	ctx := a.ctx
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

// reporter forwards reports: to whoever listens, to the ring, and checkpoints to the journal.
func (a *attempt) reporter(t *idleTimer) func(sdk.Report) {
	return func(r sdk.Report) {
		t.touch()
		if r.Kind == sdk.ReportCheckpoint {
			if len(r.Checkpoint) <= sdk.MaxCheckpoint {
				a.e.post(a.l, saved{a.inst, a.n, r.Checkpoint})
				return
			}
			r = sdk.Report{Kind: sdk.ReportLog, Level: "warn", Message: "a checkpoint above 4 KiB was dropped"}
		}
		a.e.rings.add(a.task.Address, r, a.e.cfg.Now())
		if a.e.cfg.Reports != nil {
			a.e.cfg.Reports(a.task.Address, r)
		}
	}
}

// explain says why the attempt ended badly. What the engine told it to do goes before what the executor made of it.
func (a *attempt) explain(ctx context.Context, err error) *sdk.Error {
	var told *sdk.Error
	if cause := context.Cause(ctx); cause != nil && errors.As(cause, &told) {
		out := *told
		var own *sdk.Error
		if errors.As(err, &own) && own.Detail != "" {
			out.Detail = own.Detail
		}
		return &out
	}
	if a.e.tasks.Err() != nil {
		return &sdk.Error{Cause: sdk.CauseDrained, Message: "the host shut down"}
	}
	return sdk.AsError(err)
}

// accept checks a result against what the node type promised and stores big outputs apart.
func (a *attempt) accept(res sdk.Result) (ref string, bad *sdk.Error) {
	if res.Outputs == nil {
		res.Outputs = sdk.Values{}
	}
	if v := a.outputs.Check(res.Outputs); len(v) > 0 {
		var lines []string
		for _, x := range v {
			lines = append(lines, x.Path+": "+x.Message)
		}
		return "", &sdk.Error{Cause: sdk.CauseFailed, Permanent: true,
			Message: a.task.Type + " returned outputs that do not fit its own schema: " + strings.Join(lines, "; "),
			Hint:    "this is a defect of the node type; tell its author"}
	}
	ref, err := a.e.spill(res.Outputs)
	if err != nil {
		return "", sdk.AsError(err)
	}
	return ref, nil
}
