package fleet

import (
	"cmp"
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// What tasks say goes out in bundles: who watches does not see the difference, and Redis does.
const (
	gather   = 50 * time.Millisecond
	mostSaid = 500    // in one bundle; what one task says at length is not worth more
	keptLive = 10_000 // about how many bundles stay in the stream
)

// report sends what a task says. Checkpoints are brought surely, all else may be lost; of progress only the last counts.
func (a *Agent) report(t protocol.Task, r sdk.Report) {
	t.Host = cmp.Or(a.host(t.ID), t.Host)
	if r.Kind == sdk.ReportCheckpoint {
		add := entry(a.keys.In(t.Host), kindSaved, said{t.ID, r})
		a.out.Put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
		return
	}
	if r.Preview != nil && a.cfg.Deliver != nil {
		a.preview(t, r)
		return
	}
	a.say(t, r)
}

// host gives who waits for an attempt now; empty: it is not here.
func (a *Agent) host(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.end.HostOf(id)
}

func (a *Agent) say(t protocol.Task, r sdk.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	waiting := a.live[t.Host]
	if r.Kind == sdk.ReportProgress {
		for k := len(waiting) - 1; k >= 0; k-- {
			if waiting[k].ID == t.ID && waiting[k].Report.Kind == sdk.ReportProgress {
				waiting[k].Report = r
				return
			}
		}
	}
	if len(waiting) < mostSaid {
		a.live[t.Host] = append(waiting, said{t.ID, r})
	}
	if !a.due {
		a.due = true
		time.AfterFunc(gather, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.due = false
			for host := range a.live {
				a.flush(host)
			}
		})
	}
}

// flush sends what was gathered for a host. mu is held.
func (a *Agent) flush(host string) {
	waiting := a.live[host]
	if len(waiting) == 0 {
		return
	}
	delete(a.live, host)
	add := entry(a.keys.Live(host), kindLive, waiting)
	add.MaxLen, add.Approx = keptLive, true
	a.out.Try(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
}

// preview brings a picture to the host before it says that there is one. While one is on its way the next are left out.
func (a *Agent) preview(t protocol.Task, r sdk.Report) {
	a.mu.Lock()
	busy := a.showing[t.ID]
	a.showing[t.ID] = true
	a.mu.Unlock()
	if busy {
		return
	}
	a.tasks.Go(func() {
		digests := []string{r.Preview.Digest}
		ctx, cancel := context.WithTimeout(a.work, 2*a.pace.Beat)
		defer cancel()
		if err := a.cfg.Deliver(ctx, t.Host, digests); err == nil {
			a.say(t, r)
		}
		a.cfg.Delivered(t.Host, digests)
		a.mu.Lock()
		delete(a.showing, t.ID)
		a.mu.Unlock()
	})
}
