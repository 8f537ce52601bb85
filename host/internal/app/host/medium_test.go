package host

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestJournalStops: when the journal's medium fails while runs go on, the host stops advancing them and says why; after
// a restart on a medium that works, they go on from what is recorded.
func TestJournalStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		kind  sumvfs.Kind
		fault sumvfs.Fault
		says  string
	}{
		{"a sync fails", sumvfs.Sync, sumvfs.BadSync, "disk I/O error"},
		{"the disk is full", sumvfs.Write, sumvfs.DiskFull, "the disk is full: free some space"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := opened(t)
			r := submit(t, h.Client(), waits(6, "50ms"))
			until(t, h.Client(), r.ID, started("n1"))
			path := h.cfg.State.Database()
			end := sumvfs.Inject(path, func(op sumvfs.Op) sumvfs.Fault {
				if op.Kind == c.kind && op.Path == path+"-wal" {
					return c.fault
				}
				return sumvfs.None
			})
			health := unwell(t, h)
			if !strings.Contains(health, c.says) || !strings.Contains(health, "restart the host") {
				t.Errorf("health says %q, want %q and what to do", health, c.says)
			}
			if _, err := h.Client().Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: waits(1, "1ms")}}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("submit: %v, want the reason", err)
			}
			end()
			_ = h.Close(context.Background()) // whether it can still write is the medium's affair

			h = reopen(t, h)
			if _, err := h.Serve(t.Context(), "127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			until(t, h.Client(), r.ID, ended)
			if r, err := h.Client().Run(t.Context(), r.ID); err != nil || r.State != string(run.Succeeded) {
				t.Errorf("after the restart: %+v, %v", r, err)
			}
		})
	}
}

// unwell waits until the engine has stopped and gives its reason.
func unwell(t *testing.T, h *Host) string {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		if err := h.engine.Err(); err != nil {
			return err.Error()
		}
		select {
		case <-t.Context().Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatal("the engine goes on without its journal")
	return ""
}
