package host

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/host/assets"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/host/internal/signing"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// openAssets finds the assets and the public keys of provenance: with the runs where hosts share them, else in the state directory.
func (h *Host) openAssets() {
	var kept store.Records = auth.NewFolder(h.cfg.State.Library())
	if h.sharing != nil {
		kept = h.sharing.Records
	}
	h.library = library.New(kept)
	h.lineage = lineage.New(lineage.Config{Journal: h.store, Index: h.store, Artifacts: h.files, Vault: h.secrets})
	h.assets = assets.New(assets.Config{Library: h.library, Signer: signing.New(h.cfg.State.ProvenanceKey(), kept), Lineage: h.lineage, Artifacts: h.artifacts, Files: h.files,
		Vault: h.secrets, Version: h.cfg.Version, Licences: h.cfg.File.Licences, OfModel: h.licenceOf, Renamed: func(ctx context.Context, digest string) { h.search.Renamed(ctx, digest) }})
}

// licenceOf gives what the file of a model on this machine says of its licence.
func (h *Host) licenceOf(model string) string {
	if h.machine.Models == nil {
		return ""
	}
	return h.machine.Models.Licence(model)
}
