package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/host/internal/fleet/spool"
	"github.com/myspinbot/spinbot/sdk"
)

// TestAnotherHostGoesOn: what an agent works on, or has done, for a host that died comes to the host that goes on with the run,
// also after a restart of the agent.
func TestAnotherHostGoesOn(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]string{"it is under way": "hang", "it is done": "echo"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, redistest.Shared(t))
			old, stop := r.host("old")
			a, _ := r.agent("a", "1")
			r.hears("a")
			r.open["run/1"] = true
			body, _ := json.Marshal(what)
			ctx, letGo := context.WithCancelCause(context.Background())
			left := make(chan struct{})
			go func() {
				defer close(left)
				_, _ = old.Execute(ctx, protocol.Attempt{Agent: "a", ID: "run/1", Body: body}, func(sdk.Report) {}, func(protocol.Result) bool { return true }) // never committed
			}()
			r.begins("run/1")
			if what == "echo" {
				r.until("it is done", func() bool { _, done := a.Holds(); return done == 1 })
			}
			letGo(exec.ErrTaken)
			<-left
			if held := old.Tasks("a"); len(held) != 0 {
				t.Errorf("the old host keeps %v", held)
			}
			stop()

			h, _ := r.host("new")
			again, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			done := make(chan protocol.Result, 1)
			go func() {
				res, err := r.task(again, h, "a", "run/1", "")
				if err != nil {
					t.Error(err)
				}
				r.commit(h, "run/1")
				done <- res
			}()
			want := ""
			if what == "hang" {
				r.until("the agent works for the new host", func() bool { return a.host("run/1") == "new" })
				if host := r.noted("a", "run/1"); host != "new" {
					t.Errorf("the agent has noted that it works for %q", host)
				}
				want = "that will do"
				cancel(errors.New(want))
			}
			res := <-done
			if res.Error == nil && want != "" || res.Error != nil && res.Error.Message != want {
				t.Errorf("it ends with %+v, want %q", res.Error, want)
			}
			r.until("the agent has forgotten it", func() bool {
				running, done := a.Holds()
				return running+done == 0
			})
			if r.begun["run/1"] != 1 {
				t.Errorf("it began %d times", r.begun["run/1"])
			}
		})
	}
}

// TestLeftOfADeadHost: what an agent holds for a host that has died, though the journal has its end, it forgets when another
// host answers for that one; what the journal has under way it keeps.
func TestLeftOfADeadHost(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	old, stop := r.host("old")
	a, _ := r.agent("a", "1")
	r.hears("a")
	ctx, letGo := context.WithCancelCause(context.Background())
	var left sync.WaitGroup
	for id, what := range map[string]string{"done/1": `"echo"`, "runs/1": `"hang"`, "wanted/1": `"echo"`} {
		left.Go(func() {
			_, _ = old.Execute(ctx, protocol.Attempt{Agent: "a", ID: id, Body: []byte(what)}, func(sdk.Report) {}, func(protocol.Result) bool { return true }) // never committed
		})
		r.begins(id)
	}
	r.until("two are done", func() bool { _, done := a.Holds(); return done == 2 })
	letGo(exec.ErrTaken)
	left.Wait()
	stop()
	r.mu.Lock()
	r.open["wanted/1"] = true
	r.mu.Unlock()
	h, _ := r.host("new")
	h.Dead([]string{"old"})
	r.until("only what is under way is left", func() bool { running, done := a.Holds(); return running == 0 && done == 1 })
	if host := a.host("wanted/1"); host != "old" {
		t.Errorf("it is for %q", host)
	}
}

// noted gives the host of an attempt as another process of the agent would find it.
func (r *rig) noted(agent, id string) string {
	r.t.Helper()
	raw, err := os.ReadFile(filepath.Join(r.dir, agent+".notes"))
	copied := filepath.Join(r.t.TempDir(), "notes")
	if err == nil {
		err = os.WriteFile(copied, raw, 0o600)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	s, _, err := spool.Open(copied, "boot")
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Close()
	return s.Record(id).Host
}
