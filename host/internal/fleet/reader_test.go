package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

// The client replaces a connection that ended between two reads, and says nothing of it: the reader has to notice by itself
// that it talks to another process of Redis, which may have lost what this one knew.
func TestRedisRestartedBetweenTwoReads(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Fsync("always"))
	began := 0
	r := &reader{client: server.Client(t), namespace: "ns", block: time.Millisecond, answer: fast.Beat, pause: fast.backoff(), streams: []string{"stream"}}
	r.heard = func(bool, error) {}
	r.batch = func([]redis.XStream) {}
	r.began = func(context.Context, bool) error { began++; return nil }
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Restart(t)
	for range 3 { // as run does
		if r.read(t.Context()) != nil {
			if err := r.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if began != 2 {
		t.Errorf("it began %d times: the other process went unnoticed", began)
	}
}

// Whoever is asked to end does so at once, though Redis does not answer any more.
func TestEndsThoughRedisIsFrozen(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Start(t))
	_, stopHost := r.host("h")
	_, stopAgent := r.agent("a", "1")
	r.hears("a")
	r.redis.Stop(t)
	defer r.redis.Cont(t)
	began := time.Now()
	stopAgent()
	stopHost()
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("it took %s", d)
	}
}
