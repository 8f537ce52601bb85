package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// TestUploadsMoveIn: what an agent has brought is moved into the store, through all that stands before it, and not copied.
func TestUploadsMoveIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	store, ok := h.artifacts.(artifacts.Adopter)
	if !ok {
		t.Fatalf("%T hides that the store adopts", h.artifacts)
	}
	const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	path := filepath.Join(h.cfg.State.Dir, "hello")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	came, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Adopt(path, digest); err != nil {
		t.Fatal(err)
	}
	kept, err := os.Stat(filepath.Join(h.cfg.State.Artifacts(), "sha256", digest[7:9], digest[9:]))
	if err != nil || !os.SameFile(came, kept) {
		t.Errorf("it was copied: %v", err)
	}
}
