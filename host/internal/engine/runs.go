package engine

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/loop"
	"github.com/myspinbot/spinbot/host/internal/engine/queue"
	"github.com/myspinbot/spinbot/host/internal/engine/reuse"
	"github.com/myspinbot/spinbot/host/internal/engine/stored"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Submission is a run to be made.
type Submission struct {
	// ID of the run, from NewID; empty: a new one. When there is a run with this ID it is left as it is, so that
	// whoever wrote the ID down beforehand may ask again after a crash.
	ID       run.ID
	Pipeline *pipeline.Pipeline
	// Inputs are the values of its variables, as Pipeline.Inputs gave them.
	Inputs sdk.Values
	Owner  string
	// Priority of the run; nil: that of its pipeline.
	Priority *int
	// Seed is what the seeds of its tasks come from; 0: a random one.
	Seed uint64
	// Parent is a run that this one repeats: whatever has the same inputs takes its result from there, but for what
	// From names by its address within the run.
	Parent run.ID
	From   []string
}

// Submit records a new run and sets it going. When it returns, the run is durable.
func (e *Engine) Submit(ctx context.Context, s Submission) (run.ID, error) {
	p, digest, err := e.runs.Keep(ctx, s.Pipeline)
	if err != nil {
		return "", err
	}
	now := e.cfg.Now()
	if s.ID == "" {
		s.ID = NewID(now)
	} else {
		e.naming.Lock() // so that nobody makes it between the look and the append
		defer e.naming.Unlock()
		if _, err := e.State(ctx, s.ID); !errors.Is(err, store.ErrNotFound) {
			return s.ID, err
		}
	}
	r := e.runs.New(s.ID, p)
	if s.Inputs, err = e.seal(ctx, p, s.Inputs); err != nil {
		return "", err
	}
	r.Scopes.Begin(s.ID, s.Owner, s.Inputs)
	var before *reuse.Before
	if s.Parent != "" {
		if before, err = reuse.Earlier(ctx, e.runs, s.Parent, s.From); err != nil {
			return "", err
		}
	}
	if s.Seed == 0 {
		var seed [8]byte
		_, _ = rand.Read(seed[:]) // never fails
		s.Seed = binary.LittleEndian.Uint64(seed[:]) >> 1
	}
	ev := run.Event{Kind: run.RunCreated, Run: s.ID, Pipeline: p.Name, Digest: digest, Bundle: digest, Inputs: s.Inputs,
		Owner: s.Owner, Parent: s.Parent, From: s.From, Seed: s.Seed, Deadline: draft.After(now, p.Timeout)}
	if ev.InputsRef, err = e.runs.Spill(r, "inputs", s.Inputs); err != nil {
		return "", err
	}
	t, err := ticketOf(r, s)
	if err != nil {
		return "", err
	}
	ev.Priority, ev.Concurrency, ev.Limit = t.Priority, t.Key, t.Limit
	if !e.queue.Enter(t) {
		return s.ID, e.park(r, t, ev)
	}
	l := loop.NewLive(r, before)
	l.Ticket = t
	created := loop.Tell(ev)
	if err := e.loop.Register(l, created); err != nil {
		e.queue.Leave(t, false)
		return "", err
	}
	if err := created.Await(context.Background()); err != nil {
		return "", err
	}
	return s.ID, nil
}

// ticketOf says what a new run needs to go on.
func ticketOf(r *stored.Run, s Submission) (*queue.Ticket, error) {
	key, limit, diags := r.Scopes.Of(&r.State.Frame).Concurrency()
	if diags.HasErrors() {
		return nil, diags
	}
	t := &queue.Ticket{ID: r.ID, Priority: r.Pipe.Priority, Place: string(r.ID), Limit: limit}
	if limit > 0 {
		t.Key = r.Pipe.Name + "\x00" + key
	}
	if s.Priority != nil {
		t.Priority = *s.Priority
	}
	return t, nil
}

// park records a run that has to wait for its turn.
func (e *Engine) park(r *stored.Run, t *queue.Ticket, ev run.Event) error {
	if err := e.Err(); err != nil {
		return err
	}
	ev.Queued, ev.Deadline = true, time.Time{}
	d := e.drafts.New(r, nil, e.cfg.Now())
	d.Add(ev)
	d.Head = true
	if err := e.loop.Commit(&d); err != nil {
		if errors.Is(err, store.ErrStopped) || errors.Is(err, store.ErrClosed) {
			e.loop.Fail(err)
		}
		return err
	}
	e.queue.Push(t)
	e.pump()
	return nil
}

// NewID makes the id of a run.
func NewID(now time.Time) run.ID {
	return run.ID("run_" + ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String())
}

// FirstID gives the id before those of all runs that were made at a time or later, and after those of all earlier ones, to
// the millisecond.
func FirstID(t time.Time) run.ID {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(t)) // which is at least 0, and far from its end
	return run.ID("run_" + id.String())
}

