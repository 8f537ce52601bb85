package exec

import (
	"context"
	"errors"
	"fmt"
)

type heldKey struct{}

type held struct{ agent, session string }

// WithHeld says that an agent may hold this task already: before this host began it was to be sent to that agent's process of
// this session; empty: nobody knows which it was. It is asked for the task, which is not simply sent again. What it does with
// it counts: the result when it has ended. A process that has never seen it gets it, since its host died too early; one that
// began later has lost it, which is CauseLost.
func WithHeld(ctx context.Context, agent, session string) context.Context {
	return context.WithValue(ctx, heldKey{}, held{agent, session})
}

// ErrLetGo is the cause of a task's ctx when the host goes away while an agent on another machine works at it. The task is not
// to be stopped: it goes on there, and its result is asked for later, with WithHeld. Whatever Execute returns then counts for
// nothing, but for a result, and for an *sdk.Error whose cause is CauseDrained: the task was not sent yet.
var ErrLetGo = errors.New("the host has let go of the task, which goes on where it is")

// ErrTaken is an ErrLetGo of a host that stays: another host waits for the task from now on, and this one never will.
var ErrTaken = fmt.Errorf("another host waits for the task: %w", ErrLetGo)

// Held gives the agent that may hold the task already, and the session of its process that should.
func Held(ctx context.Context) (agent, session string, ok bool) {
	h, ok := ctx.Value(heldKey{}).(held)
	return h.agent, h.session, ok
}
