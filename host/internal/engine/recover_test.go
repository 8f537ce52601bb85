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

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// journey has chains, a list, a map and a retry, so that a crash finds it in many states.
const journey = head + `
node "test.do" "first" { v = ["a", "b", "c"] }
node "test.do" "list" {
  for_each = node.first.v
  v        = upper(each.value)
  retry {
    attempts = 2
    backoff  = "1s"
  }
}
node "control.calc" "map" {
  for_each = { for i, x in node.list : x.v => i }
  v        = each.key
}
node "test.two" "end" { v = join("", values(node.map)[*].v) }
output "o" { value = node.end.v }
`

var journeyScript = map[string]task{"list[1]": last(2, echo)}

// finish runs the journey to its end, by a new engine when the run does not stand in memory any more.
func (r *rig) finish(id run.ID) {
	r.Helper()
	r.adopt(id)
	s := r.wait(id, run.Succeeded)
	want(r, "the result", s.Outputs, `{"o": "ABC"}`)
	events := r.events(id)
	once(r, events)
	attempts, lost := map[string]int{}, map[string]int{}
	for _, ev := range events {
		i := ev.Node + ev.Key.String()
		switch {
		case ev.Kind == run.AttemptStarted:
			attempts[i]++
		case ev.Error != nil && ev.Error.Cause == sdk.CauseLost:
			lost[i]++
		}
	}
	for i, n := range attempts {
		need := 1 + lost[i]
		if i == "list[1]" {
			need++
		}
		if n < 1+lost[i] || n > need || lost[i] > 1 {
			r.Errorf("%s has %d attempts, %d of them lost", i, n, lost[i])
		}
		ahead := 0
		if strings.HasPrefix(i, "map") {
			ahead = 1 // it may have begun before its start was refused
		}
		if starts := r.exec.starts(i); starts > n+ahead || starts == 0 {
			r.Errorf("%s was begun %d times, with %d attempts recorded", i, starts, n)
		}
	}
}

// only gives the one run there is, if it is stored.
func (r *rig) only() (run.ID, bool) {
	h, err := r.journal.Find(context.Background(), "last")
	return run.ID(h.Run), err == nil
}

// everyAppend plays the journey with the n-th append refused, for every n, before and after it is stored. The engine
// goes on over the same store, and no event may be lost.
func everyAppend(t *testing.T, err error, goOn func(*rig, run.ID)) {
	t.Helper()
	for _, stored := range []bool{false, true} {
		for n := 1; ; n++ {
			reached := false
			ok := t.Run(fmt.Sprintf("append %d, stored %v", n, stored), func(t *testing.T) {
				bubble(t, journeyScript, func(r *rig) {
					refuse := func(at int, _ store.Append) error {
						if at == n {
							reached = true
							return err
						}
						return nil
					}
					if r.journal.before = refuse; stored {
						r.journal.before, r.journal.after = nil, refuse
					}
					id, serr := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, journey), Inputs: sdk.Values{}})
					if serr == nil {
						_, serr = r.Wait(context.Background(), id)
					}
					if reached && serr == nil {
						r.Error("nobody was told of the refusal")
					}
					synctest.Wait() // it is told of the refusal before it has let go of the run
					id, there := r.only()
					if reached && n == 1 && there != stored {
						r.Errorf("stored: %v", there)
					}
					if !there || !reached {
						return
					}
					s, rerr := r.State(context.Background(), id)
					if rerr != nil {
						r.Fatal(rerr)
					}
					if s.Status.Ended() {
						if s.Status != run.Succeeded {
							r.Errorf("it ended as %s", s.Status)
						}
						return
					}
					goOn(r, id)
				})
			})
			if !ok || !reached {
				if n < 8 {
					t.Errorf("the journey has only %d appends", n-1)
				}
				break
			}
		}
	}
}

// TestCrashAtEveryAppend: the store stops for good, as after a failed commit, and so does the engine; a new one goes on.
func TestCrashAtEveryAppend(t *testing.T) {
	t.Parallel()
	everyAppend(t, fmt.Errorf("disk: %w", store.ErrStopped), func(r *rig, id run.ID) {
		if err := r.Err(); !errors.Is(err, store.ErrStopped) {
			r.Errorf("the engine says %v", err)
		}
		if _, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, film)}); !errors.Is(err, store.ErrStopped) {
			r.Errorf("it took another run: %v", err)
		}
		r.restart()
		r.finish(id)
	})
}

