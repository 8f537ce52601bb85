package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

const head = "pipeline \"p\" {}\n"

// film has a bit of everything: a chain, a list, a map, a node that is skipped and one that needs it.
const film = head + `
node "test.do" "words" { v = ["a", "b", "c"] }
node "control.calc" "upper" {
  for_each = node.words.v
  v        = upper(each.value)
}
node "test.do" "sizes" {
  for_each = { for i, x in node.upper : x.v => i }
  v        = "${each.key}${each.value}"
}
node "test.do" "never" {
  when = length(node.words.v) > 5
  v    = 1
}
node "test.do" "after" { v = node.never.v }
node "test.do" "who" { v = "${run.id} ${run.user}" }
output "sizes" { value = [for k, x in node.sizes : x.v] }
output "after" { value = node.after.v }
output "who" { value = node.who.v }
`

func TestSucceeds(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		id := r.submit(film)
		s := r.wait(id, run.Succeeded)
		want(r, "the result", s.Outputs, `{"sizes": ["A0", "B1", "C2"], "after": null, "who": "`+string(id)+` ada"}`)
		for name, state := range map[string]run.NodeState{"sizes": run.NodeSucceeded, "never": run.NodeSkipped, "after": run.NodeSkipped} {
			if got := s.Node(name).State; got != state {
				r.Errorf("%s is %s, want %s", name, got, state)
			}
		}
		if got := s.Node("after").Reason; got != "node.never was skipped" {
			r.Errorf("after was skipped because %q", got)
		}
		if n := len(r.exec.began); n != 8 {
			r.Errorf("%d tasks, want 8: %v", n, r.exec.began)
		}
		if d := parse(r, film).Bundle().Digest(); s.Digest != d || s.Bundle != d {
			r.Errorf("digest %s and bundle %s, want %s", s.Digest, s.Bundle, d)
		}
		once(r, r.events(id))
		heads, err := r.journal.Find(context.Background(), string(id))
		if err != nil || heads.State != "succeeded" || heads.Seq != s.Seq {
			r.Errorf("the index says %+v, %v", heads, err)
		}
	})
}

func TestObserveIsInOrder(t *testing.T) {
	t.Parallel()
	var r *rig
	var seen []run.Event
	bubble(t, nil, func(x *rig) {
		r = x
		id := r.submit(film)
		r.wait(id, run.Succeeded)
		if n := len(r.events(id)); len(seen) != n {
			r.Errorf("%d of %d events were told", len(seen), n)
		}
	}, func(c *engine.Config) {
		c.Observe = func(id run.ID, ev run.Event) {
			seen = append(seen, ev)
			if ev.Seq != uint64(len(seen)) {
				t.Errorf("event %d came as number %d", ev.Seq, len(seen))
			}
			if n := len(r.events(id)); uint64(n) < ev.Seq {
				t.Errorf("event %d was told when %d were stored", ev.Seq, n)
			}
		}
	})
}

func TestRetryBacksOff(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"a": last(4, echo)}, func(r *rig) {
		s := r.wait(r.submit(head+`
node "test.do" "a" {
  v = "x"
  retry {
    attempts = 4
    backoff  = "2s"
  }
}
output "o" { value = node.a.v }
`), run.Succeeded)
		want(r, "the result", s.Outputs, `{"o": "x"}`)
		var waits []time.Duration
		for k := range r.exec.at[1:] {
			waits = append(waits, r.exec.at[k+1].Sub(r.exec.at[k]))
		}
		if !slices.Equal(waits, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}) {
			r.Errorf("waited %v between attempts", waits)
		}
	})
}

