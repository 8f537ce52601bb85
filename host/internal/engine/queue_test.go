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

// gatedTask waits until the test lets it go on.
func gatedTask(release <-chan struct{}) task {
	return func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
		select {
		case <-release:
			return echo(ctx, in)
		case <-ctx.Done():
			return sdk.Result{}, context.Cause(ctx)
		}
	}
}

// submitAs submits a run of a person, with a priority.
func (r *rig) submitAs(text, owner string, priority int) run.ID {
	r.Helper()
	id, err := r.Submit(context.Background(), engine.Submission{Pipeline: parse(r, text), Inputs: sdk.Values{}, Owner: owner, Priority: &priority})
	if err != nil {
		r.Fatal(err)
	}
	return id
}

const limited = `pipeline "p" {
  timeout = "1h"
  concurrency {
    limit = 2
    key   = run.user
  }
}
node "test.do" "a" { v = 1 }
output "v" { value = node.a.v }
`

// order gives the names of the runs in the order in which they began.
func order(r *rig, names map[run.ID]string) string {
	var out []string
	for _, a := range r.exec.began {
		out = append(out, names[run.ID(a.Run)])
	}
	return strings.Join(out, " ")
}

// TestQueue: no more runs go on than may, those of higher priority first, and never more than a concurrency key allows.
func TestQueue(t *testing.T) {
	t.Parallel()
	var release chan struct{}
	script := map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) { return gatedTask(release)(ctx, in) }}
	bubble(t, script, func(r *rig) {
		ctx := context.Background()
		release = make(chan struct{})
		names := map[run.ID]string{}
		submit := func(name, owner string, priority int) run.ID {
			time.Sleep(time.Millisecond) // of the bubble: ids of one millisecond have no order that other tests would not disturb
			id := r.submitAs(limited, owner, priority)
			names[id] = name
			synctest.Wait()
			return id
		}
		submit("a1", "ada", 0)
		submit("a2", "ada", 0)
		a3 := submit("a3", "ada", 0) // a third of hers
		submit("b1", "bea", 0)
		c1 := submit("c1", "cy", 0) // three runs go on
		c2 := submit("c2", "cy", 5)
		gone := submit("gone", "cy", 9)
		if got := order(r, names); got != "a1 a2 b1" {
			r.Fatal(got)
		}
		for id, why := range map[run.ID]string{a3: "2 runs are under way with its pipeline's concurrency key", c1: "3 runs are under way, as many as may be at once; 3 runs wait before it"} {
			x, err := r.Explain(ctx, id, nil)
			if err != nil || !strings.Contains(x[0].Why, why) {
				r.Error(err, x)
			}
		}
		if err := r.Pause(ctx, a3, "", ""); err == nil || !strings.Contains(err.Error(), "has not begun") {
			r.Error(err)
		}
		if err := r.Cancel(ctx, gone, "", "no"); err != nil {
			r.Error(err)
		}
		r.wait(gone, run.Cancelled)
		if err := r.Prioritize(ctx, c1, 7, "ada"); err != nil {
			r.Error(err)
		}
		// after a restart everything is where it was
		r.stop()
		r.Engine = engine.New(r.cfg)
		heads, _ := r.journal.List(ctx, store.Query{})
		for k := len(heads) - 1; k >= 0; k-- {
			id := run.ID(heads[k].Run)
			switch run.Status(heads[k].State) {
			case run.Created:
				if err := r.Enqueue(ctx, id); err != nil {
					r.Error(err)
				}
			case run.Running:
				r.adopt(id)
			}
		}
		time.Sleep(time.Second) // then what was drained begins again
		synctest.Wait()
		r.exec.mu.Lock()
		r.exec.began = nil
		r.exec.mu.Unlock()
		list, total, _ := r.Queue(0)
		if total != 3 || list[0].Run != c1 || list[1].Run != c2 || list[2].Run != a3 {
			r.Fatal(total, list)
		}
		r.PauseQueue(true)
		close(release)
		synctest.Wait()
		if got := order(r, names); got != "" || r.Live() != 0 {
			r.Errorf("the queue is paused: %q began, %d are live", got, r.Live())
		}
		release = make(chan struct{})
		r.PauseQueue(false)
		synctest.Wait()
		close(release)
		for id := range names {
			if id != gone {
				r.wait(id, run.Succeeded)
			}
		}
		if s := r.wait(c2, run.Succeeded); s.Priority != 5 || s.Deadline.IsZero() {
			r.Error(s.Priority, s.Deadline)
		}
		if err := r.Enqueue(ctx, a3); !errors.Is(err, engine.ErrEnded) {
			r.Error(err)
		}
	}, func(c *engine.Config) { c.MaxRuns = 3 })
}

