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
	p, digest, err := e.keep(ctx, s.Pipeline)
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
	l := e.newLive(s.ID, p)
	if s.Inputs, err = e.seal(ctx, p, s.Inputs); err != nil {
		return "", err
	}
	l.scopes.Begin(l.id, s.Owner, s.Inputs)
	if s.Parent != "" {
		if l.before, err = e.earlierRun(ctx, s.Parent, s.From); err != nil {
			return "", err
		}
	}
	if s.Seed == 0 {
		var seed [8]byte
		_, _ = rand.Read(seed[:]) // never fails
		s.Seed = binary.LittleEndian.Uint64(seed[:]) >> 1
	}
	ev := run.Event{Kind: run.RunCreated, Run: l.id, Pipeline: p.Name, Digest: digest, Bundle: digest, Inputs: s.Inputs,
		Owner: s.Owner, Parent: s.Parent, From: s.From, Seed: s.Seed, Deadline: after(now, p.Timeout)}
	if ev.InputsRef, err = e.spill(l, "inputs", s.Inputs); err != nil {
		return "", err
	}
	t, err := ticketOf(l, s)
	if err != nil {
		return "", err
	}
	ev.Priority, ev.Concurrency, ev.Limit = t.priority, t.key, t.limit
	if !e.queue.enter(t) {
		return l.id, e.park(l, t, ev)
	}
	l.ticket = t
	created := tell(ev)
	if err := e.register(l, created); err != nil {
		e.queue.leave(t, false)
		return "", err
	}
	if err := <-created.durable; err != nil {
		return "", err
	}
	return l.id, nil
}

// ticketOf says what a new run needs to go on.
func ticketOf(l *live, s Submission) (*ticket, error) {
	key, limit, diags := l.scopes.Of(&l.state.Frame).Concurrency()
	if diags.HasErrors() {
		return nil, diags
	}
	t := &ticket{id: l.id, priority: l.pipe.Priority, place: string(l.id), limit: limit}
	if limit > 0 {
		t.key = l.pipe.Name + "\x00" + key
	}
	if s.Priority != nil {
		t.priority = *s.Priority
	}
	return t, nil
}

// park records a run that has to wait for its turn.
func (e *Engine) park(l *live, t *ticket, ev run.Event) error {
	if err := e.Err(); err != nil {
		return err
	}
	ev.Queued, ev.Deadline = true, time.Time{}
	p := &pass{e: e, l: l, now: e.cfg.Now()}
	p.add(ev)
	p.head = true
	if err := p.commit(); err != nil {
		if errors.Is(err, store.ErrStopped) || errors.Is(err, store.ErrClosed) {
			e.fail(err)
		}
		return err
	}
	e.queue.push(t)
	e.pump()
	return nil
}

func after(now time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return now.Add(d)
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
func (e *Engine) advanced(ctx context.Context, id run.ID) (*live, error) {
	e.taking.Lock() // so that it does not become live between the two looks
	defer e.taking.Unlock()
	if l := e.find(id); l != nil {
		return l, nil
	}
	if why := e.queue.describe(id); why != "" {
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

func await(ctx context.Context, m told) error {
	select {
	case err := <-m.durable:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Adopt goes on with an unfinished run of the journal; one that is live already stays as it is. Attempts that were
// under way when its host died end as lost. ErrEnded when there is nothing to go on with.
func (e *Engine) Adopt(ctx context.Context, id run.ID) error {
	_, err := e.take(ctx, id, func(l *live) (message, error) {
		if l.state.Status.Ended() {
			return nil, endedAs(id, l.state.Status)
		}
		e.counted(l)
		return recovered{}, nil
	})
	return err
}

// counted has a run that begins to be advanced here hold its place.
func (e *Engine) counted(l *live) {
	s := l.state
	l.ticket = &ticket{id: l.id, priority: s.Priority, key: s.Concurrency, limit: s.Limit}
	e.queue.goOn(l.ticket)
}

// Resume continues a run: one that failed or was cancelled keeps what succeeded and tries the rest anew; one that
// was interrupted by a crash goes on.
func (e *Engine) Resume(ctx context.Context, id run.ID) error {
	var resume told
	was, err := e.take(ctx, id, func(l *live) (message, error) {
		switch l.state.Status {
		case run.Failed, run.Cancelled:
			e.counted(l)
			resume = tell(run.Event{Kind: run.RunResumed, Deadline: after(e.cfg.Now(), l.pipe.Timeout)})
			return resume, nil
		case run.Succeeded:
			return nil, fmt.Errorf("%s succeeded: %w", id, ErrNotResumable)
		default:
			e.counted(l)
			return recovered{}, nil
		}
	})
	switch {
	case err != nil:
		return err
	case was:
		return fmt.Errorf("%s is running: %w", id, ErrNotResumable)
	case resume.durable != nil:
		return await(ctx, resume)
	}
	return nil
}

// take makes a run of the journal live with the message that first chooses for it. was says that it is already.
func (e *Engine) take(ctx context.Context, id run.ID, first func(*live) (message, error)) (was bool, err error) {
	e.renew(ctx, id)
	e.taking.Lock()
	defer e.taking.Unlock()
	if e.find(id) != nil {
		return true, nil
	}
	l, err := e.load(ctx, id)
	if err != nil {
		return false, err
	}
	m, err := first(l)
	if err != nil {
		return false, err
	}
	return false, e.register(l, m)
}

// Wait returns the run's state once it has ended, or why it does not go on, or ctx's error. The state is shared: read
// it only.
func (e *Engine) Wait(ctx context.Context, id run.ID) (*run.State, error) {
	for {
		l := e.find(id)
		if l != nil {
			select {
			case <-l.gone:
				if !errors.Is(l.over, ErrEnded) {
					return nil, l.over
				}
				return l.state, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		if t := e.queue.find(id); t != nil {
			select {
			case <-t.called:
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
		case l == nil && e.find(id) == nil:
			return nil, fmt.Errorf("%s is %s and not being advanced here", id, s.Status)
		}
	}
}

// State gives the run as its durable events tell it: a private copy.
func (e *Engine) State(ctx context.Context, id run.ID) (*run.State, error) {
	l, err := e.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.state, nil
}

// Pipeline gives the pipeline of a run as it was when the run was made.
func (e *Engine) Pipeline(ctx context.Context, id run.ID) (*pipeline.Pipeline, error) {
	stored, err := e.cfg.Journal.Read(ctx, string(id), 0, 1)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: read journal: %w", id, err)
	case len(stored) == 0:
		return nil, fmt.Errorf("%s: %w", id, store.ErrNotFound)
	}
	ev, err := run.Decode(stored[0].Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	return e.Bundled(ctx, ev.Bundle)
}
