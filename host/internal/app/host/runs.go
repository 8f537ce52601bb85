package host

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/host/advance"
	"github.com/myspinbot/spinbot/host/internal/app/host/runs"
	"github.com/myspinbot/spinbot/host/internal/app/host/submission"
)

// openAdvance makes what knows which runs this process advances.
func (h *Host) openAdvance() {
	h.advance = advance.New(advance.Config{Store: h.store, Sharing: h.sharing, Fleet: h.fleet, Beat: h.cfg.HostBeat,
		Look: func(ctx context.Context) error {
			_, err := h.catalog.View(ctx)
			return err
		},
		Changes: h.silence.Forget, Changed: h.versions.Changed, Begun: h.collector.Begin, Led: func() { h.triggers.Wake() }, Log: h.cfg.Log})
}

// openRuns makes what shows runs and is said to them, and what makes new ones.
func (h *Host) openRuns() {
	h.advance.Engine = h.engine
	h.runs = &runs.Runs{Engine: h.engine, Store: h.store, Advance: h.advance, Assets: h.assets, Fleet: h.fleet, Lineage: h.lineage, Vault: h.secrets, Placing: h.placing,
		Versions: h.versions, Silence: h.silence, Full: h.room.Reason, Paused: h.cfg.State.Paused(), Log: h.cfg.Log}
	h.submit = &submission.Maker{Engine: h.engine, Store: h.store, Catalog: h.catalog, Artifacts: h.artifacts, Assets: h.assets, Placing: h.placing, Vault: h.secrets,
		Load: h.authoring.Load, Hold: h.hold, Shown: h.runs.Show, Traced: h.tracer.Submitted}
}
