package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

type idleKey struct{}

// WithIdle sets how long a task may go without a report under Deadline; zero: as long as it likes.
func WithIdle(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, idleKey{}, d)
}

// Idle gives what WithIdle set.
func Idle(ctx context.Context) (d time.Duration, set bool) {
	d, set = ctx.Value(idleKey{}).(time.Duration)
	return d, set
}

// Deadline ends a task that is past its Deadline, or that has reported nothing for the idle timeout: idle gives a
// node type's own, WithIdle a task's. Either is CauseHung. A result that comes although time was up counts.
// idle may be nil. A task that has neither passes straight through.
func Deadline(next Executor, idle func(nodeType string) time.Duration) Executor {
	return Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		limit, set := Idle(ctx)
		if !set && idle != nil {
			limit = idle(t.Type)
		}
		if limit <= 0 && t.Deadline.IsZero() {
			return next.Execute(ctx, t)
		}
		return timed(ctx, next, t, limit)
	})
}

func timed(ctx context.Context, next Executor, t *sdk.Task, limit time.Duration) (sdk.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	inner := t
	if !t.Deadline.IsZero() {
		timer := time.AfterFunc(time.Until(t.Deadline), func() { cancel(pastDeadline(t)) })
		defer timer.Stop()
	}
	if limit > 0 {
		timer := time.AfterFunc(limit, func() { cancel(silent(limit)) })
		defer timer.Stop()
		inner = t.WithReporter(func(r sdk.Report) {
			timer.Reset(limit)
			t.Report(r)
		})
	}
	res, err := next.Execute(ctx, inner)
	var hung *sdk.Error
	if err != nil && errors.As(context.Cause(ctx), &hung) && hung.Cause == sdk.CauseHung {
		if hung.Detail = err.Error(); errors.Is(err, hung) {
			hung.Detail = ""
		}
		return sdk.Result{}, hung
	}
	return res, err
}

func pastDeadline(t *sdk.Task) error {
	e := &sdk.Error{Cause: sdk.CauseHung, Message: "was not done by its deadline, " + t.Deadline.Format(time.DateTime),
		Hint: "give the node a longer timeout"}
	if !t.Time.IsZero() && t.Deadline.After(t.Time) {
		e.Message = fmt.Sprintf("was not done after %v", t.Deadline.Sub(t.Time).Round(time.Millisecond))
	}
	return e
}

func silent(limit time.Duration) error {
	return &sdk.Error{Cause: sdk.CauseHung, Message: fmt.Sprintf("said nothing for %v", limit),
		Hint: "if it works that long in silence, give the node a longer idle_timeout"}
}