func TestTaskHasWhatItNeeds(t *testing.T) {
	t.Parallel()
	var seen []sdk.Task
	script := map[string]task{"a": func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		seen = append(seen, *in)
		in.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("half")})
		if len(seen) == 1 {
			return sdk.Result{}, sdk.Fail("once", "")
		}
		return sdk.Result{}, nil
	}}
	bubble(t, script, func(r *rig) {
		id := r.submit(head + `
node "test.do" "a" {
  v       = "x"
  timeout = "1m"
  retry { attempts = 2 }
}`)
		s := r.wait(id, run.Succeeded)
		if len(seen) != 2 {
			r.Fatalf("%d attempts", len(seen))
		}
		one, two := seen[0], seen[1]
		if one.Owner != "ada" || one.Pipeline != s.Digest || one.Type != "test.do" || one.Address.String() != string(id)+"/node.a/1" {
			r.Errorf("%+v", one)
		}
		if one.Checkpoint != nil || string(two.Checkpoint) != "half" {
			r.Errorf("checkpoints %q and %q", one.Checkpoint, two.Checkpoint)
		}
		if one.Seed == 0 || one.Seed != two.Seed {
			r.Errorf("seeds %d and %d", one.Seed, two.Seed)
		}
		if d := one.Deadline.Sub(one.Time); d != time.Minute {
			r.Errorf("%v to its deadline", d)
		}
	})
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	talk := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		for k := range 10 {
			select {
			case <-time.After(time.Second):
				in.Progress(float64(k)/10, "on it")
			case <-ctx.Done():
				return sdk.Result{}, context.Cause(ctx)
			}
		}
		return hang(ctx, in)
	}
	for _, c := range []struct {
		name, pipeline, node string
		do                   task
		took                 time.Duration
		message              string
	}{
		{"of the attempt", "", `timeout = "5s"`, hang, 5 * time.Second, "a: it did not finish in time (5s)"},
		{"of the attempt, each", "", "timeout = \"5s\"\nretry { attempts = 3 }", hang, 15 * time.Second, "a: it did not finish in time (5s)"},
		{"of silence", "", `idle_timeout = "3s"`, talk, 13 * time.Second, "a: it said nothing for 3s"},
		{"of the run", `timeout = "7s"`, "", hang, 7 * time.Second, ""},
		{"of the run, before the attempt's", `timeout = "7s"`, `timeout = "1h"`, hang, 7 * time.Second, ""},
		{"of the run, in a backoff", `timeout = "7s"`, "retry {\n attempts = 9\n backoff = \"1h\"\n}", last(9, echo), 7 * time.Second, "the run's timeout passed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, map[string]task{"a": c.do}, func(r *rig) {
				began := time.Now()
				s := r.wait(r.submit("pipeline \"p\" {\n"+c.pipeline+"\n}\nnode \"test.do\" \"a\" {\n"+c.node+"\n}\n"), run.Failed)
				if took := time.Since(began); took != c.took {
					r.Errorf("it took %v, want %v", took, c.took)
				}
				if s.Error.Cause != sdk.CauseHung && c.message != "" || !strings.Contains(s.Error.Message, c.message) {
					r.Errorf("%+v", s.Error)
				}
			})
		})
	}
}

