package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

var onBox2 = placement.Given{Agent: "box2", Devices: []string{"GPU-9"}, Memory: 5 << 30}

// far is placed with agents on other machines: all but "local".
func far(t *testing.T, script map[string]task, test func(*rig, *fakePlacer), change ...func(*engine.Config)) {
	f := &fakePlacer{}
	bubble(t, script, func(r *rig) {
		*f = fakePlacer{wants: map[string]placement.Want{}, given: map[string]func(placement.Given){}, yield: map[string]func(){}}
		test(r, f)
	}, append(change, func(c *engine.Config) {
		c.Placer, c.Elsewhere = f, func(agent string) bool { return agent != "local" }
		c.Session = func(agent string) string { return "of " + agent }
	})...)
}

// begins submits the pipeline and gives its node a what it asks for.
func (r *rig) begins(f *fakePlacer, text string, g placement.Given) run.ID {
	r.Helper()
	id := r.submitAs(text, "ada", 3)
	synctest.Wait()
	_, given, _ := f.of(id, "node.a/1")
	if given == nil {
		r.Fatal("it asks for nothing")
	}
	given(g)
	synctest.Wait()
	return id
}

// tally is how many attempts of a run are recorded, and how they ended.
func (r *rig) tally(id run.ID) string {
	r.Helper()
	var out []string
	for _, ev := range r.events(id) {
		switch {
		case ev.Kind == run.AttemptStarted:
			out = append(out, fmt.Sprint("began ", ev.Attempt))
		case ev.Kind == run.AttemptEnded && ev.Error == nil:
			out = append(out, "well")
		case ev.Kind == run.AttemptEnded:
			out = append(out, string(ev.Error.Cause))
		}
	}
	return strings.Join(out, ", ")
}

// TestTakenUpAgain: what runs on another machine when the host stops is asked for by the next, as the same attempt, however
// often that happens.
func TestTakenUpAgain(t *testing.T) {
	t.Parallel()
	type seen struct {
		task          sdk.Task
		held, session string
		idle          time.Duration
	}
	var all []seen
	stay := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		agent, session, _ := exec.Held(ctx)
		idle, _ := exec.Idle(ctx)
		all = append(all, seen{*in, agent, session, idle})
		if len(all) < 4 {
			<-ctx.Done()
			return sdk.Result{}, context.Cause(ctx)
		}
		return echo(ctx, in)
	}
	far(t, map[string]task{"a": stay}, func(r *rig, f *fakePlacer) {
		id := r.begins(f, strings.Replace(onDevice, "priority = 2", "priority = 2\n timeout = \"1h\"\n idle_timeout = \"5m\"", 1), onBox2)
		for n := range 3 {
			time.Sleep(7 * time.Minute) // the bubble's clock
			if r.restart(); n == 1 {
				r.resume(id)
			} else {
				r.adopt(id)
			}
			synctest.Wait()
			w, _, _ := f.of(id, "node.a/1")
			if w.Held == nil || fmt.Sprint(*w.Held) != fmt.Sprint(onBox2) || w.Owner != "ada" || w.Priority != 5 || w.Request.Memory != 6<<30 || w.Model != "llama" {
				if n < 2 {
					r.Errorf("asked for as %+v", w)
				}
			}
		}
		s := r.wait(id, run.Succeeded)
		says(r, "what is recorded", r.tally(id), "began 1, well")
		want(r, "the result", s.Outputs, `{"v": 7}`)
		says(r, "what was given back", strings.Join(f.done, ", "), "node.a/1: well")
		first := all[0]
		if len(all) != 4 || first.held != "" || first.task.Deadline.Sub(first.task.Time) != time.Hour {
			r.Fatalf("%d times, at first %+v", len(all), first)
		}
		for _, x := range all[1:] {
			x.task.Inputs, first.task.Inputs = nil, nil
			a, b := x.task, first.task
			if x.held != "box2" || x.session != "of box2" || x.idle != 5*time.Minute || a.Address.String() != b.Address.String() || a.Seed != b.Seed || !a.Deadline.Equal(b.Deadline) || !a.Time.Equal(b.Time) || fmt.Sprint(a.Devices) != "[GPU-9]" {
				r.Errorf("taken up as %+v, and was %+v", x, first)
			}
		}
	})
}

// TestNobodyHoldsIt: an agent that knows nothing of it has lost it, and what ran on this machine has ended with the host.
func TestNobodyHoldsIt(t *testing.T) {
	t.Parallel()
	for agent, held := range map[string]bool{"box2": true, "local": false} {
		t.Run(agent, func(t *testing.T) {
			t.Parallel()
			far(t, map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
				if h, _, asked := exec.Held(ctx); asked {
					return sdk.Result{}, &sdk.Error{Cause: sdk.CauseLost, Message: h + " knows nothing of it"}
				}
				if in.Address.Attempt == 1 {
					return hang(ctx, in)
				}
				return echo(ctx, in)
			}}, func(r *rig, f *fakePlacer) {
				id := r.begins(f, onDevice, placement.Given{Agent: agent, Devices: []string{"GPU-9"}})
				r.journal.before = func(int, store.Append) error { return store.ErrStopped }
				r.stop() // nothing more is recorded, as if it were killed
				r.journal.before = nil
				f.done = nil
				r.Engine = engine.New(r.cfg)
				r.adopt(id)
				synctest.Wait()
				if n := len(f.done); (n == 1) != held {
					r.Errorf("given back: %v", f.done)
				}
				_, given, _ := f.of(id, "node.a/2")
				given(onBox2)
				r.wait(id, run.Succeeded)
				says(r, "what is recorded", r.tally(id), "began 1, lost, began 2, well")
			})
		})
	}
}

