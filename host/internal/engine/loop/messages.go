package loop

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/slots"
	"github.com/myspinbot/spinbot/sdk"
)

// Message is something that happened to a run.
type Message any

// Said is somebody's word to a run: it is checked against the run's state, and adds its events.
type Said struct {
	say     func(*Pass) error
	durable chan error // holds one
}

// Say makes a message of a word.
func Say(word func(*Pass) error) Said { return Said{word, make(chan error, 1)} }

// Tell makes a message of an event that is right whatever the run's state.
func Tell(ev run.Event) Said {
	return Say(func(p *Pass) error { p.Add(ev); return nil })
}

// Await returns when what was said is durable, or was refused.
func (m Said) Await(ctx context.Context) error {
	select {
	case err := <-m.durable:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Recovered tells a run that its host has begun anew: what was under way has ended, or goes on elsewhere.
type Recovered struct{}

type (
	wake    struct{}            // a time has come
	leaving struct{ why error } // another host goes on with it
	landed  struct {            // events have become durable, or could not
		pass *Pass
		err  error
	}
	granted slots.Place // an executor has room
	saved   struct {
		inst    *progress.Instance
		iter    int
		attempt int
		data    []byte
	}
	finished struct {
		usage   *sdk.Usage
		inst    *progress.Instance
		iter    int
		attempt int
		key     string // of the flight that it was; empty: none
		outputs sdk.Values
		ref     string    // where they are kept when they are too big for an event
		slot    time.Time // since when its run has had the slot, which it may keep; zero: it was given back
		err     *sdk.Error
	}
)

// turnAway answers a message that its run will not take.
func (e *Loop) turnAway(m Message, why error) {
	switch m := m.(type) {
	case Said:
		m.durable <- why
	case granted:
		e.giveBack(slots.Place(m), nil)
	case *finished:
		if !m.slot.IsZero() {
			e.slots.Release(ahead)
		}
		if m.key != "" {
			e.landed(m.key)
		}
	}
}
