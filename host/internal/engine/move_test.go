package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

// TestMove: a run goes where it is put, among runs of any priority, and is there after a restart; setting its priority ends that.
func TestMove(t *testing.T) {
	t.Parallel()
	release := map[string]task{"a": func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
		<-ctx.Done()
		return sdk.Result{}, context.Cause(ctx)
	}}
	bubble(t, release, func(r *rig) {
		ctx := context.Background()
		ids, names := map[string]run.ID{}, map[run.ID]string{}
		ids["going"] = r.submitAs(limited, "ada", 0)
		for _, name := range strings.Fields("a b c d e") {
			time.Sleep(time.Millisecond) // of the bubble: so that ids have an order
			ids[name] = r.submitAs(limited, name, map[string]int{"a": 5}[name])
			names[ids[name]] = name
		}
		synctest.Wait()
		queued := func() string {
			var out []string
			list, _, _ := r.Queue(0)
			for _, q := range list {
				out = append(out, names[q.Run])
			}
			return strings.Join(out, " ")
		}
		for _, m := range []struct {
			run, other string
			behind     bool
			want       string
		}{
			{"d", "c", false, "a b d c e"},
			{"e", "c", false, "a b d e c"},
			{"b", "c", true, "a d e c b"},
			{"c", "a", true, "a c d e b"},
			{"b", "", false, "b a c d e"},
			{"b", "", false, "b a c d e"},
			{"e", "a", false, "b e a c d"},
			{"b", "d", true, "e a c d b"},
			{"d", "b", true, "e a c b d"},
		} {
			if err := r.Move(ctx, ids[m.run], ids[m.other], m.behind, "ada"); err != nil || queued() != m.want {
				r.Errorf("%+v: %q, %v", m, queued(), err)
			}
		}
		for _, pair := range [][2]run.ID{{ids["going"], ids["a"]}, {ids["a"], ids["going"]}, {ids["a"], "run_none"}, {ids["a"], ids["a"]}} {
			if err := r.Move(ctx, pair[0], pair[1], false, ""); !errors.Is(err, engine.ErrNotQueued) || queued() != "e a c b d" {
				r.Errorf("%v: %q, %v", pair, queued(), err)
			}
		}
		r.stop()
		r.Engine = engine.New(r.cfg)
		r.PauseQueue(true)
		for _, name := range strings.Fields("a b c d e") {
			if err := r.Enqueue(ctx, ids[name]); err != nil {
				r.Error(err)
			}
		}
		if queued() != "e a c b d" {
			r.Errorf("after a restart: %q", queued())
		}
		if err := r.Prioritize(ctx, ids["e"], 0, "ada"); err != nil || queued() != "a c e b d" {
			r.Errorf("%q, %v", queued(), err)
		}
	}, func(c *engine.Config) { c.MaxRuns = 1 })
}

// TestHammerMove: runs that are moved at once all stay in the queue, at places of their own.
func TestHammerMove(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.PauseQueue(true)
	var ids []run.ID
	for range 8 {
		ids = append(ids, r.submitAs(limited, "ada", 0))
	}
	var group sync.WaitGroup
	for k := range ids {
		group.Go(func() {
			for n := range 20 {
				if err := r.Move(t.Context(), ids[k], ids[(k+1+n%7)%len(ids)], n%2 == 0, "ada"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	list, total, _ := r.Queue(0)
	if total != len(ids) || len(list) != len(ids) {
		t.Errorf("%d runs wait, want %d", total, len(ids))
	}
}
