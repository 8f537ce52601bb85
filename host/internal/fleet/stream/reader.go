// Package stream reads streams of Redis from their beginning and writes commands in their order, whatever becomes of the
// connection: a Reader notices that it talks to another process of Redis, a Writer repeats what was not confirmed. It knows
// nothing of what stands in them.
package stream

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
)

// MostRead is how many entries of each stream are read at once.
const MostRead = 256

// Reader reads streams from their beginning. What was read stays where it is until somebody deletes it.
type Reader struct {
	Client    redis.UniversalClient
	Namespace string
	Block     time.Duration
	// Due gives how soon the next round trip has to end though nothing is new; nil, or longer than Block: after that.
	Due     func() time.Duration
	Answer  time.Duration // how long after Block an answer may take: a connection may lead nowhere and not say so
	Pause   Backoff
	Streams []string
	// FromNow are the streams of which only what comes from now on counts.
	FromNow map[string]bool
	Heard   func(ok bool, why error) // after each round trip
	Batch   func([]redis.XStream)
	// Began is called before the first read, and again when it is another Redis, or one that has lost its data.
	Began func(ctx context.Context, again bool) error

	at    []string // what was read last of each
	runID string
	// conn is what is read from: of one process of Redis. The client would replace it silently, also by one to the next
	// process, which may have lost what was read.
	conn *redis.Conn
}

// Run reads until ctx ends.
func (r *Reader) Run(ctx context.Context) {
	defer r.close()
	for tries := 0; ctx.Err() == nil; {
		err := r.begin(ctx)
		for err == nil && ctx.Err() == nil {
			err, tries = r.read(ctx), 0
		}
		if ctx.Err() != nil {
			return
		}
		r.Heard(false, err)
		if !r.Pause.Wait(ctx, tries) {
			return
		}
		tries++
	}
}

// begin finds out whether this is the Redis that was read before: another one is read from its beginning.
func (r *Reader) begin(ctx context.Context) error {
	r.close()
	conn, id, err := dial.Connection(ctx, r.Client, r.Namespace)
	if err != nil {
		return err
	}
	r.conn = conn
	if id == r.runID {
		return nil
	}
	at := make([]string, len(r.Streams))
	for k, s := range r.Streams {
		at[k] = "0"
		if r.FromNow[s] {
			if at[k], err = LastOf(ctx, r.Client, s); err != nil {
				return err
			}
		}
	}
	if err := r.Began(ctx, r.runID != ""); err != nil {
		return err
	}
	r.runID, r.at = id, at
	return nil
}

func (r *Reader) close() {
	if r.conn != nil {
		_ = r.conn.Close()
		r.conn = nil
	}
}

// LastOf gives the name of the last entry of a stream; "0": there is none.
func LastOf(ctx context.Context, c redis.UniversalClient, stream string) (string, error) {
	last, err := c.XRevRangeN(ctx, stream, "+", "-", 1).Result()
	if err != nil || len(last) == 0 {
		return "0", err
	}
	return last[0].ID, nil
}

func (r *Reader) read(ctx context.Context) error {
	got, err := r.ask(ctx)
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	for _, s := range got {
		for k, name := range r.Streams {
			if name == s.Stream && len(s.Messages) > 0 {
				r.at[k] = s.Messages[len(s.Messages)-1].ID
			}
		}
	}
	r.Batch(got)
	r.Heard(true, nil)
	return nil
}

// ask asks for what is new. Redis' client cannot be interrupted: when ctx ends nobody waits for the answer, which comes
// within block or goes with the client.
func (r *Reader) ask(ctx context.Context) ([]redis.XStream, error) {
	args := append(append(make([]string, 0, 2*len(r.Streams)), r.Streams...), r.at...)
	block := r.Block
	if r.Due != nil {
		block = max(time.Millisecond, min(block, r.Due().Round(time.Millisecond)+time.Millisecond))
	}
	conn, answer := r.conn, make(chan *redis.XStreamSliceCmd, 1)
	go func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), block+r.Answer)
		defer cancel()
		answer <- conn.XRead(limited, &redis.XReadArgs{Streams: args, Count: MostRead, Block: block})
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
