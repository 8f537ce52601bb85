package host

import (
	"context"
	"path/filepath"
	"time"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// openAccounts reads who may ask for what: with the runs where hosts share them, else in the state directory. What was done is
// written down by each host for itself.
func (h *Host) openAccounts(ctx context.Context) (err error) {
	folder := h.cfg.State.Accounts()
	var kept store.Records = auth.NewFolder(folder)
	if h.sharing != nil {
		kept = h.sharing.notes
	}
	h.trail = auth.NewTrail(filepath.Join(folder, "audit.jsonl"))
	h.accounts, err = auth.Open(ctx, kept, time.Now)
	return err
}