// TestRefusedAppend: an error of one append concerns its run only; it goes on in the same engine.
func TestRefusedAppend(t *testing.T) {
	t.Parallel()
	everyAppend(t, errors.New("the disk is full"), func(r *rig, id run.ID) {
		if err := r.Err(); err != nil {
			r.Errorf("the engine says %v", err)
		}
		r.finish(id)
	})
}

// TestRefusedAppendKeepsNoSlot: the tasks that were to start give their slots back, and other runs go on.
func TestRefusedAppendKeepsNoSlot(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	const two = head + "node \"test.two\" \"a\" { for_each = range(4) }\n"
	bubble(t, map[string]task{}, func(r *rig) {
		r.journal.before = func(n int, _ store.Append) error {
			if n <= 3 {
				return full
			}
			return nil
		}
		for range 3 {
			if _, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, two)}); !errors.Is(err, full) {
				r.Error(err)
			}
		}
		r.wait(r.submit(two), run.Succeeded)
	})
}

// TestLostAttemptOfWhatMayNotBeRepeated fails, and says what to do.
func TestLostAttemptOfWhatMayNotBeRepeated(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"a": hang}, func(r *rig) {
		began := 0
		r.journal.before = func(int, store.Append) error {
			if began++; began > 1 {
				return store.ErrStopped // the result, drained, is not recorded
			}
			return nil
		}
		id := r.submit(head + "node \"test.once\" \"a\" {}\n")
		synctest.Wait()
		r.stop()
		r.journal.before = nil
		lived := time.Unix(1_800_000_000, 0).UTC()
		r.cfg.Lived = func(run.ID) time.Time { return lived }
		r.Engine = engine.New(r.cfg)
		r.adopt(id)
		s := r.wait(id, run.Failed)
		for _, ev := range r.events(id) {
			if lost := ev.Kind == run.AttemptEnded; lost && !ev.Lived.Equal(lived) || !lost && !ev.Lived.IsZero() {
				r.Errorf("%s says that the host lived until %s", ev.Kind, ev.Lived)
			}
		}
		if s.Error.Cause != sdk.CauseLost || !strings.Contains(s.Error.Message, "unknown") || r.exec.starts("a") != 1 {
			r.Errorf("%v after %d starts", s.Error, r.exec.starts("a"))
		}
	})
}

func TestCloseLetsTasksFinish(t *testing.T) {
	t.Parallel()
	script := map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		select {
		case <-time.After(time.Minute):
			return echo(ctx, in)
		case <-ctx.Done():
			return sdk.Result{}, context.Cause(ctx)
		}
	}}
	const two = head + "node \"test.do\" \"a\" {\n v = 1\n}\nnode \"test.do\" \"b\" { v = node.a.v }\noutput \"o\" { value = node.b.v }\n"
	for name, patience := range map[string]time.Duration{"in time": time.Hour, "not in time": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, script, func(r *rig) {
				id := r.submit(two)
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				began := time.Now()
				if err := r.Close(ctx); err != nil {
					r.Error(err)
				}
				if took := time.Since(began); took != min(patience, time.Minute) {
					r.Errorf("closing took %v", took)
				}
				if r.exec.starts("b") != 0 {
					r.Error("b was started by an engine that closes")
				}
				if _, err := r.Submit(ctx, engine.Submission{Pipeline: parse(r, two)}); !errors.Is(err, engine.ErrClosed) {
					r.Errorf("it took another run: %v", err)
				}
				if err := r.Adopt(context.Background(), id); !errors.Is(err, engine.ErrClosed) {
					r.Errorf("it took a run up: %v", err)
				}
				var drained, ended bool
				for _, ev := range r.events(id) {
					ended = ended || ev.Kind == run.AttemptEnded
					drained = drained || ev.Error != nil && ev.Error.Cause == sdk.CauseDrained
				}
				if !ended || drained == (patience > time.Minute) {
					r.Errorf("ended: %v, drained: %v", ended, drained)
				}
				r.Engine = engine.New(r.cfg)
				r.adopt(id)
				s := r.wait(id, run.Succeeded)
				want(r, "the result", s.Outputs, `{"o": 1}`)
				if i := s.Node("a").Instances[0]; i.Tries != 0 || i.Lost != 0 {
					r.Errorf("being drained cost %d tries and %d losses", i.Tries, i.Lost)
				}
			})
		})
	}
}

