package exec

import (
	"context"

	"github.com/myspinbot/spinbot/sdk"
)

// By has each task say what it is carried out with. describe may take its time, as long as its context lasts: it works beside the task, and
// what it gives is reported when the task has ended well.
func By(next Executor, describe func(ctx context.Context, t *sdk.Task) *sdk.Usage) Executor {
	return Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		looking, cancel := context.WithCancel(ctx)
		defer cancel()
		found := make(chan *sdk.Usage, 1)
		go func() { found <- describe(looking, t) }()
		res, err := next.Execute(ctx, t)
		if err != nil {
			cancel()
		}
		if used := <-found; used != nil {
			t.Report(sdk.Report{Kind: sdk.ReportUsage, Usage: used})
		}
		return res, err
	})
}