// TestCancelReaches: whoever cancels a run stops what was taken up again; so does one who did it before the host stopped.
func TestCancelReaches(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprint("before the host stopped: ", before), func(t *testing.T) {
			t.Parallel()
			var causes []error
			far(t, map[string]task{"a": func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
				<-ctx.Done()
				causes = append(causes, context.Cause(ctx))
				if _, _, held := exec.Held(ctx); !held && before {
					time.Sleep(time.Hour) // the network is down; the host will have gone
				}
				return sdk.Result{}, context.Cause(ctx)
			}}, func(r *rig, f *fakePlacer) {
				id := r.begins(f, onDevice, onBox2)
				if before {
					r.cancel(id)
					synctest.Wait()
					r.journal.before = func(int, store.Append) error { return store.ErrStopped }
				}
				r.stop()
				r.journal.before = nil
				r.Engine = engine.New(r.cfg)
				if r.adopt(id); !before {
					synctest.Wait()
					r.cancel(id)
				}
				r.wait(id, run.Cancelled)
				says(r, "what is recorded", r.tally(id), "began 1, cancelled")
				if err := causes[len(causes)-1]; len(causes) != 2 || sdk.AsError(err).Cause != sdk.CauseCancelled {
					r.Errorf("it was stopped by %v", causes)
				}
			})
		})
	}
}

// TestLimitsElsewhere: on another machine the agent sees to deadlines and silence; the timeout of the run is the host's.
func TestLimitsElsewhere(t *testing.T) {
	t.Parallel()
	const limited = head + `
node "test.do" "a" {
  v            = 7
  timeout      = "10m"
  idle_timeout = "1m"
  device { memory = "6GiB" }
}`
	for _, c := range []struct {
		agent, text, ends string
		after             time.Duration
	}{
		{"local", limited, "it said nothing for 1m0s", time.Minute},
		{"box2", limited, "", time.Hour},
		{"box2", strings.Replace(limited, "{}", "{\n timeout = \"30m\"\n}", 1), "the run's timeout passed", 30 * time.Minute},
	} {
		far(t, map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
			_, bound := ctx.Deadline()
			idle, set := exec.Idle(ctx)
			if far := c.agent != "local"; bound == far || set != far || far && idle != time.Minute || in.Deadline.Sub(in.Time) != 10*time.Minute {
				t.Errorf("on %s: bound %v, idle %v %v, deadline %v", c.agent, bound, idle, set, in.Deadline)
			}
			return hang(ctx, in)
		}}, func(r *rig, f *fakePlacer) {
			began := time.Now()
			id := r.begins(f, c.text, placement.Given{Agent: c.agent, Devices: []string{"GPU-1"}})
			if c.ends == "" {
				time.Sleep(c.after) // the bubble's clock
				synctest.Wait()
				says(r, "what is recorded", r.tally(id), "began 1")
				return
			}
			s := r.wait(id, run.Failed)
			if i := s.Nodes[0].Instances[0]; !strings.Contains(fmt.Sprint(i.Error), c.ends) || time.Since(began) != c.after {
				r.Errorf("on %s it ended after %v: %v", c.agent, time.Since(began), i.Error)
			}
		})
	}
}

// TestNotSentByAHostThatStops: an attempt whose start is durable, and that was not sent when the host stopped, is drained.
func TestNotSentByAHostThatStops(t *testing.T) {
	t.Parallel()
	far(t, map[string]task{"b": hang}, func(r *rig, f *fakePlacer) {
		id := r.submitAs(onDevice+"node \"test.do\" \"b\" {}\n", "ada", 0)
		synctest.Wait()
		ctx, stop := context.WithCancel(context.Background())
		closed := make(chan error, 1)
		go func() { closed <- r.Close(ctx) }()
		synctest.Wait()
		_, given, _ := f.of(id, "node.a/1")
		given(onBox2)
		synctest.Wait()
		stop()
		if err := <-closed; err != nil || r.exec.starts("a") != 0 {
			r.Errorf("%v; sent %d times", err, r.exec.starts("a"))
		}
		says(r, "what is recorded", r.tally(id), "began 1, began 1, drained, drained")
	})
}

