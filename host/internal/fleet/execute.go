package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
)

// wait is somebody who waits for an attempt.
type wait struct {
	done   chan protocol.Result
	report func(sdk.Report)
}

// Execute has an agent carry out an attempt. whole says whether what belongs to a result has arrived. When ctx ends the attempt
// is stopped, unless it is let go.
func (h *Host) Execute(ctx context.Context, a protocol.Attempt, report func(sdk.Report), whole func(protocol.Result) bool) (protocol.Result, error) {
	id := a.ID
	if a.Body != nil && !json.Valid(a.Body) { // its agent could not read it, and would be sent it again and again
		return protocol.Result{}, sdk.Permanent(fmt.Errorf("the task for agent %s is no JSON", a.Agent))
	}
	if !a.Held && ctx.Err() != nil { // what is sent to be stopped at once may be done before that
		return protocol.Result{}, stopped(context.Cause(ctx))
	}
	w := &wait{done: make(chan protocol.Result, 1), report: report}
	h.mu.Lock()
	h.waits[id] = w
	if t := (protocol.Task{ID: id, Body: a.Body}); a.Held {
		h.end.Attach(a.Agent, a.Session, t)
	} else {
		h.end.Dispatch(a.Agent, t)
	}
	h.act()
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		if h.waits[id] == w { // else somebody else waits for it by now
			delete(h.waits, id)
		}
		h.mu.Unlock()
	}()
	return h.await(ctx, w, id, whole)
}

// asksAgain is how often an agent is asked for what is missing of a result.
const asksAgain = 3

func (h *Host) await(ctx context.Context, w *wait, id string, whole func(protocol.Result) bool) (protocol.Result, error) {
	over := ctx.Done()
	var late <-chan time.Time
	for again := 0; ; {
		select {
		case r := <-w.done:
			switch {
			case r.Error != nil || whole(r):
				return r, nil
			case again == asksAgain:
				return r, sdk.Fail("its artifacts did not arrive though its agent was asked for them again", "look at the log of agent "+r.Agent)
			}
			again++
			h.mu.Lock()
			h.end.Reopen(id)
			h.act()
			h.mu.Unlock()
		case <-over:
			why := context.Cause(ctx)
			if errors.Is(why, exec.ErrTaken) {
				h.mu.Lock()
				h.end.Release(id)
				h.act()
				h.mu.Unlock()
			}
			if errors.Is(why, exec.ErrLetGo) {
				return protocol.Result{}, why
			}
			h.stop(id, why)
			timer := time.NewTimer(h.pace.Grace)
			defer timer.Stop()
			over, late = nil, timer.C
		case <-late:
			h.mu.Lock()
			h.end.Abandon(id)
			h.mu.Unlock()
			return protocol.Result{}, fmt.Errorf("%w; its agent did not confirm within %s that it has stopped, and does so when it hears of it", context.Cause(ctx), h.pace.Grace)
		}
	}
}

func (h *Host) stop(id string, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Stop(id, stopped(why))
	h.act()
}

// stopped is how an attempt ends whose context did.
func stopped(why error) *sdk.Error {
	e := &sdk.Error{Cause: sdk.CauseCancelled, Message: why.Error()}
	if errors.Is(why, context.DeadlineExceeded) {
		e.Cause = sdk.CauseHung
	}
	_ = errors.As(why, &e)
	return e
}

// Session gives the newest known process of an agent; empty: none is.
func (h *Host) Session(agent string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.end.Session(agent)
}

// Committed says that the end of an attempt is durable.
func (h *Host) Committed(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Committed(id)
	h.act()
}

// Seal seals something for an agent.
func (h *Host) Seal(agent string, purpose, plain []byte) ([]byte, error) {
	h.mu.Lock()
	key := ""
	if m := h.members[agent]; m != nil {
		key = m.Key
	}
	h.mu.Unlock()
	if key == "" {
		return nil, fmt.Errorf("nobody knows the key of agent %s, for which it has to be sealed", agent)
	}
	return seal.Seal(key, purpose, plain)
}
