package fleet

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// written gives the commands of what waits, as one try to write them does.
func written(t *testing.T, w *writer) (out []string) {
	t.Helper()
	p := redis.NewClient(&redis.Options{}).Pipeline() // it is never carried out
	for _, x := range w.must {
		x(t.Context(), p)
	}
	for _, c := range p.Cmds() {
		out = append(out, fmt.Sprint(c.Args()))
	}
	return out
}

func TestGathered(t *testing.T) {
	t.Parallel()
	w := newWriter(nil, backoff{}, nil)
	w.del("a", "1")
	w.del("b", "2")
	w.del("a", "3", "4")
	want := "[[xdel a 1 3 4] [xdel b 2]]"
	for range 2 { // a second try writes the same
		if got := fmt.Sprint(written(t, w)); got != want {
			t.Errorf("%s", got)
		}
	}
	w.del("a", "5") // it comes after those were on their way
	if got := fmt.Sprint(written(t, w)); got != "[[xdel a 1 3 4] [xdel b 2] [xdel a 5]]" {
		t.Errorf("%s", got)
	}
}

func TestGatheredIsBounded(t *testing.T) {
	t.Parallel()
	w := newWriter(nil, backoff{}, nil)
	for k := range 2*mostTaken + 1 {
		w.del("a", strconv.Itoa(k))
	}
	if got := written(t, w); len(got) != 3 || got[2] != fmt.Sprintf("[xdel a %d]", 2*mostTaken) {
		t.Errorf("%d commands", len(got))
	}
}

// TestGatheredByMany hammers the lock, over a real Redis: every entry goes.
func TestGatheredByMany(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	c, stream := r.redis.Client(t), string(KeysOf(r.ns))+"s"
	w := newWriter(c, fast.backoff(), func(err error) { t.Error(err) })
	stop := r.running(func(ctx context.Context) error { w.run(ctx); return nil })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				id, err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{"k", "v"}}).Result()
				if err != nil {
					t.Error(err)
					return
				}
				w.del(stream, id)
			}
		})
	}
	all.Wait()
	r.until("all is written", func() bool { return w.waiting() == 0 })
	stop()
	if n, err := c.XLen(t.Context(), stream).Result(); n != 0 || err != nil {
		t.Errorf("%d entries are left, %v", n, err)
	}
}

// What is no JSON is told where it comes from, and ends what sent it.
func TestNoJSON(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	h, _ := r.host("h")
	r.agent("a", "1")
	r.hears("a")
	nothing, whole := func(sdk.Report) {}, func(protocol.Result) bool { return true }
	if _, err := h.Execute(t.Context(), "a", "run/1", []byte(`{"a":`), nothing, whole); err == nil {
		t.Error("it was sent")
	}
	if res, err := r.task(t.Context(), h, "a", "run/2", "garble"); err != nil || res.Error == nil || res.Error.Message != "what came of it is no JSON" {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := r.task(t.Context(), h, "a", "run/3", "echo"); err != nil || res.Error != nil {
		t.Errorf("%+v, %v", res, err)
	}
}