// advanced finds a run that is live, or says why it is not.
func (e *Engine) advanced(ctx context.Context, id run.ID) (*loop.Live, error) {
	e.taking.Lock() // so that it does not become live between the two looks
	defer e.taking.Unlock()
	if l := e.loop.Find(id); l != nil {
		return l, nil
	}
	if why := e.queue.Why(id); why != "" {
		return nil, fmt.Errorf("%s has not begun: %s", id, why)
	}
	s, err := e.State(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case s.Status.Ended():
		return nil, endedAs(id, s.Status)
	}
	return nil, fmt.Errorf("%s is not being advanced here; resume it first", id)
}

func endedAs(id run.ID, s run.Status) error {
	if s == run.Cancelled {
		return fmt.Errorf("%s: %w: it was cancelled", id, ErrEnded)
	}
	return fmt.Errorf("%s: %w: it %s", id, ErrEnded, s)
}

// Adopt goes on with an unfinished run of the journal; one that is live already stays as it is. Attempts that were
// under way when its host died end as lost. ErrEnded when there is nothing to go on with.
func (e *Engine) Adopt(ctx context.Context, id run.ID) error {
	_, err := e.take(ctx, id, func(l *loop.Live) (loop.Message, error) {
		if l.State.Status.Ended() {
			return nil, endedAs(id, l.State.Status)
		}
		e.counted(l)
		return loop.Recovered{}, nil
	})
	return err
}

// counted has a run that begins to be advanced here hold its place.
func (e *Engine) counted(l *loop.Live) {
	s := l.State
	l.Ticket = &queue.Ticket{ID: l.ID, Priority: s.Priority, Key: s.Concurrency, Limit: s.Limit}
	e.queue.GoOn(l.Ticket)
}

// Resume continues a run: one that failed or was cancelled keeps what succeeded and tries the rest anew; one that
// was interrupted by a crash goes on.
func (e *Engine) Resume(ctx context.Context, id run.ID) error {
	var resume *loop.Said
	was, err := e.take(ctx, id, func(l *loop.Live) (loop.Message, error) {
		switch l.State.Status {
		case run.Failed, run.Cancelled:
			e.counted(l)
			say := loop.Tell(run.Event{Kind: run.RunResumed, Deadline: draft.After(e.cfg.Now(), l.Pipe.Timeout)})
			resume = &say
			return say, nil
		case run.Succeeded:
			return nil, fmt.Errorf("%s succeeded: %w", id, ErrNotResumable)
		default:
			e.counted(l)
			return loop.Recovered{}, nil
		}
	})
	switch {
	case err != nil:
		return err
	case was:
		return fmt.Errorf("%s is running: %w", id, ErrNotResumable)
	case resume != nil:
		return resume.Await(ctx)
	}
	return nil
}

// take makes a run of the journal live with the message that first chooses for it. was says that it is already.
func (e *Engine) take(ctx context.Context, id run.ID, first func(*loop.Live) (loop.Message, error)) (was bool, err error) {
	e.renew(ctx, id)
	e.taking.Lock()
	defer e.taking.Unlock()
	if e.loop.Find(id) != nil {
		return true, nil
	}
	r, err := e.runs.Load(ctx, id)
	if err != nil {
		return false, err
	}
	var before *reuse.Before
	if s := r.State; s.Parent != "" && !s.Status.Ended() {
		if before, err = reuse.Earlier(ctx, e.runs, s.Parent, s.From); err != nil {
			e.cfg.Log.Warn("nothing is taken from the run that it repeats", "run", id, "error", err)
		}
	}
	l := loop.NewLive(r, before)
	m, err := first(l)
	if err != nil {
		return false, err
	}
	return false, e.loop.Register(l, m)
}

// Wait returns the run's state once it has ended, or why it does not go on, or ctx's error. The state is shared: read
// it only.
func (e *Engine) Wait(ctx context.Context, id run.ID) (*progress.State, error) {
	for {
		l := e.loop.Find(id)
		if l != nil {
			select {
			case <-l.Gone():
				if err := l.Over(); !errors.Is(err, ErrEnded) {
					return nil, err
				}
				return l.State, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		if t := e.queue.Find(id); t != nil {
			select {
			case <-t.Left():
				continue
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		s, err := e.State(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case s.Status.Ended():
			return s, nil
		case l == nil && e.loop.Find(id) == nil:
			return nil, fmt.Errorf("%s is %s and not being advanced here", id, s.Status)
		}
	}
}

// LetGo has another host go on with a run, as the store says: what is under way for it here is stopped, on other machines it
// goes on, and nothing more is recorded. It returns when the run is not here any more, as at once when it was not.
func (e *Engine) LetGo(ctx context.Context, id run.ID, why error) error {
	if t := e.queue.Take(id); t != nil {
		e.queue.Settle(t)
		e.cfg.Log.Warn(why.Error())
		if e.cfg.Left != nil {
			e.cfg.Left(id)
		}
		return nil
	}
	return e.loop.LetGo(ctx, id, why)
}
