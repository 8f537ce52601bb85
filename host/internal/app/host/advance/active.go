// Package advance is which runs this process advances: those that it made, took up when somebody said something, resumed at its
// beginning, or adopted from a host that died; and how hosts that share a store tell each other whose is which.
package advance

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// Config is what advancing runs stands on.
type Config struct {
	Store   store.Index
	Sharing *Sharing      // nil: every run of the store is this host's
	Fleet   *agents.Fleet // nil: there is this machine alone
	// Beat is how often this host says that it lives to those that it shares a store with; 0: 2 s.
	Beat time.Duration
	// Look has node types known, before a run is taken up that may need them.
	Look func(context.Context) error
	// Changes is told of a run before this process begins or ends to advance it, Changed after that; Begun, that it has one.
	Changes, Changed func(run string)
	Begun            func()
	// Led is told when this host has become the one that leads.
	Led func()
	Log *slog.Logger
}

// Runs are those that this process advances.
type Runs struct {
	Engine *engine.Engine // set before anything is taken up

	cfg    Config
	taking sync.Mutex // held while one run is taken up, so that two do not
	mu     sync.Mutex
	active map[string]bool
}

// New is a process that advances none yet.
func New(cfg Config) *Runs { return &Runs{cfg: cfg, active: map[string]bool{}} }

// Set says whether this process advances a run.
func (r *Runs) Set(run string, on bool) {
	defer r.cfg.Changed(run)
	r.cfg.Changes(run)
	r.mu.Lock()
	defer r.mu.Unlock()
	if on {
		r.active[run] = true
		r.cfg.Begun()
	} else {
		delete(r.active, run)
	}
}

// Active says whether this process advances a run.
func (r *Runs) Active(run string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active[run]
}

// Any says whether this process advances any.
func (r *Runs) Any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.active) > 0
}

// Actives are the runs that this process advances.
func (r *Runs) Actives() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.active))
}

// Shared says whether other hosts share the store of these runs.
func (r *Runs) Shared() bool { return r.cfg.Sharing != nil }
