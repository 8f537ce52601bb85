package fleet

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// maker begins an agent whose tasks make one artifact. It counts how often that is brought to the host, and how often it
// may go.
func (r *rig) maker(id string, deliver func(n int) error) (brought, gone *atomic.Int64) {
	r.t.Helper()
	brought, gone = new(atomic.Int64), new(atomic.Int64)
	a, err := NewAgent(AgentConfig{Client: r.redis.Client(r.t), Namespace: r.ns, ID: id, Session: "1", Pace: fast, Log: slog.New(slog.DiscardHandler),
		Notes: filepath.Join(r.dir, id+".notes"), Boot: "boot",
		Run: func(ctx context.Context, t protocol.Task, report func(sdk.Report)) protocol.Result {
			out := r.run(ctx, t, report)
			out.Artifacts = []string{"sha256:1"}
			return out
		},
		Deliver: func(_ context.Context, host string, digests []string) error {
			if host != "h" || !slices.Equal(digests, []string{"sha256:1"}) {
				r.t.Errorf("%v is brought to %s", digests, host)
			}
			return deliver(int(brought.Add(1)))
		},
		Delivered: func(string, []string) { gone.Add(1) }, Order: func(protocol.Order) {},
		Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{Name: id} }})
	if err != nil {
		r.t.Fatal(err)
	}
	r.running(a.Run)
	r.hears(id)
	return brought, gone
}

// TestArtifactsAskedForAgain: a result whose artifacts are not at the host, though its agent has brought them, is asked for
// again, with them. The task does not run again, and the agent keeps them until the end is committed.
func TestArtifactsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost  int64 // how often they get lost
		times int64 // how often they are brought
		want  string
	}{
		"once":        {1, 2, ""},
		"to the last": {asksAgain, asksAgain + 1, ""},
		"for good":    {1000, asksAgain + 1, "its artifacts did not arrive though its agent was asked for them again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, redistest.Shared(t))
			h, _ := r.host("h")
			brought, gone := r.maker("a", func(int) error { return nil })
			r.mu.Lock()
			r.open["run/1"] = true
			r.mu.Unlock()
			res, err := h.Execute(t.Context(), protocol.Attempt{Agent: "a", ID: "run/1", Body: []byte(`"echo"`)}, func(sdk.Report) {}, func(protocol.Result) bool {
				if gone.Load() > 0 {
					t.Error("they may go though nothing was committed")
				}
				return brought.Load() > c.lost
			})
			if c.want == "" && (err != nil || string(res.Body) != `"echo"`) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %s, %v, want %q", res.Body, err, c.want)
			}
			if n := brought.Load(); n != c.times {
				t.Errorf("they were brought %d times, want %d", n, c.times)
			}
			r.mu.Lock()
			if r.begun["run/1"] != 1 {
				t.Errorf("the task ran %d times", r.begun["run/1"])
			}
			r.mu.Unlock()
			r.commit(h, "run/1")
			r.until("the agent lets them go", func() bool { return gone.Load() == 1 })
		})
	}
}

// TestArtifactsThatCannotBeBrought: the result waits at the agent, which says so, and comes when they can.
func TestArtifactsThatCannotBeBrought(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	told := make(chan string, 100)
	brought, _ := r.maker("a", func(n int) error {
		if n < 3 {
			return errors.New("the way is blocked")
		}
		if m := <-told; m != "it is done, and waits to be brought to its host: the way is blocked" {
			t.Errorf("it says %q", m)
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	defer close(told) // whoever still waits for a word
	res, err := h.Execute(ctx, protocol.Attempt{Agent: "a", ID: "run/1", Body: []byte(`"echo"`)}, func(x sdk.Report) { told <- x.Message }, func(protocol.Result) bool { return true })
	if err != nil || string(res.Body) != `"echo"` || brought.Load() != 3 {
		t.Errorf("got %s, %v after %d times", res.Body, err, brought.Load())
	}
	h.Committed("run/1")
}
