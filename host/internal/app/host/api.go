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
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/ui"
)

// openAPI makes what serves the API from the host's parts.
func (h *Host) openAPI() {
	h.lineage = lineage.New(lineage.Config{Journal: h.store, Index: h.store, Artifacts: h.files, Vault: h.secrets})
	log := h.cfg.Log
	h.api = api.New(api.Config{
		Route: route.Config{Accounts: h.accounts, Trail: h.trail, Hosts: h.cfg.Hosts, Observe: h.metrics.Request, Log: log},
		Runs: runroutes.Config{Runs: runs{h}, Gates: runs{h}, Queue: queue{h}, Planner: planner{h}, Live: voices{h}, Retention: keeping{h}, Journal: h.store, Index: h.store,
			Cache: h.cache, CacheLimit: h.schedule.Policy.Cache, Active: h.isAdvanced, Changes: h.version,
			FirstID: func(t time.Time) string { return string(engine.FirstID(t)) }},
		Pipelines: pipelineroutes.Config{Pipelines: folders{h}, Checker: types{h}, Importer: importer{h}, Triggers: triggers{h}, Starters: h.starters},
		Files: fileroutes.Config{Artifacts: h.artifacts, Links: links(h.files), Uploads: h.uploads, Previews: h.previews, Name: h.secrets.Mask().String, Files: h.store,
			Lineage: origins{h.lineage}},
		Assets:   shelf{h},
		Fleet:    fleetroutes.Config{Agents: agents{h}, Relay: relay{h}, Devices: devices{h}, Models: modelFiles{h}, Catalog: types{h}},
		Accounts: accountroutes.Config{Accounts: h.accounts, Trail: h.trail, Provider: h.provider, Secure: h.cfg.TLS != nil, Log: log},
		Pages:    pages(),
		Edit:     h.edit,
		Version:  h.cfg.Version,
		Metrics:  h.metrics.Write,
		Checks: map[string]func(context.Context) error{
			"engine": func(context.Context) error { return h.engine.Err() },
			"fleet": func(context.Context) error {
				if h.fleet == nil {
					return nil
				}
				return h.fleet.link.Trouble()
			},
			"store": func(ctx context.Context) error {
				_, err := h.store.Find(ctx, "last")
				if errors.Is(err, errNoRun) {
					return nil
				}
				return err
			},
		},
	})
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