// TestCancelWhileClosing: a person need not wait for a task that nobody wants.
func TestCancelWhileClosing(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"a": hang}, func(r *rig) {
		id := r.submit(head + "node \"test.do\" \"a\" {}\n")
		var closed sync.WaitGroup
		closed.Go(func() {
			if err := r.Close(context.Background()); err != nil {
				r.Error(err)
			}
		})
		synctest.Wait()
		r.cancel(id)
		closed.Wait()
		r.wait(id, run.Cancelled)
		if err := r.Cancel(context.Background(), id, "", ""); !errors.Is(err, engine.ErrEnded) {
			r.Error(err)
		}
	})
}

// TestCrashAfterCancel: a cancel that was recorded holds after a crash.
func TestCrashAfterCancel(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"a": hang}, func(r *rig) {
		id := r.submit(head + "node \"test.do\" \"a\" {}\n")
		synctest.Wait()
		stop := func(int, store.Append) error { return store.ErrStopped }
		r.journal.after = func(int, store.Append) error { r.journal.before = stop; return nil }
		r.cancel(id)
		synctest.Wait()
		if err := r.Err(); !errors.Is(err, store.ErrStopped) {
			r.Fatalf("the end of the run was recorded, or its refusal is not told: %v", err)
		}
		r.stop()
		r.journal.before, r.journal.after = nil, nil
		r.Engine = engine.New(r.cfg)
		r.adopt(id)
		r.wait(id, run.Cancelled)
		if r.exec.starts("a") != 1 {
			r.Error("it was started again")
		}
	})
}

// TestBigOutputs: what is too big for an event is kept apart, and is the same before a restart and after it.
func TestBigOutputs(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", run.MaxInline) + "!"
	escaped := strings.Repeat("\x01", run.MaxInline/3) // six times as long in JSON
	script := map[string]task{
		"a": func(context.Context, *sdk.Task) (sdk.Result, error) { return give(big) },
		"e": func(context.Context, *sdk.Task) (sdk.Result, error) { return give(escaped) },
		"c": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
			if in.Address.Attempt == 1 {
				return hang(ctx, in)
			}
			return echo(ctx, in)
		},
	}
	bubble(t, script, func(r *rig) {
		id := r.submit(head + `
node "test.do" "a" {}
node "test.do" "e" {}
node "test.do" "b" { v = substr(node.a.v, -1, 1) }
node "test.do" "c" { v = "${node.b.v}${substr(node.a.v, -2, 2)}${length(node.e.v)}" }
output "short" { value = node.c.v }
output "long" { value = node.a.v }
`)
		synctest.Wait()
		if n := r.exec.starts("c"); n != 1 {
			r.Fatalf("c began %d times", n)
		}
		r.restart() // c is drained
		r.adopt(id)
		s := r.wait(id, run.Succeeded)
		want(r, "what the second c saw", s.Node("c").Instances[0].Outputs, `{"v": "!x!21845"}`)
		if s.Outputs != nil || s.OutputsRef == "" {
			r.Error("the run's outputs are in its last event")
		}
		refs := 0
		for _, ev := range r.events(id) {
			raw, err := ev.Encode()
			if err != nil || len(raw) > run.MaxInline+4096 {
				r.Errorf("event %d has %d bytes: %v", ev.Seq, len(raw), err)
			}
			if ev.OutputsRef != "" {
				refs++
			}
		}
		if refs != 3 {
			r.Errorf("%d outputs were kept apart, want 3", refs)
		}
	})
}

// TestNoOutputs: an instance that succeeded without outputs is an object, not a null, whether its event was read or not.
func TestNoOutputs(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil }
	gate := last(2, echo)
	bubble(t, map[string]task{"a": nothing, "late": gate}, func(r *rig) {
		id := r.submit(head + `
node "test.do" "a" { for_each = range(2) }
node "test.do" "soon" { v = [for x in node.a : x == null] }
node "test.do" "late" { v = [for x in node.a : x == null] }
output "o" { value = [node.soon.v, node.late.v] }
`)
		r.wait(id, run.Failed)
		r.restart()
		r.resume(id)
		want(r, "the result", r.wait(id, run.Succeeded).Outputs, `{"o": [[false, false], [false, false]]}`)
	})
}

