package stream

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
	r := &Reader{Client: server.Client(t), Namespace: "ns", Block: time.Millisecond, Answer: time.Second, Pause: Backoff{First: time.Millisecond, Last: time.Millisecond}, Streams: []string{"stream"}}
	r.Heard = func(bool, error) {}
	r.Batch = func([]redis.XStream) {}
	r.Began = func(context.Context, bool) error { began++; return nil }
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

// TestDue: a read in which nothing comes ends when something else is due.
func TestDue(t *testing.T) {
	t.Parallel()
	r := &Reader{Client: redistest.Start(t).Client(t), Namespace: "ns", Block: time.Hour, Answer: time.Minute, Streams: []string{"stream"},
		Due: func() time.Duration { return -time.Second }, Heard: func(bool, error) {}, Batch: func([]redis.XStream) {},
		Began: func(context.Context, bool) error { return nil }}
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := r.read(t.Context()); err != nil || time.Since(began) > 30*time.Second {
		t.Errorf("it took %s: %v", time.Since(began), err)
	}
}
