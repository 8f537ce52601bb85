package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/spool"
	"github.com/myspinbot/spinbot/host/internal/fleet/stream"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
)

type hostAsked struct {
	info HostInfo
	at   time.Time
}

// act does what the protocol says. mu is held.
func (a *Agent) act() {
	acts := a.end.Acts()
	notes := make([]spool.Note, 0, len(acts.Start)+len(acts.Results)+1)
	for _, t := range acts.Start {
		notes = append(notes, spool.Note{Begun: t.ID, Host: t.Host})
	}
	for _, r := range acts.Adopted {
		notes = append(notes, spool.Note{Begun: r.ID, Host: r.Host})
	}
	for _, r := range acts.Results {
		if was := a.notes.Record(r.Msg.ID); was.Result == nil || was.Host != r.Host {
			notes = append(notes, spool.Note{Result: &r.Msg, Host: r.Host})
		}
	}
	if len(acts.Forget) > 0 {
		for _, id := range acts.Forget {
			if was := a.notes.Record(id); was.Result != nil && len(was.Result.Artifacts) > 0 {
				a.cfg.Delivered(was.Host, was.Result.Artifacts)
			}
		}
		notes = append(notes, spool.Note{Gone: acts.Forget})
	}
	if len(notes) > 0 {
		if err := a.notes.Add(false, notes...); err != nil {
			a.fail(fmt.Errorf("the agent cannot note what it does: %w", err))
			return // what it was to do is done by its next process
		}
	}
	for _, t := range acts.Start {
		ctx, cancel := context.WithCancelCause(a.work)
		a.stops[t.ID] = cancel
		a.tasks.Go(func() { a.carry(ctx, t) })
	}
	for _, s := range acts.Stop {
		if stop := a.stops[s.ID]; stop != nil {
			stop(s.Why)
		}
	}
	for _, r := range acts.Results {
		a.deliver(r)
	}
	if len(acts.Trim) > 0 {
		a.out.Del(a.keys.Tasks(a.cfg.ID), acts.Trim...)
	}
	for _, o := range acts.Orders {
		go a.order(o)
	}
	if len(acts.Forget) > 0 {
		close(a.settled)
		a.settled = make(chan struct{})
	}
}

// order does what a person wants, unless a host says that it is too far from this agent.
func (a *Agent) order(o protocol.Order) {
	s := o.Seen
	if s == nil || protocol.Understands(s.V) {
		a.cfg.Order(o)
		return
	}
	me := a.cfg.Hello()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail(&protocol.IncompatibleError{Host: protocol.End{Name: s.Host, Version: s.Version, Speaks: s.V},
		Agent: protocol.End{Name: me.Name, Version: me.Version, Speaks: protocol.Version}})
}

func (a *Agent) fail(err error) {
	if a.broken == nil {
		a.broken = err
		a.cfg.Log.Error("agent stopped", "error", err)
	}
	poke(a.change)
}

// long is from when on a task's result is worth a sync of the disk.
const long = time.Second

// carry carries out an attempt.
func (a *Agent) carry(ctx context.Context, t protocol.Task) {
	began := time.Now()
	r := a.cfg.Run(ctx, t, func(r sdk.Report) { a.report(t, r) })
	r.ID, r.Agent = t.ID, a.cfg.ID
	if len(r.Body) > 0 && !json.Valid(r.Body) { // the notes behind it could not be read
		r.Error, r.Body = sdk.AsError(errors.New("what came of it is no JSON")), nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stops[t.ID](nil)
	delete(a.stops, t.ID)
	if time.Since(began) >= long {
		if err := a.notes.Add(true, spool.Note{Result: &r, Host: cmp.Or(a.end.HostOf(t.ID), t.Host)}); err != nil {
			a.fail(fmt.Errorf("the agent cannot note a result: %w", err))
			return
		}
	}
	a.end.Finished(t.ID, r)
	a.act()
}

// deliver sends a result, once its artifacts are where it goes. mu is held.
func (a *Agent) deliver(r protocol.ToHost) {
	a.flush(r.Host)
	add := entry(a.keys.In(r.Host), kindResult, r.Msg)
	send := func() { a.out.Put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) }) }
	if len(r.Msg.Artifacts) == 0 {
		send()
		return
	}
	a.tasks.Go(func() {
		for tries := 0; ; tries++ {
			err := a.cfg.Deliver(a.work, r.Host, r.Msg.Artifacts)
			if err == nil {
				send()
				return
			}
			if a.work.Err() != nil {
				return // its next process delivers it
			}
			if a.host(r.Msg.ID) != r.Host {
				return // another host waits for it, or nobody does
			}
			a.cfg.Log.Warn("a result waits: its artifacts cannot be brought to its host", "task", r.Msg.ID, "error", err)
			a.report(protocol.Task{ID: r.Msg.ID, Host: r.Host}, sdk.Report{Kind: sdk.ReportProgress, Fraction: -1, Message: "it is done, and waits to be brought to its host: " + err.Error()})
			if !(stream.Backoff{First: a.pace.Beat, Last: 12 * a.pace.Beat}).Wait(a.work, tries) {
				return
			}
		}
	})
}

// after says whether a stream's entry comes after another.
func after(a, b string) bool {
	var at, as, bt, bs uint64
	_, _ = fmt.Sscanf(a, "%d-%d", &at, &as)
	_, _ = fmt.Sscanf(b, "%d-%d", &bt, &bs)
	return at > bt || at == bt && as > bs
}

// Host says what is known of a host.
func (a *Agent) Host(ctx context.Context, id string) (HostInfo, error) {
	a.mu.Lock()
	h, ok := a.hosts[id]
	a.mu.Unlock()
	if ok && a.cfg.Now().Sub(h.at) < 2*a.pace.Beat {
		return h.info, nil
	}
	var info HostInfo
	raw, err := a.cfg.Client.HGet(ctx, a.keys.Hosts(), id).Bytes()
	if err == nil {
		err = json.Unmarshal(raw, &info)
	}
	switch {
	case err != nil && ok: // as it was
		return h.info, nil
	case errors.Is(err, redis.Nil):
		return info, fmt.Errorf("nobody knows host %s: it has not announced itself", id)
	case err != nil:
		return info, fmt.Errorf("ask for host %s: %w", id, err)
	}
	a.mu.Lock()
	a.hosts[id] = hostAsked{info, a.cfg.Now()}
	a.mu.Unlock()
	return info, nil
}

// Seal seals something for a host.
func (a *Agent) Seal(ctx context.Context, host string, purpose, plain []byte) ([]byte, error) {
	info, err := a.Host(ctx, host)
	if err != nil {
		return nil, err
	}
	return seal.Seal(info.Key, purpose, plain)
}
