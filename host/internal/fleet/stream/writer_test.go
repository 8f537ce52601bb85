package stream

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

// written gives the commands of what waits, as one try to write them does.
func written(t *testing.T, w *Writer) (out []string) {
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
	w := NewWriter(nil, Backoff{}, nil)
	w.Del("a", "1")
	w.Del("b", "2")
	w.Del("a", "3", "4")
	want := "[[xdel a 1 3 4] [xdel b 2]]"
	for range 2 { // a second try writes the same
		if got := fmt.Sprint(written(t, w)); got != want {
			t.Errorf("%s", got)
		}
	}
	w.Del("a", "5") // it comes after those were on their way
	if got := fmt.Sprint(written(t, w)); got != "[[xdel a 1 3 4] [xdel b 2] [xdel a 5]]" {
		t.Errorf("%s", got)
	}
}

func TestGatheredIsBounded(t *testing.T) {
	t.Parallel()
	w := NewWriter(nil, Backoff{}, nil)
	for k := range 2*mostTaken + 1 {
		w.Del("a", strconv.Itoa(k))
	}
	if got := written(t, w); len(got) != 3 || got[2] != fmt.Sprintf("[xdel a %d]", 2*mostTaken) {
		t.Errorf("%d commands", len(got))
	}
}

// TestGatheredByMany hammers the lock, over a real Redis: every entry goes.
func TestGatheredByMany(t *testing.T) {
	t.Parallel()
	c, stream := redistest.Start(t).Client(t), "s"
	w := NewWriter(c, Backoff{First: time.Millisecond, Last: time.Millisecond}, func(err error) { t.Error(err) })
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				id, err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{"k", "v"}}).Result()
				if err != nil {
					t.Error(err)
					return
				}
				w.Del(stream, id)
			}
		})
	}
	all.Wait()
	for deadline := time.Now().Add(60 * time.Second); w.Waiting() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d commands are not written", w.Waiting())
		}
	}
	stop()
	running.Wait()
	if n, err := c.XLen(t.Context(), stream).Result(); n != 0 || err != nil {
		t.Errorf("%d entries are left, %v", n, err)
	}
}
