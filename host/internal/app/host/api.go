package host

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api"
	"github.com/myspinbot/spinbot/host/internal/api/accountroutes"
	"github.com/myspinbot/spinbot/host/internal/api/fileroutes"
	"github.com/myspinbot/spinbot/host/internal/api/fleetroutes"
	"github.com/myspinbot/spinbot/host/internal/api/pipelineroutes"
	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/api/runroutes"
	"github.com/myspinbot/spinbot/host/internal/app/host/devices"
	"github.com/myspinbot/spinbot/host/internal/app/host/runs"
	"github.com/myspinbot/spinbot/host/internal/app/host/submission"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/ui"
)

// openAPI makes what serves the API from the host's parts.
func (h *Host) openAPI() {
	log := h.cfg.Log
	h.api = api.New(api.Config{
		Route: route.Config{Accounts: h.accounts, Trail: h.trail, Hosts: h.cfg.Hosts, Proxies: h.cfg.File.Auth.Proxies, Observe: h.metrics.Request, Log: log},
		Runs: runroutes.Config{Runs: allRuns{h.runs, h.submit}, Gates: h.runs, Queue: h.runs, Planner: h.submit, Attempts: h.runs, Bills: h.bills, Live: h.reports, Retention: keeping{h}, Archives: h.archives, Artifacts: h.artifacts, Journal: h.store, Index: h.store,
			Cache: h.cache, CacheLimit: h.schedule.Policy.Cache, Active: h.advance.Advanced, Changes: h.runs.Version,
			FirstID: func(t time.Time) string { return string(engine.FirstID(t)) }},
		Pipelines: pipelineroutes.Config{Pipelines: h.authoring, Checker: h.authoring, Importer: h.authoring, Triggers: h.triggers, Starters: h.starters},
		Files: fileroutes.Config{Artifacts: h.artifacts, Links: links(h.files), Uploads: h.uploads, Previews: h.previews, Name: h.secrets.Mask().String, Files: h.store, Search: h.found(),
			Lineage: h.assets},
		Assets:   h.assets,
		Fleet:    fleetroutes.Config{Agents: h.fleet, Relay: h.relay(), Devices: devices.Devices{Machine: h.machine, Fleet: h.fleet, Placing: h.placing}, Models: h.models, Catalog: h.types},
		Accounts: accountroutes.Config{Accounts: h.accounts, Trail: h.trail, Provider: h.provider, Secure: h.cfg.TLS != nil || h.cfg.File.Auth.Domain != "", Domain: h.cfg.File.Auth.Domain, Log: log},
		Pages:    pages(),
		Edit:     h.authoring.Edit,
		Version:  h.cfg.Version,
		Train:    h.cfg.Train,
		Metrics:  h.metrics.Write,
		Checks: map[string]func(context.Context) error{
			"engine": func(context.Context) error { return h.engine.Err() },
			"fleet": func(context.Context) error {
				if h.fleet == nil {
					return nil
				}
				return h.fleet.Link.Trouble()
			},
			"store": func(ctx context.Context) error {
				if err := h.store.Stopped(); err != nil {
					return err
				}
				_, err := h.store.Find(ctx, "last")
				if errors.Is(err, store.ErrNotFound) {
					return nil
				}
				return err
			},
		},
	})
}

// allRuns are those that there are, and those that are made.
type allRuns struct {
	*runs.Runs
	*submission.Maker
}

// links are given by a store whose artifacts browsers can fetch where they are; nil: by none.
func links(of artifacts.Keeper) artifacts.Linker {
	if l, ok := of.(artifacts.Linker); ok && l.Origin() != "" {
		return l
	}
	return nil
}

// pages are the files of the web interface; nil when it was not built.
func pages() fs.FS {
	files, ok := ui.Files()
	if !ok {
		return nil
	}
	return files
}
