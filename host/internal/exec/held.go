package exec

import (
	"context"
	"errors"
	"fmt"
)

type heldKey struct{}

// WithHeld says that an agent may hold this task already: it was sent there before this host began. It is asked for the
// task, which is not simply sent again. What it does with it counts: the result when it has ended. An agent that knows
// nothing of it has lost it, which is CauseLost.
func WithHeld(ctx context.Context, agent string) context.Context {
	return context.WithValue(ctx, heldKey{}, agent)
}

// ErrLetGo is the cause of a task's ctx when the host goes away while an agent on another machine works at it. The task is not
// to be stopped: it goes on there, and its result is asked for later, with WithHeld. Whatever Execute returns then counts for
// nothing, but for a result, and for an *sdk.Error whose cause is CauseDrained: the task was not sent yet.
var ErrLetGo = errors.New("the host has let go of the task, which goes on where it is")

// ErrTaken is an ErrLetGo of a host that stays: another host waits for the task from now on, and this one never will.
var ErrTaken = fmt.Errorf("another host waits for the task: %w", ErrLetGo)

// Held gives the agent that may hold the task already.
func Held(ctx context.Context) (agent string, ok bool) {
	agent, ok = ctx.Value(heldKey{}).(string)
	return agent, ok
}
