package host

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/api/fileroutes"
	"github.com/myspinbot/spinbot/host/internal/app/host/finding"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
)

// openSearch makes what finds artifacts by what they are about, where the configuration names a model for it.
func (h *Host) openSearch(ctx context.Context, executor exec.Executor) error {
	model := h.cfg.File.Search.Model
	if model == "" {
		return nil
	}
	index := ""
	if s, ok := h.store.(*pgstore.Store); ok {
		version, lacks, err := s.Enable(ctx)
		switch {
		case err != nil:
			return err
		case lacks != "":
			h.cfg.Log.Warn("search compares all vectors, which is slow with very many", "reason", lacks)
		default:
			index = "pgvector " + version
		}
	}
	h.search = finding.New(finding.Config{Model: model, Store: h.store, Index: index, Catalog: h.catalog, Placing: h.placing, Fleet: h.fleet, Executor: executor, Lineage: h.lineage,
		Called: h.assets.Called, Mask: h.secrets.Mask().String, Rests: h.searchRests, Log: h.cfg.Log})
	return nil
}

// searchRests says why this host describes nothing now.
func (h *Host) searchRests() string {
	if h.sharing != nil && !h.sharing.Leads() {
		return "another host that shares the store does that"
	}
	return h.room.Reason()
}

// found is what the API finds files with; nil: by their names alone.
func (h *Host) found() fileroutes.Search {
	if h.search == nil {
		return nil
	}
	return h.search
}