func TestDetailOfAHungTaskIsKept(t *testing.T) {
	t.Parallel()
	script := map[string]task{"a": func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
		<-ctx.Done()
		return sdk.Result{}, &sdk.Error{Cause: sdk.CauseFailed, Message: "killed", Detail: "frame 7 of 9"}
	}}
	bubble(t, script, func(r *rig) {
		s := r.wait(r.submit(head+"node \"test.do\" \"a\" { timeout = \"1s\" }\n"), run.Failed)
		if s.Error.Cause != sdk.CauseHung || s.Error.Detail != "frame 7 of 9" {
			r.Errorf("%+v", s.Error)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	script := map[string]task{
		"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) { began <- struct{}{}; return hang(ctx, in) },
		"stubborn": func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
			<-ctx.Done()
			return give("late")
		},
	}
	bubble(t, script, func(r *rig) {
		began = make(chan struct{})
		id := r.submit(head + `
node "test.do" "a" {}
node "test.do" "stubborn" {}
node "test.do" "b" { v = node.a.v }
`)
		<-began
		r.cancel(id)
		s := r.wait(id, run.Cancelled)
		if s.Reason != "enough" {
			r.Errorf("cancelled because %q", s.Reason)
		}
		for _, n := range s.Nodes {
			if n.State != run.NodeCancelled {
				r.Errorf("%s is %s", n.Name, n.State)
			}
		}
		if e := s.Node("a").Instances[0].Error; e == nil || e.Cause != sdk.CauseCancelled {
			r.Errorf("a ended with %+v", e)
		}
		if r.exec.starts("b") != 0 {
			r.Error("b was started")
		}
		if err := r.Cancel(context.Background(), id, "", "again"); !errors.Is(err, engine.ErrEnded) {
			r.Errorf("cancelling what has ended: %v", err)
		}
		// Resumed, it does everything that did not succeed.
		r.exec.script = nil
		r.resume(id)
		s = r.wait(id, run.Succeeded)
		if r.exec.starts("a") != 2 || r.exec.starts("b") != 1 || s.Node("a").Instances[0].Attempt != 2 {
			r.Errorf("%v", r.exec.began)
		}
		if err := r.Resume(context.Background(), id); !errors.Is(err, engine.ErrNotResumable) {
			r.Errorf("resuming what succeeded: %v", err)
		}
		if err := r.Adopt(context.Background(), id); !errors.Is(err, engine.ErrEnded) {
			r.Errorf("adopting what has ended: %v", err)
		}
	})
}

// TestCancelledRunsGiveTheirSlotsBack: tasks that wait for a slot when their run ends must not take it with them.
func TestCancelledRunsGiveTheirSlotsBack(t *testing.T) {
	t.Parallel()
	const queue = head + "node \"test.two\" \"q\" {\n  for_each = range(20)\n}\n"
	for name, tasks := range map[string]int{"the type's slots": 256, "all slots": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, map[string]task{"q": hang}, func(r *rig) {
				first, second := r.submit(queue), r.submit(queue)
				for _, id := range []run.ID{first, second} {
					r.cancel(id)
					r.wait(id, run.Cancelled)
				}
				r.exec.mu.Lock()
				r.exec.script = nil
				r.exec.mu.Unlock()
				r.wait(r.submit(queue), run.Succeeded) // no slot is left to it if the others kept them
			}, func(c *engine.Config) { c.MaxTasks = tasks })
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	work := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		<-time.After(time.Second) // of the bubble
		return echo(ctx, in)
	}
	const wide = head + `
node "test.one" "one" { for_each = range(3) }
node "test.two" "two" { for_each = range(6) }
node "test.do"  "any" { for_each = range(6) }
node "control.calc" "calc" { for_each = range(6) }
`
	for _, c := range []struct {
		name           string
		control, tasks int
		one, two, calc int
		all            int // but for those that run ahead
		duration       int // seconds
	}{
		{name: "types", control: 4, tasks: 100, one: 1, two: 2, calc: 4, all: 9, duration: 3},
		{name: "all", control: 1, tasks: 2, one: 1, two: 2, calc: 1, all: 2, duration: 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, map[string]task{"one": work, "two": work, "any": work, "calc": work}, func(r *rig) {
				began := time.Now()
				r.wait(r.submit(wide), run.Succeeded)
				m := r.exec.max
				if m["test.one"] > c.one || m["test.two"] > c.two || m["control.calc"] > c.calc || m[""] > c.all+c.calc {
					r.Errorf("at most %v at once", m)
				}
				if took := time.Since(began); took != time.Duration(c.duration)*time.Second {
					r.Errorf("it took %v, want %d s: slots stood empty", took, c.duration)
				}
			}, func(x *engine.Config) { x.MaxControl, x.MaxTasks = c.control, c.tasks })
		})
	}
}

// TestRunsTakeTurns: a run with one task does not wait for all of a run with many.
func TestRunsTakeTurns(t *testing.T) {
	t.Parallel()
	script := map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		<-time.After(time.Second)
		return echo(ctx, in)
	}}
	bubble(t, script, func(r *rig) {
		wide := r.submit(head + "node \"test.one\" \"a\" { for_each = range(50) }\n")
		began := time.Now()
		r.wait(r.submit(head+"node \"test.one\" \"a\" {}\n"), run.Succeeded)
		if took := time.Since(began); took > 3*time.Second {
			r.Errorf("the small run took %v", took)
		}
		r.cancel(wide)
		r.wait(wide, run.Cancelled)
	})
}

