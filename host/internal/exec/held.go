package exec

import "context"

type heldKey struct{}

// WithHeld says that an agent may hold this task already: it was sent there before this host began. It is asked for the
// task, which is not simply sent again. What it does with it counts: the result when it has ended. An agent that knows
// nothing of it has lost it, which is CauseLost.
func WithHeld(ctx context.Context, agent string) context.Context {
	return context.WithValue(ctx, heldKey{}, agent)
}

// Held gives the agent that may hold the task already.
func Held(ctx context.Context) (agent string, ok bool) {
	agent, ok = ctx.Value(heldKey{}).(string)
	return agent, ok
}
