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
	"github.com/myspinbot/spinbot/sdk"
)

// Submission is a run to be made.
type Submission struct {
	Pipeline *pipeline.Pipeline
	// Inputs are the values of its variables, as Pipeline.Inputs gave them.
	Inputs sdk.Values
	Owner  string
}

// Submit records a new run and sets it going. When it returns, the run is durable.
func (e *Engine) Submit(ctx context.Context, s Submission) (run.ID, error) {
	if err := e.Err(); err != nil {
		return "", err
	}
	digest, bundle, err := e.saveBundle(ctx, s.Pipeline)
	if err != nil {
		return "", err
	}
	l := e.newLive(newID(e.cfg.Now()), s.Pipeline)
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	now := e.cfg.Now()
	created := run.Event{Kind: run.RunCreated, Run: l.id, Pipeline: s.Pipeline.Name, Digest: digest, Bundle: bundle,
		Inputs: s.Inputs, Owner: s.Owner, Seed: binary.LittleEndian.Uint64(seed[:]) >> 1, Deadline: after(now, s.Pipeline.Timeout)}
	l.scope = s.Pipeline.NewScope(s.Inputs)
	if !e.register(l) {
		return "", ErrClosed
	}
	durable := make(chan error, 1)
	e.post(l, submitted{created, durable})
	return l.id, <-durable
}

func after(now time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return now.Add(d)
}

func newID(now time.Time) run.ID {
	return run.ID("run_" + ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String())
}

// Cancel asks a run to stop. It returns when the request is durable; the run ends soon after.
func (e *Engine) Cancel(ctx context.Context, id run.ID, reason string) error {
	l := e.find(id)
	if l == nil {
		s, err := e.State(ctx, id)
		if err != nil {
			return err
		}
		if s.Status.Ended() {
			return fmt.Errorf("%s: %w: it %s", id, ErrEnded, s.Status)
		}
		return fmt.Errorf("%s is not being advanced here; resume it first", id)
	}
	durable := make(chan error, 1)
	e.post(l, told{run.Event{Kind: run.CancelRequested, Reason: reason}, durable})
	return await(ctx, durable)
}

func await(ctx context.Context, durable <-chan error) error {
	select {
	case err := <-durable:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Resume continues a run: one that failed or was cancelled keeps what succeeded and tries the rest anew; one that
// was interrupted by a crash goes on.
func (e *Engine) Resume(ctx context.Context, id run.ID) error {
	if e.find(id) != nil {
		return fmt.Errorf("%s is running: %w", id, ErrNotResumable)
	}
	l, err := e.load(ctx, id)
	if err != nil {
		return err
	}
	switch l.state.Status {
	case run.Failed, run.Cancelled:
	case run.Succeeded:
		return fmt.Errorf("%s succeeded: %w", id, ErrNotResumable)
	default:
		return e.Adopt(ctx, id)
	}
	if !e.register(l) {
		return fmt.Errorf("%s: %w", id, ErrClosed)
	}
	durable := make(chan error, 1)
	e.post(l, told{run.Event{Kind: run.RunResumed, Deadline: after(e.cfg.Now(), l.pipe.Timeout)}, durable})
	return await(ctx, durable)
}

// Wait returns the run's state once it has ended, or ctx's error.
func (e *Engine) Wait(ctx context.Context, id run.ID) (*run.State, error) {
	if l := e.find(id); l != nil {
		select {
		case <-l.gone:
			if l.err != nil {
				return nil, l.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s, err := e.State(ctx, id)
	if err == nil && !s.Status.Ended() {
		err = fmt.Errorf("%s is %s and not being advanced here", id, s.Status)
	}
	return s, err
}

// State gives the run as its durable events tell it: a private copy.
func (e *Engine) State(ctx context.Context, id run.ID) (*run.State, error) {
	l, err := e.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.state, nil
}

// Reports gives the latest reports of a run, oldest first; it remembers a bounded number per node instance while
// the run is live.
func (e *Engine) Reports(id run.ID) []Reported {
	return e.rings.of(id)
}

// readable turns a context's end into the error it was cancelled with.
func readable(ctx context.Context, err error) *sdk.Error {
	var cause *sdk.Error
	if c := context.Cause(ctx); c != nil && errors.As(c, &cause) {
		return cause
	}
	return sdk.AsError(err)
}