func TestFailure(t *testing.T) {
	t.Parallel()
	broken := func(context.Context, *sdk.Task) (sdk.Result, error) {
		return sdk.Result{}, sdk.Fail("it broke", "mend it")
	}
	one := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		if n, _ := in.Address.Node.Key.Number(); n == 1 {
			return broken(ctx, in)
		}
		return echo(ctx, in)
	}
	wrong := func(context.Context, *sdk.Task) (sdk.Result, error) {
		return sdk.Result{Outputs: sdk.Values{"other": "x"}}, nil
	}
	for _, c := range []struct {
		name   string
		do     task
		nodes  string
		status run.Status
		said   string // in the run's error, or its outputs
	}{
		{"fails the run", broken, `node "test.do" "a" {}`, run.Failed, "a: it broke"},
		{"of one instance fails the run", one, `node "test.do" "a" { for_each = range(3) }`, run.Failed, "a: it broke"},
		{"skips dependents", broken, "node \"test.do\" \"a\" {\n on_failure = \"skip\"\n}\nnode \"test.do\" \"b\" {\n v = node.a.v\n}\noutput \"o\" {\n value = node.b.v\n}", run.Succeeded, `{"o": null}`},
		{"leaves nulls", one, "node \"test.do\" \"a\" {\n for_each = range(3)\n v = each.value\n on_failure = \"continue\"\n}\noutput \"o\" {\n value = node.a[*]\n}", run.Succeeded,
			`{"o": [{"v": 0, "text": null}, null, {"v": 2, "text": null}]}`},
		{"outputs that do not fit", wrong, "node \"test.do\" \"a\" {\n retry {\n attempts = 5\n }\n}", run.Failed, "do not fit its own schema"},
		{"an input that cannot be evaluated", echo, "node \"test.do\" \"a\" {\n v = [1]\n}\nnode \"test.do\" \"b\" {\n v = node.a.v[7]\n}", run.Failed, "b: "},
		{"a when that cannot be evaluated", echo, "node \"test.do\" \"a\" {\n v = \"x\"\n}\nnode \"test.do\" \"b\" {\n when = node.a.v\n}", run.Failed, "b: "},
		{"an output that cannot be evaluated", echo, "node \"test.do\" \"a\" {\n v = [1]\n}\noutput \"o\" {\n value = node.a.v[7]\n}", run.Failed, "output.o"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, map[string]task{"a": c.do}, func(r *rig) {
				id := r.submit(head + c.nodes + "\n")
				s := r.wait(id, c.status)
				if c.status == run.Succeeded {
					want(r, "the result", s.Outputs, c.said)
				} else if !strings.Contains(s.Error.Error(), c.said) {
					r.Errorf("it failed with %v", s.Error)
				}
				if n := r.exec.starts("a"); n > 1 {
					r.Errorf("a ran %d times", n)
				}
			})
		})
	}
}

// TestResumeAfterFailure: what succeeded stays, the rest is tried anew.
func TestResumeAfterFailure(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"b[1]": last(2, echo)}, func(r *rig) {
		id := r.submit(head + `
node "test.do" "a" { v = [1, 2, 3] }
node "test.do" "b" {
  for_each = node.a.v
  v        = each.value
}
output "o" { value = node.b[*].v }
`)
		r.wait(id, run.Failed)
		r.restart()
		r.resume(id)
		s := r.wait(id, run.Succeeded)
		want(r, "the result", s.Outputs, `{"o": [1, 2, 3]}`)
		if r.exec.starts("a") != 1 || r.exec.starts("b[1]") != 2 {
			r.Errorf("%v", r.exec.began)
		}
		once(r, r.events(id))
	})
}
