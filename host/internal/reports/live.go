package reports

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// backlog is how many reports a slow reader may be behind before it loses the oldest.
const backlog = 256

// live broadcasts what nodes say. It remembers the newest progress of each node instance while its run is active.
type live struct {
	active func(run string) bool
	lately *lately

	mu     sync.Mutex
	newest map[string]map[string]client.Report // by run, then node instance
	subs   map[string]map[chan client.Report]bool
}

func newLive(active func(run string) bool) *live {
	return &live{active: active, lately: newLately(), newest: map[string]map[string]client.Report{}, subs: map[string]map[chan client.Report]bool{}}
}

func (l *live) report(a sdk.Address, r sdk.Report, now time.Time) {
	rep := client.Report{Time: now.UTC(), Address: a, Report: r}
	l.lately.add(rep)
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Kind == sdk.ReportProgress && l.active(a.Run) { // else a late word of a run that ended
		of := l.newest[a.Run]
		if of == nil {
			of = map[string]client.Report{}
			l.newest[a.Run] = of
		}
		a.Attempt = 0
		of[a.String()] = rep
	}
	for ch := range l.subs[a.Run] {
		push(ch, rep)
	}
}

// push never waits: a full channel loses its oldest.
func push(ch chan client.Report, r client.Report) {
	for {
		select {
		case ch <- r:
			return
		default:
		}
		select {
		case <-ch:
		default:
		}
	}
}

// ended forgets a node instance, or everything of a run that ended.
func (l *live) ended(id run.ID, e run.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case run.RunEnded:
		delete(l.newest, string(id))
	case run.AttemptStarted, run.AttemptEnded: // why it waited is over, as is what it said
		if of := l.newest[string(id)]; of != nil {
			a := e.At(id)
			a.Attempt = 0
			delete(of, a.String())
		}
	default: // nothing has ended
	}
}

// Newest implements runroutes.Live.
func (l *live) Newest(run string) []client.Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.newest[run]))
}

// Reports implements runroutes.Live.
func (l *live) Reports(ctx context.Context, run string) <-chan client.Report {
	ch := make(chan client.Report, backlog)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.newest[run] {
		push(ch, r)
	}
	if l.subs[run] == nil {
		l.subs[run] = map[chan client.Report]bool{}
	}
	l.subs[run][ch] = true
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if delete(l.subs[run], ch); len(l.subs[run]) == 0 {
			delete(l.subs, run)
		}
	})
	return ch
}
