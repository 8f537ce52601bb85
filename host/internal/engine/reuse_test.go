package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/cache/cachetest"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeCache keeps results in memory; as a store on disk, it gives each its own.
type fakeCache struct {
	now func() time.Time

	mu      sync.Mutex
	results map[string][]byte
	used    map[string]time.Time
}

func newFakeCache(now func() time.Time) *fakeCache {
	return &fakeCache{now: now, results: map[string][]byte{}, used: map[string]time.Time{}}
}

func (f *fakeCache) Get(_ context.Context, key string) (e cache.Entry, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	raw, ok := f.results[key]
	if !ok {
		return e, cache.ErrNotFound
	}
	f.used[key] = f.now()
	return e, json.Unmarshal(raw, &e)
}

func (f *fakeCache) Put(_ context.Context, e cache.Entry) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used[e.Key] = f.now()
	f.results[e.Key], err = json.Marshal(e)
	return err
}

func (f *fakeCache) List(context.Context) (out []cache.Entry, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, raw := range f.results {
		e := cache.Entry{Used: f.used[key], Size: int64(len(raw))}
		err = errors.Join(err, json.Unmarshal(raw, &e))
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b cache.Entry) int { return b.Used.Compare(a.Used) })
	return out, err
}

func (f *fakeCache) Remove(_ context.Context, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.results, key)
	return nil
}

func TestFakeCache(t *testing.T) {
	t.Parallel()
	cachetest.Suite{Open: func(_ *testing.T, now func() time.Time) cache.Store { return newFakeCache(now) }}.Run(t)
}

func caching(c *engine.Config) { c.Cache = newFakeCache(time.Now) }

func pure(name, v, more string) string {
	return fmt.Sprintf(`
node "test.pure" %q {
  v = %s
  %s
}
`, name, v, more)
}

const ttl = `cache { ttl = "1h" }`

// TestCache: a result is used again while it is fresh, by whoever has the same inputs; nothing is kept unasked, or of
// what failed.
func TestCache(t *testing.T) {
	t.Parallel()
	bubble(t, map[string]task{"bad": last(2, echo)}, func(r *rig) {
		text := head + pure("a", `{ x = 1 }`, ttl) + pure("plain", "2", "") + pure("b", `node.a.v.x`, ttl) + `
output "v" { value = node.b.v }`
		first := r.wait(r.submit(text), run.Succeeded)
		r.wait(r.submit(text), run.Succeeded)
		s := r.wait(r.submit(strings.ReplaceAll(strings.ReplaceAll(text, `"b"`, `"c"`), "node.b", "node.c")), run.Succeeded)
		want(r, "the output", s.Outputs, `{"v": 1}`)
		if i := s.Node("c").Instances[0]; i.State != run.NodeCached || i.Source != string(first.ID)+"/node.b/1" {
			r.Error(i.State, i.Source)
		}
		if a, p := r.exec.starts("a"), r.exec.starts("plain"); a != 1 || p != 3 {
			r.Errorf("a ran %d times, plain %d", a, p)
		}
		time.Sleep(time.Hour + time.Second)
		r.wait(r.submit(text), run.Succeeded)
		if a := r.exec.starts("a"); a != 2 {
			r.Errorf("a ran %d times", a)
		}
		r.wait(r.submit(head+pure("bad", "99", ttl)), run.Failed)
		r.wait(r.submit(head+pure("bad", "99", ttl)), run.Failed)
		if n := r.exec.starts("bad"); n != 2 {
			r.Errorf("bad ran %d times", n)
		}
	}, caching)
}

// TestFlight: of equal tasks under way one runs; when it fails or is cancelled the next one does.
func TestFlight(t *testing.T) {
	t.Parallel()
	for _, ends := range []string{"well", "badly", "cancelled"} {
		release := make(chan struct{})
		script := map[string]task{"a": func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
			select {
			case <-release:
			case <-ctx.Done():
				return sdk.Result{}, context.Cause(ctx)
			}
			return echo(ctx, in)
		}}
		bubble(t, script, func(r *rig) {
			release = make(chan struct{})
			text := head + pure("a", "1", ttl)
			leader := r.submit(text)
			synctest.Wait()
			var ids []run.ID
			for range 20 {
				ids = append(ids, r.submit(text))
			}
			synctest.Wait()
			if n := r.exec.starts("a"); n != 1 {
				r.Fatalf("%d are under way", n)
			}
			x, err := r.Explain(context.Background(), ids[0], nil)
			if err != nil || len(x) < 2 || !strings.Contains(x[1].Why, "another task with the same inputs") {
				r.Error(x, err)
			}
			wantStarts := 1
			switch ends {
			case "badly":
				if err := r.CancelNode(context.Background(), at(r, leader, "node.a"), "", ""); err != nil {
					r.Error(err)
				}
				wantStarts = 2
			case "cancelled":
				r.cancel(ids[3])
				r.cancel(leader)
				r.wait(ids[3], run.Cancelled)
				ids = slices.Delete(ids, 3, 4)
				wantStarts = 2
			}
			synctest.Wait()
			close(release)
			for _, id := range ids {
				r.wait(id, run.Succeeded)
			}
			if n := r.exec.starts("a"); n != wantStarts {
				r.Errorf("%s: it ran %d times", ends, n)
			}
		}, caching)
	}
}

