package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/modelfiles"
	"github.com/myspinbot/spinbot/host/internal/app/host/placing"
)

// openPlacing makes what gives devices to tasks, and what shows them and the model files that they need.
func (h *Host) openPlacing() {
	cfg := placing.Config{File: h.cfg.File, Learned: h.cfg.State.Learned(), Machine: h.machine, Fleet: h.fleet, Types: h.types, Together: h.sharing != nil, Parallel: h.cfg.Parallel,
		Say: h.reports.Report, Waited: h.metrics.Waited, Look: func(now time.Time) { h.models.FetchShortages(now) }, Log: h.cfg.Log}
	if h.sharing != nil {
		cfg.Mine = h.advance.Active
	}
	if h.tracer != nil {
		cfg.Waits = h.tracer.Waits
	}
	h.placing = placing.New(cfg)
	h.models = &modelfiles.Files{Machine: h.machine, Fleet: h.fleet, Sources: h.cfg.File.Sources, Shortages: h.placing.Shortages, Log: h.cfg.Log}
	if h.fleet != nil {
		h.fleet.Use(h.catalog, h.placing.Placer)
	}
}

// machineChanged has the placer hear how this machine is now.
func (h *Host) machineChanged() {
	if h.placing != nil {
		h.placing.Tell()
	}
}

// noDevices says so: aloud on a host that serves.
func (h *Host) noDevices(note string) {
	level := slog.LevelDebug
	if h.announce.Load() {
		level = slog.LevelWarn
	}
	h.cfg.Log.Log(context.Background(), level, "no devices: whatever needs none runs all the same", "why", note)
}
