package exec

import (
	"context"
	"errors"

	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/sdk"
)

// Leaser holds devices for tasks.
type Leaser interface {
	// Lease waits until the task has what it was promised, and makes room for it. held ends, with an *sdk.Error as its
	// cause, when the task has to stop because of its devices. release gives them back, and says what the task used of them.
	// A task that asks for nothing has no release.
	Lease(ctx context.Context, t *sdk.Task) (held context.Context, release func(error) *sdk.Usage, err error)
}

// Lease carries out each task while it holds its devices. It stands inside Stage, so that files are there before devices are
// held, and around the executors that use devices.
func Lease(next Executor, l Leaser) Executor {
	return Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		_, s := span.Start(ctx, "lease")
		held, release, err := l.Lease(ctx, t)
		if err != nil || release == nil {
			if err != nil {
				s.End(err)
				return sdk.Result{}, err
			}
			return next.Execute(ctx, t) // it asks for nothing: there is no such span
		}
		s.End(nil)
		res, err := next.Execute(held, t)
		if why := lost(ctx, held); err != nil && why != nil {
			why.Detail = err.Error()
			err = why
		}
		if used := release(err); used != nil {
			t.Report(sdk.Report{Kind: sdk.ReportUsage, Usage: used})
		}
		return res, err
	})
}

// lost says why a lease ended that nobody above had ended; nil: it did not.
func lost(ctx, held context.Context) *sdk.Error {
	var why *sdk.Error
	if ctx.Err() != nil || held.Err() == nil || !errors.As(context.Cause(held), &why) {
		return nil
	}
	c := *why
	return &c
}
