package auth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// The files of a folder of accounts: what was done, and who may.
const (
	TrailFile    = "audit.jsonl"
	AccountsFile = record + ".json"
)

// Folder is store.Records of one host: a file each, which its owner alone can read.
type Folder struct {
	path string

	mu        sync.Mutex
	revisions map[string]int64
}

// NewFolder keeps records in a folder, which is made when there is something to keep.
func NewFolder(path string) *Folder { return &Folder{path: path, revisions: map[string]int64{}} }

// Record implements store.Records.
func (f *Folder) Record(_ context.Context, name string) (raw []byte, revision int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	raw, err = os.ReadFile(filepath.Join(f.path, name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.revisions[name], nil
	}
	if err == nil && f.revisions[name] == 0 {
		f.revisions[name] = 1 // of an earlier process
	}
	return raw, f.revisions[name], err
}

// Keep implements store.Records.
func (f *Folder) Keep(_ context.Context, name string, raw []byte, revision int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if revision != f.revisions[name] {
		return fmt.Errorf("record %s is not at revision %d any more: %w", name, revision, store.ErrConflict)
	}
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(f.path, "."+name+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	_, err = t.Write(raw)
	if err = errors.Join(err, t.Sync(), t.Close()); err == nil {
		err = os.Rename(t.Name(), filepath.Join(f.path, name+".json"))
	}
	if err == nil {
		f.revisions[name]++
	}
	return err
}
