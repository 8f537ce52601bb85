package host

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// journalStore is what keeps runs.
type journalStore interface {
	store.Journal
	store.Index
	store.Keeper
	Commits() int64
}

// openStore opens the file of this host, or the database that several hosts share.
func (h *Host) openStore(ctx context.Context) error {
	if h.cfg.Store == "" {
		s, err := sqlstore.Open(ctx, h.cfg.State.Database())
		if err == nil {
			h.store = s
		}
		return err
	}
	id, err := machine.Identity(h.cfg.State.Fleet(), "host")
	if err != nil {
		return err
	}
	s, err := pgstore.Open(ctx, h.cfg.Store, id)
	if err == nil {
		h.store, h.owner = s, s
	}
	return err
}

// unfinished gives the runs that this host has to go on with, oldest first.
func (h *Host) unfinished(ctx context.Context) ([]store.Head, error) {
	heads, err := h.store.List(ctx, store.Query{States: []string{string(run.Created), string(run.Running), string(run.Paused)}})
	if err != nil {
		return nil, err
	}
	ours := func(string) bool { return true }
	if h.owner != nil {
		ids, err := h.owner.Owned(ctx)
		if err != nil {
			return nil, err
		}
		owned := map[string]bool{}
		for _, id := range ids {
			owned[id] = true
		}
		ours = func(id string) bool { return owned[id] }
	}
	var out []store.Head
	for k := len(heads) - 1; k >= 0; k-- { // the newest are first
		if ours(heads[k].Run) {
			out = append(out, heads[k])
		}
	}
	return out, nil
}

// shareRuns says to other hosts that this one lives, and goes on with the runs of those that died.
func (h *Host) shareRuns(ctx context.Context) {
	if h.owner == nil {
		return
	}
	beat := cmp.Or(h.cfg.HostBeat, 5*time.Second)
	h.serving.Go(func() {
		for trouble := false; ctx.Err() == nil; {
			short, cancel := context.WithTimeout(ctx, 2*beat)
			err := h.share(short, 3*beat)
			cancel()
			if err != nil && !trouble && ctx.Err() == nil {
				h.cfg.Log.Warn("other hosts may take this one for dead: the store does not answer", "error", err)
			}
			trouble = err != nil
			select {
			case <-ctx.Done():
			case <-time.After(beat):
			}
		}
	})
}

func (h *Host) share(ctx context.Context, silent time.Duration) error {
	if err := h.owner.Beat(ctx); err != nil {
		return err
	}
	leads, _, err := h.owner.Lead(ctx)
	if err != nil {
		return err
	}
	h.leads.Store(leads)
	adopted, err := h.owner.Adopt(ctx, silent)
	for _, id := range adopted {
		h.cfg.Log.Warn("goes on with the run of a host that died", "run", id)
		h.takeOver(ctx, id)
	}
	return err
}

// takeOver goes on with a run that this host has become the owner of.
func (h *Host) takeOver(ctx context.Context, id string) {
	head, err := h.store.Find(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		h.cfg.Log.Error("run not resumed", "run", id, "error", err)
	case head.State == string(run.Created):
		h.goOn(ctx, id, h.engine.Enqueue)
	default:
		h.goOn(ctx, id, h.adopt)
	}
}

// isAdvanced says whether a process advances a run, as far as this host knows: of what others own it believes that they do.
func (h *Host) isAdvanced(id string) bool { return h.owner != nil || h.isActive(id) }
