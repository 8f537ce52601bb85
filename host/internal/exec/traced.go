package exec

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/sdk"
)

// Traced makes a span of each task that is carried out, called by what does it ("plugin", "wasm", "agent"), and tells the task of it.
// Where nothing is traced it passes everything on.
func Traced(by string, next Executor) Executor {
	return Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
		if !span.On(ctx) {
			return next.Execute(ctx, t)
		}
		ctx, s := span.Start(ctx, by+" "+t.Type)
		s.Call()
		s.Set(trace.Attr{Key: trace.KeyType, Value: t.Type})
		inner := *t
		inner.TraceParent = span.TraceParent(ctx)
		res, err := next.Execute(ctx, &inner)
		s.End(err)
		return res, err
	})
}
