package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
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
	h.sweeper = retention.New(retention.Config{Journal: h.store, Index: h.store, Runs: forgetting{h.store, h.versions}, Artifacts: h.files, Logs: h.logs,
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

// lookAtDisks begins no new work while a disk is nearly full. It looks every second, until unlook; and has uploads go that
// nobody continued, every hour.
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
				h.engine.Hold(h.room.Reason())
			case <-ctx.Done():
				return
			}
		}
	}()
}

// touch makes the artifacts that a person's values name new, since they are about to be written into a journal. It
// fails when one is not there.
func (h *Host) touch(ctx context.Context, values ...sdk.Values) error {
	for _, v := range values {
		err := v.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
			err := h.files.Touch(ctx, a.Digest)
			if errors.Is(err, artifacts.ErrNotFound) || errors.Is(err, artifacts.ErrDigest) {
				err = &client.Problem{Code: client.CodeInvalidInput, Detail: err.Error(), Fix: "upload the file, and use the artifact that the host answers with"}
			}
			return a, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// touchPipeline makes what the pipeline was made of new, with the assets that it names. The engine may remember having stored it when the last run of
// it has long been removed.
func (h *Host) touchPipeline(ctx context.Context, p *pipeline.Pipeline) error {
	b := p.Bundle()
	if err := h.touch(ctx, named(b.Assets)); err != nil {
		return err
	}
	if err := h.files.Touch(ctx, b.Digest()); !errors.Is(err, artifacts.ErrNotFound) {
		return err
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = h.artifacts.Put(ctx, bytes.NewReader(raw), sdk.Artifact{Name: p.Name + ".bundle.json", MediaType: "application/json"})
	return err
}

// keeping is what the API says about how long runs are kept.
type keeping struct{ h *Host }

// Pin implements runroutes.Retention.
func (k keeping) Pin(ctx context.Context, id string, on bool) error {
	defer k.h.versions.changed(id)
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

const logSuffix = ".jsonl"

// All implements retention.Logs.
func (l *logs) All() ([]retention.Log, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	var out []retention.Log
	for _, e := range entries {
		run, ok := strings.CutSuffix(e.Name(), logSuffix)
		if !ok || e.IsDir() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, retention.Log{Run: run, Bytes: info.Size(), Written: info.ModTime()})
	}
	return out, nil
}

// Remove implements retention.Logs.
func (l *logs) Remove(run string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut(run)
	if err := os.Remove(filepath.Join(l.dir, run+logSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// hold keeps the run that is about to be repeated, and makes sure that it is there.
func (h *Host) hold(ctx context.Context, id string) (release func(), err error) {
	release = h.sweeper.Hold(id)
	head, err := h.store.Find(ctx, id)
	if err == nil && head.Run != id {
		err = fmt.Errorf("run %s: %w", id, store.ErrNotFound)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}
