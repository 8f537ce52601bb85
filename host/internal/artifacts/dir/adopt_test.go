package dir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
)

// TestAdopt: a file moves in, once; it becomes read-only and new, and nothing of it stays where it was.
func TestAdopt(t *testing.T) {
	t.Parallel()
	folder, from := t.TempDir(), t.TempDir()
	st, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	_, a := put(t, t.TempDir(), "hello")
	path := filepath.Join(from, "whole")
	for range 2 {
		if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := st.Adopt(path, a.Digest); err != nil {
			t.Fatal(err)
		}
		if got := files(t, from); len(got) != 0 || len(files(t, folder)) != 1 || st.Verify(t.Context(), a.Digest) != nil {
			t.Errorf("left behind %v, stored %v", got, files(t, folder))
		}
	}
	info, err := os.Stat(filepath.Join(folder, "sha256", a.Digest[7:9], a.Digest[9:]))
	if err != nil || info.Mode().Perm() != 0o444 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := st.Adopt(path, a.Digest); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := st.Adopt(path, "sha256:../x"); !errors.Is(err, artifacts.ErrDigest) {
		t.Errorf("no digest: %v", err)
	}
}

// TestAdoptFromAfar: from another file system nothing moves, and the file stays.
func TestAdoptFromAfar(t *testing.T) {
	t.Parallel()
	st, a := put(t, t.TempDir(), "hello")
	if _, err := st.Remove(t.Context(), a.Digest, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(smallDisk(t), "whole")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := st.Adopt(path, a.Digest); !errors.Is(err, syscall.EXDEV) || !strings.Contains(err.Error(), a.Digest) {
		t.Errorf("%v, want EXDEV", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}
