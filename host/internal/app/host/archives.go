package host

import (
	"cmp"
	"os"
	"path/filepath"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/archives"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/transfer"
)

// openArchives makes what takes runs and the state of this host out and in. What broken imports and backups left goes.
func (h *Host) openArchives() error {
	staging := filepath.Join(h.cfg.State.Artifacts(), "staging")
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	name, _ := os.Hostname()
	h.archives = &archives.Archives{Store: h.store, State: h.cfg.State, File: h.file.Load, Nodes: h.state, Files: h.files, Still: h.sweeper.Still,
		Transfer: &transfer.Host{Journal: h.store, Index: h.store, Runs: h.store, Artifacts: h.artifacts, Staging: staging, Name: cmp.Or(name, "a host"), Program: h.cfg.Version, Now: time.Now},
		Imported: func(run string) {
			h.versions.Changed(run)
			h.api.Hub().Changed(run)
		}}
	h.archives.Database, _ = h.store.(*sqlstore.Store)
	if h.cfg.ArtifactsS3 != nil {
		h.archives.Bucket = h.cfg.ArtifactsS3.Bucket
	}
	return nil
}