// TestTakingUpIsExclusive: a run that many take up, resume and cancel at once is advanced by one of them at a time.
func TestTakingUpIsExclusive(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]task{"a": func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		if in.Address.Attempt%3 == 0 {
			return give(nil)
		}
		return sdk.Result{}, sdk.Fail("again", "")
	}})
	id := r.submit(head + "node \"test.do\" \"a\" {}\nnode \"test.do\" \"b\" {\n v = node.a.v\n}\n")
	var all sync.WaitGroup
	for k := range 8 {
		all.Go(func() {
			for range 40 {
				var err error
				switch k % 4 {
				case 0:
					err = r.Adopt(context.Background(), id)
				case 1, 2:
					err = r.Resume(context.Background(), id)
				case 3:
					err = r.Cancel(context.Background(), id, "", "")
				}
				if err != nil && !errors.Is(err, engine.ErrEnded) && !errors.Is(err, engine.ErrNotResumable) {
					r.Error(err)
				}
			}
		})
	}
	all.Wait()
	r.stop()
	if r.journal.conflicts > 0 {
		r.Errorf("%d appends at the same number", r.journal.conflicts)
	}
	once(r, r.events(id))
}

// TestCloseWhileSubmitting: a run is refused, or recorded and let go of; nobody waits for ever.
func TestCloseWhileSubmitting(t *testing.T) {
	t.Parallel()
	for range 50 {
		r := newRig(t, nil)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					id, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, film), Inputs: sdk.Values{}})
					if err == nil {
						_, err = r.Wait(context.Background(), id)
					}
					if err != nil {
						return
					}
				}
			})
		}
		r.stop()
		all.Wait()
	}
}

// TestRunningAhead: a control node begins before its start is durable, and is heard only after.
func TestRunningAhead(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var heard []string
	script := map[string]task{"a": func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		in.Log("info", "one")
		in.Log("info", "two")
		return give("x")
	}}
	change := func(c *engine.Config) {
		c.Reports = func(_ sdk.Address, r sdk.Report) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, r.Message)
		}
	}
	said := func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(heard, " ")
	}
	bubble(t, script, func(r *rig) {
		gate := make(chan error)
		r.journal.before = func(int, store.Append) error { return <-gate }
		submitted := make(chan run.ID, 1)
		go func() {
			submitted <- r.submit(head + "node \"control.calc\" \"a\" {}\noutput \"o\" { value = node.a.v }\n")
		}()
		synctest.Wait()
		if r.exec.starts("a") != 1 {
			r.Error("it did not run ahead")
		}
		if said() != "" {
			r.Errorf("it was heard before its start was durable: %s", said())
		}
		close(gate)
		s := r.wait(<-submitted, run.Succeeded)
		want(r, "the result", s.Outputs, `{"o": "x"}`)
		if said() != "one two" {
			r.Errorf("heard: %q", said())
		}
		heard = nil
		r.journal.before = func(int, store.Append) error { return errors.New("the disk is full") }
		if _, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, head+"node \"control.calc\" \"a\" {}\n")}); err == nil {
			r.Error("submitted")
		}
		synctest.Wait()
		if r.exec.starts("a") != 2 || said() != "" {
			r.Errorf("begun %d times; heard of a start that was refused: %q", r.exec.starts("a"), said())
		}
	}, change)
}

// TestRunOfAnotherHost: when another host has adopted a run, this one stops what it does for it, records nothing, and goes on
// with its other runs.
func TestRunOfAnotherHost(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"a": hang}, func(r *rig) {
		id := r.submit(head + "node \"test.once\" \"a\" {}\n")
		synctest.Wait()
		r.journal.before = func(_ int, a store.Append) error {
			if a.Run == string(id) {
				return &store.NotOwnedError{Run: a.Run, Host: "b"}
			}
			return nil
		}
		if err := r.Cancel(context.Background(), id, "", ""); !errors.Is(err, store.ErrNotOwned) || !strings.Contains(err.Error(), `"b"`) {
			r.Errorf("it can be cancelled here: %v", err)
		}
		if _, err := r.Wait(context.Background(), id); err == nil {
			r.Error("it is still waited for")
		}
		if err := r.Err(); err != nil {
			r.Errorf("the engine says %v", err)
		}
		r.wait(r.submit(head+"node \"test.two\" \"b\" {}\n"), run.Succeeded)
	})
}
