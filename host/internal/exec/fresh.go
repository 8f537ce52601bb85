package exec

import "context"

type freshKey struct{}

// WithFresh asks for a process in which no task has run yet, as a degrade rung does: what an earlier task left in it
// cannot be in the way. A warm process of the same plugin and devices is ended first, once its tasks have; without devices
// it ends beside the new one. Executors without processes pay no heed.
func WithFresh(ctx context.Context) context.Context { return context.WithValue(ctx, freshKey{}, true) }

// Fresh says whether a fresh process was asked for.
func Fresh(ctx context.Context) bool {
	fresh, _ := ctx.Value(freshKey{}).(bool)
	return fresh
}
