package remoteexec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	keys "github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
)

// asksAgain is how often line asks for a result again, as fleet does.
const asksAgain = 3

// line is a Link in memory. Everything crosses it as JSON, and it remembers that.
type line struct {
	rig    *rig
	server *Server
	// lose says whether a result's artifacts get lost on their way, the nth time that they are brought; nil: never.
	lose func(n int) bool
	// spoil changes what arrives at the agent; nil: nothing.
	spoil func(*protocol.Task)

	mu      sync.Mutex
	crossed []byte
	sent    []protocol.Task
	asked   int               // for results again
	kept    map[string][]byte // results that the agent keeps, by attempt
}

// cross brings something to the other end.
func cross[T any](l *line, x T) (out T) {
	raw, err := json.Marshal(x)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		l.rig.t.Errorf("%T does not cross: %v", x, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.crossed = append(append(l.crossed, raw...), '\n')
	return out
}

// saw gives all that has crossed.
func (l *line) saw() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.crossed
}

// Seal implements Link.
func (l *line) Seal(agent string, purpose, plain []byte) ([]byte, error) {
	if agent != box2 {
		return nil, fmt.Errorf("nobody knows the key of agent %s", agent)
	}
	return keys.Seal(l.rig.agentKey.Public(), purpose, plain)
}

// lives is the session of the agent's process.
const lives = "2"

// Run implements Link.
func (l *line) Run(ctx context.Context, a protocol.Attempt, report func(sdk.Report), whole func(protocol.Result) bool) (protocol.Result, error) {
	id := a.ID
	if _, known := l.result(id); !a.Held || !known && a.Body != nil && a.Session == lives {
		l.carry(ctx, cross(l, protocol.Task{ID: id, Host: box1, Body: a.Body}), report)
	}
	if why := context.Cause(ctx); errors.Is(why, exec.ErrLetGo) {
		return protocol.Result{}, why
	}
	for again := 0; ; again++ {
		r, ok := l.result(id)
		if !ok {
			return r, &sdk.Error{Cause: sdk.CauseLost, Message: "its agent knows nothing of it"}
		}
		l.bring(again, r.Artifacts)
		switch {
		case r.Error != nil || whole(r):
			return r, nil
		case again == asksAgain:
			return r, sdk.Fail("its artifacts did not arrive though its agent was asked for them again", "")
		}
		l.mu.Lock()
		l.asked++
		l.mu.Unlock()
	}
}

// carry is the agent's end: nothing of ctx gets there but that it has ended.
func (l *line) carry(ctx context.Context, task protocol.Task, report func(sdk.Report)) {
	if l.spoil != nil {
		l.spoil(&task)
	}
	l.mu.Lock()
	l.sent = append(l.sent, task)
	l.mu.Unlock()
	working, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(cross(l, told(context.Cause(ctx)))) })()
	if ctx.Err() != nil {
		stop(cross(l, told(context.Cause(ctx))))
	}
	r := l.server.Run(working, task, func(r sdk.Report) { report(cross(l, r)) })
	r.ID, r.Agent = task.ID, box2
	cross(l, r)
	raw, err := json.Marshal(r)
	if err != nil {
		l.rig.t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept[task.ID] = raw
}

// told is what a host tells an agent of why an attempt has to end.
func told(why error) *sdk.Error {
	e := &sdk.Error{Cause: sdk.CauseCancelled, Message: why.Error()}
	if errors.Is(why, context.DeadlineExceeded) {
		e.Cause = sdk.CauseHung
	}
	_ = errors.As(why, &e)
	return e
}

func (l *line) result(id string) (r protocol.Result, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	raw, ok := l.kept[id]
	if ok {
		if err := json.Unmarshal(raw, &r); err != nil {
			l.rig.t.Error(err)
		}
	}
	return r, ok
}

// bring brings artifacts from the agent to the host.
func (l *line) bring(n int, digests []string) {
	if l.lose != nil && l.lose(n) {
		return
	}
	for _, d := range digests {
		if raw, ok := l.rig.there.get(d); ok {
			l.rig.here.set(d, raw)
		}
	}
}

func (l *line) mustHaveSent(t *testing.T, n int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sent) != n {
		t.Errorf("%d tasks were sent, want %d", len(l.sent), n)
	}
}
