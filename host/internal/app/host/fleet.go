package host

import (
	"context"
	"io"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk/client"
)

// openFleet makes this host's part in a fleet, if it has one.
func (h *Host) openFleet(ctx context.Context) (err error) {
	if h.cfg.Fleet == nil {
		return nil
	}
	h.fleet, err = agents.Open(ctx, agents.Config{Settings: *h.cfg.Fleet, State: h.cfg.State, Version: h.cfg.Version, Artifacts: h.artifacts, Files: h.files, Sealer: h.secrets,
		Expect: h.leases.Expect, Models: h.machine.Models, Run: func(ctx context.Context, id run.ID) (*progress.State, error) { return h.engine.State(ctx, id) },
		Hub: func() *hub.Hub { return h.api.Hub() }, Active: func() []string { return h.advance.Actives() }, Offered: h.machineChanged, Failed: func(err error) { h.failed <- err }, Log: h.cfg.Log})
	return err
}

// relay is what agents say of themselves.
func (h *Host) relay() agents.Relay { return agents.Relay{Fleet: h.fleet, Local: self{h}} }

// self is the agent within this process.
type self struct{ h *Host }

// Health implements agents.Self.
func (s self) Health(ctx context.Context) client.Health {
	_, err := s.h.catalog.Last(ctx)
	return s.h.machine.Health(s.h.cfg.Version, err)
}

// Metrics implements agents.Self.
func (s self) Metrics(w io.Writer) error { return s.h.metrics.WriteOf(w, agents.Local) }

// Join gives the line with which one more machine becomes an agent. It serves once, and for a while.
func (h *Host) Join(ctx context.Context, ttl time.Duration) (line string, expires time.Time, err error) {
	return h.fleet.Line(ctx, ttl)
}
