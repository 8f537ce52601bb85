package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/loop"
	"github.com/myspinbot/spinbot/host/internal/engine/queue"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// Queued is a run that waits for its turn.
type Queued = queue.Queued

// Queue lists the runs that wait for their turn, in order, at most limit (0: all), and says whether it is paused.
func (e *Engine) Queue(limit int) (list []Queued, total int, paused bool) { return e.queue.List(limit) }

// Oldest counts the runs that wait for their turn, and says when the one was made that was made first; zero: none waits.
func (e *Engine) Oldest() (total int, made time.Time) {
	total, first := e.queue.Oldest()
	if id, err := ulid.ParseStrict(strings.TrimPrefix(string(first), "run_")); err == nil {
		made = ulid.Time(id.Time())
	}
	return total, made
}

// PauseQueue pauses the queue, or lets it go on. Runs that are under way go on.
func (e *Engine) PauseQueue(paused bool) {
	e.queue.Pause(paused)
	e.pump()
}

// Hold begins no run and no attempt as long as why says, for people, what is in the way; empty: nothing is. Attempts
// under way finish, and runs may be submitted.
func (e *Engine) Hold(why string) {
	was := e.queue.Hold(why)
	switch {
	case why == was:
		return
	case why == "":
		e.cfg.Log.Info("new work begins again")
	case was == "":
		e.cfg.Log.Warn("no new work begins", "why", why)
	}
	e.loop.Hold(why)
	e.pump()
}

// Reading says that runs which were under way before a restart are being adopted, or that all have been. Meanwhile no
// new run with a concurrency key begins: it could be one too many.
func (e *Engine) Reading(on bool) {
	e.queue.Reading(on)
	e.pump()
}

// pump lets runs of the queue go on as long as there is room.
func (e *Engine) pump() {
	for {
		if !e.loop.Begin() {
			return
		}
		t := e.queue.Next()
		if t == nil {
			e.loop.Done()
			return
		}
		go func() {
			defer e.loop.Done()
			e.call(t)
		}()
	}
}

// call begins a run that has left the queue.
func (e *Engine) call(t *queue.Ticket) {
	was, err := e.take(context.Background(), t.ID, func(l *loop.Live) (loop.Message, error) {
		if l.State.Status != run.Created {
			return nil, endedAs(t.ID, l.State.Status)
		}
		l.Ticket = t
		return loop.Tell(run.Event{Kind: run.RunStarted, Deadline: draft.After(e.cfg.Now(), l.Pipe.Timeout)}), nil
	})
	e.queue.Settle(t)
	if err == nil && !was {
		return
	}
	e.queue.Leave(t, false)
	if err != nil && !errors.Is(err, ErrEnded) && !errors.Is(err, ErrClosed) && !errors.Is(err, store.ErrClosed) {
		e.cfg.Log.Error("run not begun", "run", t.ID, "error", err)
	}
	e.pump()
}

// Enqueue takes a run of the journal that has not begun into the queue again, after a restart.
func (e *Engine) Enqueue(ctx context.Context, id run.ID) error {
	stored, err := e.cfg.Journal.Read(ctx, string(id), 0, 0)
	if err != nil {
		return err
	}
	t := &queue.Ticket{ID: id, Place: string(id)}
	for _, s := range stored {
		ev, err := run.Decode(s.Data)
		if err != nil {
			return fmt.Errorf("%s: event %d: %w", id, s.Seq, err)
		}
		switch ev.Kind {
		case run.RunCreated:
			if !ev.Queued {
				return fmt.Errorf("%s has begun: %w", id, ErrNotResumable)
			}
			t.Priority, t.Key, t.Limit = ev.Priority, ev.Concurrency, ev.Limit
		case run.RunPrioritized:
			t.Priority, t.Place = ev.Priority, cmp.Or(ev.Place, string(id))
		case run.RunStarted:
			return e.Adopt(ctx, id)
		default:
		}
	}
	e.queue.Push(t)
	e.pump()
	return nil
}

// Move puts a run that waits right before another one, or right behind it, or, without another, before all. It gets the priority of the
// one beside it. ErrNotQueued.
func (e *Engine) Move(ctx context.Context, id, other run.ID, behind bool, by string) error {
	e.moving.Lock()
	defer e.moving.Unlock()
	if other == "" && e.queue.First(id) {
		return nil
	}
	t := e.queue.Take(id)
	if t == nil {
		return fmt.Errorf("%s: %w", id, ErrNotQueued)
	}
	ev := run.Event{Kind: run.RunPrioritized, Owner: by}
	var err error
	if ev.Priority, ev.Place, err = e.queue.Beside(other, behind); err != nil {
		e.queue.Push(t)
		e.pump()
		return err
	}
	return e.replace(ctx, t, ev)
}

// Prioritize changes a run's Priority: its place in the queue, and whose tasks go first once it goes on.
func (e *Engine) Prioritize(ctx context.Context, id run.ID, priority int, by string) error {
	ev := run.Event{Kind: run.RunPrioritized, Priority: priority, Owner: by}
	t := e.queue.Take(id)
	if t == nil {
		return e.ask(ctx, id, func(p *loop.Pass) error {
			p.Add(ev)
			p.Reprioritize()
			return nil
		})
	}
	return e.replace(ctx, t, ev)
}

// replace puts a run that was taken out of the queue into it again, where the event says once it is durable.
func (e *Engine) replace(ctx context.Context, t *queue.Ticket, ev run.Event) error {
	err := e.record(ctx, t.ID, ev)
	if err == nil {
		t.Priority, t.Place = ev.Priority, cmp.Or(ev.Place, string(t.ID))
	}
	e.queue.Push(t)
	e.pump()
	return err
}

// record records events of a run that is in the queue, and so in no memory.
func (e *Engine) record(ctx context.Context, id run.ID, events ...run.Event) error {
	e.taking.Lock()
	defer e.taking.Unlock()
	r, err := e.runs.Read(ctx, id)
	if err != nil {
		return err
	}
	d := e.drafts.New(r, nil, e.cfg.Now())
	for _, ev := range events {
		d.Add(ev)
	}
	d.Head = true
	return e.loop.Commit(&d)
}