// TestQueueRests: a run that only waits for a person makes room for others.
func TestQueueRests(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		for range 5 {
			r.submit(head + `gate "ok" {}`)
		}
		synctest.Wait()
		r.wait(r.submit(head+`node "test.do" "a" {}`), run.Succeeded)
		if r.Live() != 5 || r.Working() != 0 {
			r.Error(r.Live(), r.Working())
		}
		for id := range r.lives() {
			r.cancel(id)
			r.wait(id, run.Cancelled)
		}
		r.wait(r.submit(head+`node "test.do" "a" {}`), run.Succeeded)
	}, func(c *engine.Config) { c.MaxRuns = 1 })
}

// lives are the runs that have not ended.
func (r *rig) lives() map[run.ID]bool {
	heads, err := r.journal.List(context.Background(), store.Query{States: []string{"running"}})
	if err != nil {
		r.Fatal(err)
	}
	out := map[run.ID]bool{}
	for _, h := range heads {
		out[run.ID(h.Run)] = true
	}
	return out
}

// TestQueueHammer submits from many sides while runs end, are cancelled and prioritized.
func TestQueueHammer(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		ctx := context.Background()
		ids := make(chan run.ID, 400)
		for who := range 8 {
			go func() {
				for n := range 50 {
					ids <- r.submitAs(limited, fmt.Sprint("u", who%4), n%3)
				}
			}()
		}
		for n := range 400 {
			id := <-ids
			switch n % 10 {
			case 3:
				_ = r.Cancel(ctx, id, "", "") // it may have ended
			case 6:
				_ = r.Prioritize(ctx, id, 9, "")
			}
			defer func() {
				if s, err := r.Wait(ctx, id); err != nil || !s.Status.Ended() {
					r.Error(err)
				}
			}()
		}
		synctest.Wait()
		if _, total, _ := r.Queue(0); total != 0 || r.Live() != 0 {
			r.Errorf("%d wait, %d are live", total, r.Live())
		}
		if most := r.exec.max[""]; most > 3 {
			r.Errorf("%d tasks were under way", most)
		}
	}, func(c *engine.Config) { c.MaxRuns = 3 })
}

// TestPriority: among tasks that wait for room those of higher priority go first, whatever their run's turn.
func TestPriority(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	bubble(t, map[string]task{"first": gatedTask(release)}, func(r *rig) {
		release = make(chan struct{})
		r.exec.script["first"] = gatedTask(release)
		r.submit(head + `node "test.one" "first" {}`)
		synctest.Wait()
		names := map[run.ID]string{}
		for name, priority := range map[string]int{"low": -1, "mid": 0, "high": 3} {
			names[r.submitAs(head+`node "test.one" "a" {}`, "ada", priority)] = name
		}
		id := r.submitAs(head+`
node "test.one" "x" { priority = 2 }
node "test.one" "y" { priority = -5 }`, "ada", 0)
		names[id] = "both"
		synctest.Wait()
		close(release)
		for id := range names {
			r.wait(id, run.Succeeded)
		}
		r.exec.began = r.exec.began[1:]
		if got := order(r, names); got != "high both mid low both" {
			r.Error(got)
		}
	})
}