// TestRerun: a run that repeats another takes from it whatever has the same inputs, tells where it is from and why the
// rest was done again, also when it goes on after a crash.
func TestRerun(t *testing.T) {
	t.Parallel()
	text := func(word string) string {
		return head + `
node "test.do" "a" { v = "a" }
node "test.do" "b" { v = "` + word + `" }
gate "ok" { message = node.a.v }
module "m" {
  source   = "./m.hcl"
  for_each = ["x", "y"]
  w        = "${each.value}${gate.ok.approved}"
  b        = each.key == 1 ? node.b.v : ""
}
node "test.do" "z" { v = [for m in module.m : m.v] }
output "v" { value = node.z.v }
-- m.hcl --
pipeline "m" {}
variable "w" { type = string }
variable "b" { type = string }
node "test.do" "first" { v = var.w }
node "test.do" "second" { v = "${node.first.v}${var.b}" }
output "v" { value = node.second.v }
`
	}
	bubble(t, nil, func(r *rig) {
		ctx := context.Background()
		old := r.submit(text("b"))
		synctest.Wait()
		if err := r.Answer(ctx, at(r, old, "gate.ok"), eval.Answer{Approved: true, By: "ada"}); err != nil {
			r.Fatal(err)
		}
		r.wait(old, run.Succeeded)
		rerun := func(word string, from ...string) *progress.State {
			id, err := r.Submit(ctx, engine.Submission{Pipeline: parse(r, text(word)), Inputs: sdk.Values{}, Parent: old, From: from})
			if err != nil {
				r.Fatal(err)
			}
			return r.wait(id, run.Succeeded)
		}
		ran := func(s *progress.State) string {
			var out []string
			for _, ev := range r.events(s.ID) {
				if ev.Kind == run.AttemptStarted {
					out = append(out, within(ev)+": "+strings.ReplaceAll(ev.Reason, string(old), "OLD"))
				}
			}
			slices.Sort(out)
			return strings.Join(out, "\n")
		}
		same := rerun("b")
		if got := ran(same); got != "" {
			r.Errorf("nothing has changed, yet it ran\n%s", got)
		}
		want(r, "the output", same.Outputs, `{"v": ["xtrue", "ytrueb"]}`)
		if i := same.Node("a").Instances[0]; i.State != run.NodeCached || i.Source != string(old)+"/node.a/1" {
			r.Error(i.State, i.Source)
		}
		if i := same.Node("gate.ok").Instances[0]; i.Outputs["by"] != "ada" {
			r.Error(i.Outputs)
		}
		changed := rerun("B")
		if got, exp := ran(changed), `module.m[1]/node.second: its input v was another one in OLD
node.b: its input v was another one in OLD
node.z: its input v was another one in OLD`; got != exp {
			r.Errorf("got\n%s\nwant\n%s", got, exp)
		}
		forced := rerun("b", "module.m[0]/node.first")
		if got, exp := ran(forced), `module.m[0]/node.first: it is done again as wished`; got != exp {
			r.Errorf("got\n%s\nwant\n%s", got, exp)
		}
		// of a rerun, too, and the sources stay those of who did the work
		id, err := r.Submit(ctx, engine.Submission{Pipeline: parse(r, text("b")), Inputs: sdk.Values{}, Parent: same.ID})
		if err != nil {
			r.Fatal(err)
		}
		if i := r.wait(id, run.Succeeded).Node("a").Instances[0]; i.Source != string(old)+"/node.a/1" {
			r.Error(i.Source)
		}
	})
}

func within(ev run.Event) string {
	a := ev.At("run_x")
	a.Attempt = 0
	return strings.TrimPrefix(a.String(), "run_x/")
}
