package machine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/models"
)

// TestDownload brings files, says of each that is wrong why, and is done only when all are right.
func TestDownload(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("weights "), 20_000)
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	asked := make(chan string, 9)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path + " " + r.Header.Get("Range")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(server.Close)
	folder, hashes := t.TempDir(), filepath.Join(t.TempDir(), "models.json")
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		settle(t, path)
		return path
	}
	other := write("loras/other.pt", []byte("something else"))
	write("loras/there.pt", data)
	write("vae/.half.pt.part", data[:len(data)/2])
	cfg := config.Default()
	download := func() (right []string, err error) {
		err = Download(t.Context(), cfg, hashes, slog.New(slog.DiscardHandler), func(f models.File) { right = append(right, f.Name) })
		return right, err
	}
	if _, err := download(); err == nil || !strings.Contains(err.Error(), "no folder of models") {
		t.Error(err)
	}
	cfg.Models = []config.Models{{Name: "all", Folder: folder, Private: true}}
	if right, err := download(); err != nil || len(right) != 0 {
		t.Errorf("nothing is wanted: %v %v", right, err)
	}
	for _, name := range []string{"loras/there.pt", "loras/other.pt", "vae/half.pt", "vae/new.pt"} {
		cfg.Sources = append(cfg.Sources, config.Source{Name: name, URL: server.URL + "/" + name, Digest: digest})
	}
	right, err := download()
	if got := strings.Join(right, " "); got != "loras/there.pt vae/half.pt vae/new.pt" || err == nil || !strings.Contains(err.Error(), "loras/other.pt: another file is there, with the digest sha256:") {
		t.Fatalf("%s: %v", got, err)
	}
	if first, second := <-asked, <-asked; first != "/vae/half.pt bytes=80000-" || second != "/vae/new.pt " || len(asked) != 0 {
		t.Errorf("asked for %q, %q and %d more", first, second, len(asked))
	}
	settle(t, filepath.Join(folder, "vae/half.pt"))
	settle(t, filepath.Join(folder, "vae/new.pt"))
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if right, err := download(); err != nil || len(right) != 4 {
		t.Errorf("%v: %v", right, err)
	}
	for _, name := range []string{"loras/other.pt", "vae/half.pt", "vae/new.pt"} {
		if got, err := os.ReadFile(filepath.Join(folder, name)); !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// settle makes a file one that nobody has just written to.
func settle(t *testing.T, path string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}
