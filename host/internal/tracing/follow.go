package tracing

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// The bounds of what a follower holds.
const (
	mostWaiting = 4096 // events
	mostRuns    = 4096
)

// follower makes spans of the events of runs. Of a run that it does not know, since the host began after the run, and of one
// whose events were too many, it reads the journal. Spans that it gives twice so are the same, for a collector to tell.
type follower struct {
	journal store.Journal
	// shape is that of a run's pipeline, by the digest of its bundle.
	shape func(ctx context.Context, bundle string) (run.Shape, error)
	emit  func(trace.Span)
	log   *slog.Logger
	base  context.Context
	stop  context.CancelFunc
	some  chan struct{}
	end   chan struct{} // what waits is the last
	done  chan struct{}

	missed atomic.Int64 // events

	mu      sync.Mutex
	waiting []told
	behind  map[run.ID]bool // of which more is in the journal than waits

	// work alone has these
	runs map[run.ID]*trace.Journal
	over map[run.ID]uint64 // up to which event runs were told that have ended: some of them may wait yet
}

type told struct {
	id run.ID
	e  run.Event
}

func (f *follower) begin() {
	f.base, f.stop = context.WithCancel(context.Background())
	f.some, f.end, f.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	f.runs, f.behind, f.over = map[run.ID]*trace.Journal{}, map[run.ID]bool{}, map[run.ID]uint64{}
	go f.work()
}

// observe takes what has become durable.
func (f *follower) observe(id run.ID, e run.Event) {
	e.Inputs, e.Outputs, e.Ask, e.Keys, e.From, e.Checkpoint = nil, nil, nil, nil, nil, nil
	f.mu.Lock()
	defer f.mu.Unlock()
	switch n := len(f.waiting); {
	case n < mostWaiting:
		f.waiting = append(f.waiting, told{id, e})
		if n == 0 {
			signal(f.some)
		}
	case len(f.behind) < mostRuns:
		f.behind[id] = true
	default:
		f.missed.Add(1)
	}
}

func (f *follower) close(ctx context.Context) {
	close(f.end)
	select {
	case <-f.done:
	case <-ctx.Done():
	}
	f.stop()
	<-f.done
}

func (f *follower) work() {
	defer close(f.done)
	for last := false; ; {
		f.mu.Lock()
		batch := f.waiting
		var behind map[run.ID]bool
		f.waiting = nil
		if len(f.behind) > 0 {
			behind, f.behind = f.behind, map[run.ID]bool{}
		}
		f.mu.Unlock()
		for k := range batch {
			if f.base.Err() != nil {
				return
			}
			f.take(batch[k].id, batch[k].e)
		}
		for id := range behind {
			f.read(id, f.runs[id])
		}
		switch {
		case len(batch) > 0:
			continue
		case last:
			return
		}
		select {
		case <-f.some:
		case <-f.end:
			last = true
		}
	}
}

func (f *follower) take(id run.ID, e run.Event) {
	j := f.runs[id]
	switch {
	case e.Seq <= f.over[id]:
	case j == nil && e.Kind == run.RunCreated:
		f.add(id, f.know(id, e), e)
	case j == nil || e.Seq > j.Seq()+1:
		f.read(id, j)
	case e.Seq > j.Seq():
		f.add(id, j, e)
	}
}

func (f *follower) add(id run.ID, j *trace.Journal, e run.Event) {
	for _, s := range j.Add(e) {
		f.emit(s)
	}
	if e.Kind == run.RunEnded {
		delete(f.runs, id)
		if len(f.over) >= mostRuns {
			clear(f.over)
		}
		f.over[id] = e.Seq
	}
}

// know begins a run.
func (f *follower) know(id run.ID, made run.Event) *trace.Journal {
	for other := range f.runs {
		if len(f.runs) < mostRuns {
			break
		}
		delete(f.runs, other) // its journal is read again
	}
	var shape *run.Shape
	if s, err := f.shape(f.base, made.Bundle); err == nil {
		shape = &s
	}
	f.runs[id] = trace.NewJournal(id, shape)
	return f.runs[id]
}

// read brings a run up to what is in the journal. What was given already, as far as that is known, is not given again.
func (f *follower) read(id run.ID, j *trace.Journal) {
	given := uint64(0)
	if j != nil {
		given = j.Seq()
	}
	events, err := f.journal.Read(f.base, string(id), given, 0)
	for k := 0; err == nil && k < len(events); k++ {
		var e run.Event
		if e, err = run.Decode(events[k].Data); err != nil {
			break
		}
		e.Seq = events[k].Seq
		if j == nil {
			j = f.know(id, e)
		}
		f.add(id, j, e)
	}
	if err != nil && f.base.Err() == nil {
		f.log.Warn("the trace of a run has holes: its journal was not read", "run", id, "error", err)
	}
}