// TestHold: while something is in the way no run and no attempt begins, what is under way finishes, and all of it goes on
// in its order when nothing is.
func TestHold(t *testing.T) {
	t.Parallel()
	release := map[string]chan struct{}{}
	script := map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) { return gatedTask(release["a"])(ctx, in) }}
	bubble(t, script, func(r *rig) {
		ctx := context.Background()
		release["a"] = make(chan struct{})
		const full = "the disk is nearly full"
		const chain = `
			node "test.do" "a" { v = 1 }
			node "test.do" "b" { v = node.a.v }
			node "test.one" "c" { v = node.a.v }
			node "control.calc" "d" { v = node.a.v }
			node "test.do" "last" {
			  v          = node.b.v
			  depends_on = [node.c, node.d]
			}`
		under := r.submit(head + chain)
		synctest.Wait()
		r.Hold(full)
		close(release["a"])
		later := r.submit(head + chain)
		synctest.Wait()
		if got := len(r.exec.began); got != 1 {
			r.Errorf("%d attempts began, want that of a alone: %v", got, r.exec.began)
		}
		for _, c := range []struct {
			id  run.ID
			at  string
			why string
		}{{under, "node.b", "it waits: " + full}, {under, "node.c", "it waits: " + full}, {under, "node.d", "it waits: " + full}, {later, "", "it waits: " + full + "; it is the next"}} {
			var choose func(sdk.Address) bool
			if c.at != "" {
				choose = func(a sdk.Address) bool { return strings.HasSuffix(a.String(), "/"+c.at) }
			}
			if x, err := r.Explain(ctx, c.id, choose); err != nil || len(x) == 0 || x[0].Why != c.why {
				r.Errorf("%s: %v, %v, want %q", c.at, err, x, c.why)
			}
		}
		r.Hold("another reason")
		if x, _ := r.Explain(ctx, later, nil); !strings.Contains(x[0].Why, "another reason") {
			r.Error(x[0].Why)
		}
		r.Hold("")
		r.wait(under, run.Succeeded)
		r.wait(later, run.Succeeded)
	}, func(c *engine.Config) { c.MaxTasks = 2 })
}

// TestHoldThenCancel: what waits for room leaves nothing behind when its run is cancelled.
func TestHoldThenCancel(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		r.Hold("the disk is nearly full")
		waits := r.submit(head + `node "test.one" "a" {}`)
		r.cancel(waits)
		r.wait(waits, run.Cancelled)
		r.Hold("")
		under := r.submit(head + "node \"test.do\" \"first\" {}\nnode \"test.one\" \"a\" { depends_on = [node.first] }")
		synctest.Wait()
		r.wait(under, run.Succeeded) // nobody holds the only slot
	}, func(c *engine.Config) { c.MaxTasks = 1 })
}

// TestReading: no run with a concurrency key begins while those from before the restart are still being taken up.
func TestReading(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		r.Reading(true)
		keyed := r.submitAs(limited, "ada", 0)
		r.wait(r.submit(head+`node "test.do" "a" {}`), run.Succeeded)
		x, err := r.Explain(context.Background(), keyed, nil)
		if err != nil || !strings.Contains(x[0].Why, "until the host has read back what was under way") {
			r.Error(err, x)
		}
		r.Reading(false)
		r.wait(keyed, run.Succeeded)
	})
}

// TestLastWords: whoever says something to a run that is just ending is answered.
func TestLastWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var all sync.WaitGroup
	r.journal.after = func(_ int, a store.Append) error {
		for range 32 {
			if a.Head != nil && run.Status(a.Head.State).Ended() {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					if err := r.Cancel(ctx, run.ID(a.Run), "", ""); !errors.Is(err, engine.ErrEnded) {
						t.Error(err)
					}
				})
			}
		}
		return nil
	}
	for range 200 {
		r.wait(r.submit(head+"node \"control.calc\" \"a\" { v = 1 }"), run.Succeeded)
	}
	all.Wait()
}