// TestRunSetAside: a run whose events are refused lets go of what is elsewhere; once resumed it asks for it.
func TestRunSetAside(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	far(t, map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		if _, _, held := exec.Held(ctx); held {
			return echo(ctx, in)
		}
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), exec.ErrLetGo) {
			t.Errorf("it was stopped: %v", context.Cause(ctx))
		}
		return sdk.Result{}, context.Cause(ctx)
	}}, func(r *rig, f *fakePlacer) {
		id := r.begins(f, onDevice, onBox2)
		r.journal.before = func(int, store.Append) error { return full }
		if err := r.Prioritize(context.Background(), id, 1, "ada"); !errors.Is(err, full) {
			r.Error(err)
		}
		synctest.Wait()
		r.journal.before = nil
		says(r, "what was given back", strings.Join(f.done, ", "), "")
		r.resume(id)
		r.wait(id, run.Succeeded)
		says(r, "what is recorded", r.tally(id), "began 1, well")
		says(r, "what was given back", strings.Join(f.done, ", "), "node.a/1: well")
	})
}

// TestAdoptedElsewhere: a run that another host goes on with is let go of, whether an append says so or somebody else does.
// What is on another machine goes on there, what is here is stopped, nothing is recorded, and other runs are as they were.
func TestAdoptedElsewhere(t *testing.T) {
	t.Parallel()
	taken := func(id run.ID) error { return &store.NotOwnedError{Run: string(id), Host: "b"} }
	for name, lose := range map[string]func(*rig, run.ID){
		"an append is refused": func(r *rig, id run.ID) {
			r.journal.before = func(_ int, a store.Append) error {
				if a.Run == string(id) {
					return taken(id)
				}
				return nil
			}
			if err := r.Prioritize(context.Background(), id, 1, "ada"); !errors.Is(err, store.ErrNotOwned) || !strings.Contains(err.Error(), `"b"`) {
				r.Error(err)
			}
		},
		"the store says so": func(r *rig, id run.ID) {
			if err := r.LetGo(context.Background(), id, taken(id)); err != nil {
				r.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			causes := map[string]error{}
			var mu sync.Mutex
			stay := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
				if _, _, held := exec.Held(ctx); held {
					return echo(ctx, in)
				}
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				causes[in.Address.Node.Name] = context.Cause(ctx)
				return sdk.Result{}, context.Cause(ctx)
			}
			var left []run.ID
			far(t, map[string]task{"a": stay, "b": stay}, func(r *rig, f *fakePlacer) {
				id := r.begins(f, onDevice+"node \"test.once\" \"b\" {}\n", onBox2)
				before := len(r.events(id))
				watched := make(chan error, 1)
				go func() {
					_, err := r.Wait(context.Background(), id)
					watched <- err
				}()
				synctest.Wait()
				lose(r, id)
				synctest.Wait()
				if err := <-watched; !errors.Is(err, store.ErrNotOwned) || !strings.Contains(err.Error(), `goes on at host "b"`) {
					r.Errorf("who waits for it is told %v", err)
				}
				if !errors.Is(causes["a"], exec.ErrTaken) || causes["b"] == nil || errors.Is(causes["b"], exec.ErrLetGo) {
					r.Errorf("they end with %v", causes)
				}
				if n := len(r.events(id)); n != before || r.Err() != nil || r.Live() != 0 || len(left) != 1 || left[0] != id {
					r.Errorf("%d events more, %v, %d live, told of %v", n-before, r.Err(), r.Live(), left)
				}
				says(r, "what was given back", strings.Join(f.done, ", "), "node.a/1: never began")
				r.journal.before, f.done = nil, nil
				r.adopt(id) // the other one has died meanwhile
				synctest.Wait()
				says(r, "what is recorded", r.tally(id), "began 1, began 1, lost, well")
			}, func(c *engine.Config) { c.Left = func(id run.ID) { left = append(left, id) } })
		})
	}
}

// TestSpread: a task that needs no device asks for an agent all the same, where it may go to any.
func TestSpread(t *testing.T) {
	t.Parallel()
	const plain = head + "node \"test.do\" \"a\" { v = 1 }\nnode \"test.two\" \"b\" { v = 2 }\nnode \"control.calc\" \"c\" { v = 3 }\n"
	far(t, nil, func(r *rig, f *fakePlacer) {
		id := r.submitAs(plain, "ada", 1)
		synctest.Wait()
		says(r, "who waits", f.waiting(), "node.a/1 1")
		w, given, _ := f.of(id, "node.a/1")
		if w.Request.Count != 0 || w.Type.Name != "test.do" || w.Owner != "ada" {
			r.Errorf("%+v", w)
		}
		if x, err := r.Explain(context.Background(), id, nil); err != nil || !strings.Contains(fmt.Sprint(x), "GPU-1 is taken") {
			r.Errorf("%v %v", x, err)
		}
		given(placement.Given{Agent: "box2"})
		s := r.wait(id, run.Succeeded)
		if i := s.Nodes[0].Instances[0]; i.Agent != "box2" || i.Devices != nil {
			r.Errorf("%+v", i)
		}
		says(r, "what was given back", strings.Join(f.done, ", "), "node.a/1: well")
	}, func(c *engine.Config) {
		c.Spread = func(n sdk.NodeType) bool { return n.Name == "test.do" || n.Name == "control.calc" }
	})
}
