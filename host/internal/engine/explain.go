package engine

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/explain"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk"
)

// Explain says why a run, and what in it has not ended well, stands where it stands. node chooses what is explained;
// nil: the run and everything that is under way, waits or failed.
func (e *Engine) Explain(ctx context.Context, id run.ID, node func(sdk.Address) bool) ([]explain.Explanation, error) {
	l, err := e.runs.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	out := explain.Run(l.State, e.cfg.Now(), node, func(i *progress.Instance) string { return e.loop.Why(l, i) })
	if why := e.queue.Why(id); why != "" && node == nil {
		out[0].Why = why
		return out, nil
	}
	if e.loop.Find(id) == nil && !l.State.Status.Ended() && node == nil {
		out[0].Why, out[0].Next = "no process advances it", "spinbot resume "+string(id)+" goes on"
	}
	return out, nil
}
