package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/bills"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/retention"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// retain makes what decides how long runs and artifacts are kept.
func (h *Host) retain() {
	runs := h.cfg.Retain
	if runs == 0 {
		runs = retention.DefaultRuns
	}
	h.sweeper = retention.New(retention.Config{Journal: h.store, Index: h.store, Runs: forgetting{h.store, h.bills, h.gone}, Artifacts: h.files, Logs: h.reports.Files(),
		Library: func(ctx context.Context) ([]string, error) {
			l, err := h.library.Now(ctx)
			if err != nil {
				return nil, err
			}
			return l.Digests(), nil
		},
		Cache: h.cache, Log: h.cfg.Log})
	state := h.cfg.State
	h.room = retention.NewRoom(h.cfg.MinFree, state.Dir, state.Artifacts(), state.Scratch())
	h.schedule = &retention.Schedule{Sweeper: h.sweeper, Policy: retention.Policy{Runs: runs, Cache: h.cacheLimit()}, File: state.Retention()}
}

// cacheShare is how many hundredths of the disk kept results may take, with their artifacts.
const cacheShare = 20

// cacheLimit is how many bytes kept results may take; 0 where a disk does not tell its size: as many as there are.
func (h *Host) cacheLimit() int64 {
	disk, err := artifacts.SpaceOf(h.cfg.State.Artifacts())
	if err != nil {
		return 0
	}
	return int64(disk.Total / 100 * cacheShare)
}

// lookAtDisks begins no new work while a disk is nearly full, and has a host whose journal has stopped end as soon as there is room:
// whoever watches over it starts it again, and what the file holds is read anew. It looks every second, until unlook; and has
// uploads go that nobody continued, every hour.
func (h *Host) lookAtDisks() {
	h.engine.Hold(h.room.Reason())
	ctx, stop := context.WithCancel(context.Background())
	looking := make(chan struct{})
	h.unlook = func() { stop(); <-looking }
	go func() {
		defer close(looking)
		tick := time.NewTicker(retention.LookEvery)
		defer tick.Stop()
		hourly := time.NewTicker(time.Hour)
		defer hourly.Stop()
		for {
			select {
			case <-hourly.C:
				if _, err := h.uploads.List(); err != nil {
					h.cfg.Log.Warn("uploads that have expired are still there", "error", err)
				}
			case <-tick.C:
				full := h.room.Reason()
				h.engine.Hold(full)
				if h.placing.Figures().Held > 0 {
					_ = h.cfg.Lock.Beat() // only what was lost is billed more exactly by it
				}
				if err := h.store.Stopped(); err != nil && full == "" {
					h.failed <- fmt.Errorf("there is room on the disk, and the journal has to be read anew: start again: %w", err)
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
}

// lived is when who worked here before last said that it lives, which it does every second while tasks hold devices. What other hosts have
// worked at is not known by that.
func (h *Host) lived(run.ID) time.Time {
	if h.sharing != nil {
		return time.Time{}
	}
	return h.cfg.Lock.Lived
}

// keeping is what the API says about how long runs are kept.
type keeping struct{ h *Host }

// Pin implements runroutes.Retention.
func (k keeping) Pin(ctx context.Context, id string, on bool) error {
	defer k.h.versions.Changed(id)
	return k.h.store.Pin(ctx, id, on)
}

// Sweep implements runroutes.Retention.
func (k keeping) Sweep(ctx context.Context, in client.Sweep) (client.Swept, error) {
	p := k.h.schedule.Policy
	if in.OlderThan != "" {
		d, err := sdk.ParseDuration(in.OlderThan)
		if err != nil {
			return client.Swept{}, &client.Problem{Code: client.CodeBadRequest, Detail: "older_than: " + err.Error(), Fix: "write it like 30d or 12h"}
		}
		p.Runs = d
	}
	var r retention.Report
	var err error
	if in.DryRun {
		r, err = k.h.sweeper.Plan(ctx, p)
	} else {
		r, err = k.h.schedule.ByHand(ctx, p)
	}
	if errors.Is(err, retention.ErrBusy) {
		err = &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	}
	if err != nil {
		return client.Swept{}, err
	}
	return sweptShape(r, in.DryRun), nil
}

func sweptShape(r retention.Report, dry bool) client.Swept {
	out := client.Swept{Version: client.ShapeVersion, DryRun: dry, Before: r.Before.UTC(), Runs: []client.SweptRun{}, Kept: []client.SweptRun{},
		Results: client.Amount(r.Results), Artifacts: client.Amount(r.Artifacts), Logs: client.Amount(r.Logs), KeptArtifacts: map[string]client.Amount{},
		JournalBytes: r.Journal, FreedBytes: r.Freed()}
	for why, a := range r.KeptArtifacts {
		out.KeptArtifacts[string(why)] = client.Amount(a)
	}
	for _, x := range r.Runs {
		run := client.SweptRun{ID: x.Run, Pipeline: x.Pipeline, State: x.State, Updated: x.Updated.UTC(), Bytes: x.Bytes, Why: string(x.Why)}
		if x.Why == "" {
			out.Runs = append(out.Runs, run)
		} else {
			out.Kept = append(out.Kept, run)
		}
	}
	return out
}

// hold keeps the run that is about to be repeated, and makes sure that it is there.
func (h *Host) hold(ctx context.Context, id string) (release func(), err error) {
	release = h.sweeper.Hold(id)
	if _, err = h.headOf(ctx, id); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// forgetting tells of runs that are removed, and has them billed before.
type forgetting struct {
	store.Keeper
	bills *bills.Keeper
	gone  func(run string)
}

// Remove implements store.Keeper.
func (f forgetting) Remove(ctx context.Context, run string, seq uint64) error {
	defer f.gone(run)
	if err := f.bills.Settle(ctx, run); err != nil {
		return err
	}
	return f.Keeper.Remove(ctx, run, seq)
}

// gone forgets what is remembered of a run that was removed. One that stayed after all is only looked up anew.
func (h *Host) gone(run string) {
	h.versions.Changed(run)
	h.reports.Gone(run)
	h.api.Gone(run)
}
