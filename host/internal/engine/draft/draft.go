// Package draft owns what an advance of a run records: the events that commands of core/run/progress, ends of attempts and people's
// words come to, folded into the run's state as they are added, and not durable yet. It dispatches nothing and writes nothing.
package draft

import (
	"log/slog"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/reuse"
	"github.com/myspinbot/spinbot/host/internal/engine/stored"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// Config is what all drafts of an engine have in common.
type Config struct {
	Runs  *stored.Runs
	Vault eval.Vault          // may be nil: see pipeline.NewScope
	Mask  func(string) string // takes sensitive text out of errors
	Log   *slog.Logger
}

// Draft is the events that one advance of a run adds. It belongs to whoever advances the run.
type Draft struct {
	*stored.Run
	Before *reuse.Before // the run that it repeats; nil: none
	Now    time.Time
	First  uint64 // the number of the last event before
	Events []run.Event
	Files  []store.File // that the events name
	Head   bool         // the index row changes
	Halts  bool         // an event has ended, or keeps from beginning, what may wait for room. Whoever sees to that clears it

	cfg *Config
}

// New begins a draft of what comes after the run's state.
func (c *Config) New(l *stored.Run, before *reuse.Before, now time.Time) Draft {
	return Draft{Run: l, Before: before, Now: now, First: l.State.Seq, cfg: c}
}

// Add stamps an event and folds it into the state.
func (d *Draft) Add(ev run.Event) {
	s := d.State
	ev = d.cfg.masked(ev)
	ev.V, ev.Seq, ev.Time = run.Version, s.Seq+1, d.Now
	if ev.Time.Before(s.Updated) {
		ev.Time = s.Updated
	}
	was := s.Status
	stale, err := s.Fold(ev)
	if err != nil {
		// Decide and the fold disagree: a defect. Refuse to write what could not be read back.
		d.cfg.Log.Error("event dropped", "run", d.ID, "error", err)
		return
	}
	if stale {
		d.cfg.Log.Debug("late result ignored", "run", d.ID, "event", ev.Kind, "node", ev.Node)
	}
	if !stale {
		d.Files = append(d.Files, Files(d.ID, ev)...)
	}
	if ev.OutputsRef != "" {
		ev.Outputs = nil // the state has them, as after reading; the journal says where they are
	}
	if ev.InputsRef != "" {
		ev.Inputs = nil
	}
	if ev.Kind == run.CancelRequested || ev.Kind == run.DeadlinePassed {
		d.Halts = true
	}
	if ev.Error != nil && !stale {
		n := s.Find(ev.In, ev.Node)
		if i := n.Instance(ev.Key); i != nil && i.State == run.NodeWaiting {
			ev.Waits = true
		}
		if s.Status == run.Paused && was != run.Paused {
			ev.Status = run.Paused
		}
	}
	d.Events = append(d.Events, ev)
	d.settle(ev)
}

// About begins an event of a node instance.
func About(kind run.Kind, i *progress.Instance) run.Event {
	return run.Event{Kind: kind, In: i.Node.Frame.Path, Node: i.Node.Name, Key: i.Key, Iter: i.Iter}
}

// settle tells the scopes what an event ended.
func (d *Draft) settle(ev run.Event) {
	if err := d.Scopes.Settle(ev); err != nil {
		d.cfg.Log.Error("outputs not taken; what needs them will fail", "run", d.ID, "node", ev.Node, "error", err)
	}
}

// Pack gives its events as the journal takes them.
func (d *Draft) Pack() (store.Append, error) {
	a := store.Append{Run: string(d.ID), After: d.First, Events: make([][]byte, len(d.Events)), Files: d.Files}
	b := make([]byte, 0, 256*len(d.Events))
	for k := range d.Events {
		from, err := len(b), error(nil)
		if b, err = d.Events[k].AppendTo(b); err != nil {
			return a, err
		}
		a.Events[k] = b[from:len(b):len(b)]
	}
	if d.Head {
		a.Head = Head(d.State)
	}
	return a, nil
}

// Head is the row of the index for a run that stands so.
func Head(s *progress.State) *store.Head {
	h := &store.Head{Run: string(s.ID), Pipeline: s.Pipeline, Digest: s.Digest, State: string(s.Status), Owner: s.Owner,
		Created: s.Created, Updated: s.Updated, Seq: s.Seq}
	if s.Error != nil {
		h.Error = s.Error.Message
	}
	return h
}

// After gives a time from now on; the zero time for no time at all.
func After(now time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return now.Add(d)
}

// masked takes sensitive text out of what an event says.
func (c *Config) masked(ev run.Event) run.Event {
	ev.Reason = c.Mask(ev.Reason)
	if ev.Error != nil {
		x := *ev.Error
		x.Message, x.Hint, x.Detail = c.Mask(x.Message), c.Mask(x.Hint), c.Mask(x.Detail)
		ev.Error = &x
	}
	return ev
}
