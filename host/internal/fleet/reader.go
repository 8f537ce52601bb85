package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
)

// mostRead is how many entries of each stream are read at once.
const mostRead = 256

// reader reads streams from their beginning. What was read stays where it is until somebody deletes it.
type reader struct {
	client    redis.UniversalClient
	namespace string
	block     time.Duration
	answer    time.Duration // how long after block an answer may take: a connection may lead nowhere and not say so
	pause     backoff
	streams   []string
	// fromNow are the streams of which only what comes from now on counts.
	fromNow map[string]bool
	heard   func(ok bool, why error) // after each round trip
	batch   func([]redis.XStream)
	// began is called before the first read, and again when it is another Redis, or one that has lost its data.
	began func(ctx context.Context, again bool) error

	at    []string // what was read last of each
	runID string
	// conn is what is read from: of one process of Redis. The client would replace it silently, also by one to the next
	// process, which may have lost what was read.
	conn *redis.Conn
}

// run reads until ctx ends.
func (r *reader) run(ctx context.Context) {
	defer r.close()
	for tries := 0; ctx.Err() == nil; {
		err := r.begin(ctx)
		for err == nil && ctx.Err() == nil {
			err, tries = r.read(ctx), 0
		}
		if ctx.Err() != nil {
			return
		}
		r.heard(false, err)
		if !r.pause.wait(ctx, tries) {
			return
		}
		tries++
	}
}

// begin finds out whether this is the Redis that was read before: another one is read from its beginning.
func (r *reader) begin(ctx context.Context) error {
	r.close()
	conn, id, err := dial.Connection(ctx, r.client, r.namespace)
	if err != nil {
		return err
	}
	r.conn = conn
	if id == r.runID {
		return nil
	}
	at := make([]string, len(r.streams))
	for k, s := range r.streams {
		at[k] = "0"
		if r.fromNow[s] {
			if at[k], err = lastOf(ctx, r.client, s); err != nil {
				return err
			}
		}
	}
	if err := r.began(ctx, r.runID != ""); err != nil {
		return err
	}
	r.runID, r.at = id, at
	return nil
}

func (r *reader) close() {
	if r.conn != nil {
		_ = r.conn.Close()
		r.conn = nil
	}
}

func lastOf(ctx context.Context, c redis.UniversalClient, stream string) (string, error) {
	last, err := c.XRevRangeN(ctx, stream, "+", "-", 1).Result()
	if err != nil || len(last) == 0 {
		return "0", err
	}
	return last[0].ID, nil
}

func (r *reader) read(ctx context.Context) error {
	got, err := r.ask(ctx)
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	for _, s := range got {
		for k, name := range r.streams {
			if name == s.Stream && len(s.Messages) > 0 {
				r.at[k] = s.Messages[len(s.Messages)-1].ID
			}
		}
	}
	r.batch(got)
	r.heard(true, nil)
	return nil
}

// ask asks for what is new. Redis' client cannot be interrupted: when ctx ends nobody waits for the answer, which comes
// within block or goes with the client.
func (r *reader) ask(ctx context.Context) ([]redis.XStream, error) {
	args := append(append(make([]string, 0, 2*len(r.streams)), r.streams...), r.at...)
	conn, answer := r.conn, make(chan *redis.XStreamSliceCmd, 1)
	go func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.block+r.answer)
		defer cancel()
		answer <- conn.XRead(limited, &redis.XReadArgs{Streams: args, Count: mostRead, Block: r.block})
	}()
	select {
	case got := <-answer:
		return got.Result()
	case <-ctx.Done():
		r.conn = nil // it is closed when nobody uses it any more
		go func() { <-answer; _ = conn.Close() }()
		return nil, ctx.Err()
	}
}

// within waits for goroutines that talk to Redis, and not for answers that may never come: those end with the client.
func within(d time.Duration, all *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// same says whether two errors say the same.
func same(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}
