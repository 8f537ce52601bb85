package loop

import (
	"context"
	"runtime"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// teller tells what has become durable, one append after another, on one goroutine at a time: a commit makes hundreds durable at once,
// and as many goroutines would wait for each other at every lock.
type teller struct {
	mu      sync.Mutex
	waiting []told
	telling bool
}

// told is an append that has become durable, or could not.
type told struct {
	id     run.ID
	events []run.Event
	err    error
	then   func(error)
}

// turns is how many runs are told before others may go on: they all need a goroutine then, and the same few will do.
const turns = 16

// append makes the events of a draft durable. then is told when they are, and whoever observes events knows them; both while the
// caller goes on. It is counted in e.busy by the caller, and counted out by then.
func (e *Loop) append(d *draft.Draft, then func(error)) {
	t := told{id: d.ID, events: d.Events, then: then}
	a, err := d.Pack()
	if err != nil {
		t.err = err
		e.tell(t)
		return
	}
	done := func(err error) {
		t.err = err
		e.tell(t)
	}
	if q, ok := e.cfg.Journal.(store.Queuer); ok {
		q.Queue(a, done)
		return
	}
	e.crew.Go(func() { done(e.cfg.Journal.Append(context.Background(), a)) })
}

func (e *Loop) tell(t told) {
	e.teller.mu.Lock()
	e.teller.waiting = append(e.teller.waiting, t)
	first := !e.teller.telling
	e.teller.telling = true
	e.teller.mu.Unlock()
	if first {
		e.crew.Go(e.tellAll)
	}
}

func (e *Loop) tellAll() {
	var batch []told
	for {
		e.teller.mu.Lock()
		clear(batch)
		batch, e.teller.waiting = e.teller.waiting, batch[:0]
		e.teller.telling = len(batch) > 0
		e.teller.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for k := range batch {
			batch[k].all(e.cfg.Observe)
			if k%turns == turns-1 {
				runtime.Gosched()
			}
		}
	}
}

func (t *told) all(observe func(run.ID, run.Event)) {
	if t.err == nil && observe != nil {
		for _, ev := range t.events {
			observe(t.id, ev)
		}
	}
	t.then(t.err)
}

// settle tells a run and who waits that a pass has become durable, or could not.
func (e *Loop) settle(p *Pass, err error) {
	for _, durable := range p.heard {
		durable <- err
	}
	e.spare(p)
	l := p.l
	l.mu.Lock()
	l.inbox = append(l.inbox, landed{p, err}) // also of a run that was dropped
	driven := l.driven
	l.driven = true
	l.mu.Unlock()
	if driven {
		e.Done()
		return
	}
	e.crew.Go(func() { e.drive(l) })
}

// spare gives the room for a pass's events back, which are many bytes each: the next pass takes it.
func (e *Loop) spare(p *Pass) {
	clear(p.Events)
	if room := p.Events[:0]; cap(room) > 0 && cap(room) <= maxSpare {
		e.rooms.Put(&room)
	}
	p.Events = nil
}

// maxSpare is for how many events room is kept.
const maxSpare = 64

// Commit makes the events of a run durable that is in no memory.
func (e *Loop) Commit(d *draft.Draft) error {
	if !e.Begin() {
		return ErrClosed
	}
	durable := make(chan error, 1)
	e.append(d, func(err error) {
		e.Done()
		durable <- err
	})
	return <-durable
}
