package models

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRemove: a file goes from the disk and the list at once; one that is used, linked to from outside or not there stays as it is.
func TestRemove(t *testing.T) {
	t.Parallel()
	all, outside := t.TempDir(), t.TempDir()
	gone := put(t, []byte("base"), all, "checkpoints", "base.pt")
	used := put(t, []byte("x"), all, "vae", "used.pt")
	far := put(t, []byte("far"), outside, "far.pt")
	near := put(t, []byte("near"), all, "loras", "near.pt")
	for link, to := range map[string]string{"linked.pt": far, "alias.pt": near} {
		if err := os.Symlink(to, filepath.Join(all, "loras", link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(all, "more")); err != nil {
		t.Fatal(err)
	}
	var told atomic.Int32
	l := open(t, Config{Folders: []Folder{{Path: all}}, Changed: func(files bool) {
		if files {
			told.Add(1)
		}
	}, Uses: func(name string) string {
		return map[string]string{"vae/used.pt": "run_x/it/1"}[name]
	}})
	was := told.Load()
	if err := l.Remove("checkpoints/base.pt"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) || strings.Contains(l.text(), "base.pt") || l.Names()["checkpoints/base.pt"] || told.Load() != was+1 {
		t.Errorf("%v; %s; told %d times", err, l.text(), told.Load()-was)
	}
	for name, want := range map[string]string{"checkpoints/base.pt": "not exist", "../far.pt": "not exist", "vae/used.pt": "run_x/it/1 uses vae/used.pt",
		"loras/linked.pt": "in no folder of models: remove it there by hand", "more/far.pt": "in no folder of models"} {
		if err := l.Remove(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := l.Remove("loras/alias.pt"); err != nil {
		t.Errorf("a link within the folders: %v", err)
	}
	for _, path := range []string{used, far, near} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if l.again(); l.text() != "loras/linked.pt 3, loras/near.pt 4, more/far.pt 3, vae/used.pt 1" {
		t.Error(l.text())
	}
}
