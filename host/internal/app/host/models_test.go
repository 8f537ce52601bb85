package host

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestRemoveModel: a model file of this machine goes from its disk; what is not there, or on no machine, is said to be so.
func TestRemoveModel(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "ink.pt")
	if err := os.WriteFile(path, []byte("ink"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil { // it is whole
		t.Fatal(err)
	}
	h := open(t, func(c *Config) { c.File = &config.Config{Models: []config.Models{{Folder: folder, Kind: "loras"}}} })
	t.Cleanup(func() { stop(t, h) })
	was, err := h.Client().RemoveModel(t.Context(), client.ModelRemoval{Model: "loras/ink.pt"})
	if _, gone := os.Stat(path); err != nil || was.Size != 3 || was.Agent != agents.Local || !errors.Is(gone, fs.ErrNotExist) {
		t.Errorf("%+v, %v; the file: %v", was, err, gone)
	}
	for _, c := range []struct{ model, agent, want string }{
		{"loras/ink.pt", "", "this machine does not have loras/ink.pt"},
		{"../ink.pt", "", "this machine does not have ../ink.pt"},
		{"loras/ink.pt", "box9", `no agent "box9"`},
	} {
		var p *client.Problem
		if _, err := h.Client().RemoveModel(t.Context(), client.ModelRemoval{Model: c.model, Agent: c.agent}); !errors.As(err, &p) || p.Status != http.StatusNotFound || !strings.Contains(p.Detail, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
