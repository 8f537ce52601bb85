// Package dir keeps results as JSON files in a folder. A file's modification time is when its result was last used.
package dir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/cache"
)

// Store is a folder of results.
type Store struct {
	root string
	now  func() time.Time
}

// Open makes the folder when it is not there. now is the clock.
func Open(root string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Store{root, now}, nil
}

// path is where a key's result is. Keys are names of files; any other is never found.
func (s *Store) path(key string) (string, bool) {
	if len(key) < 3 || strings.Trim(key, "0123456789abcdef") != "" {
		return "", false
	}
	return filepath.Join(s.root, key[:2], key+".json"), true
}

// Get implements cache.Store.
func (s *Store) Get(_ context.Context, key string) (cache.Entry, error) {
	path, ok := s.path(key)
	if !ok {
		return cache.Entry{}, cache.ErrNotFound
	}
	e, err := read(path)
	if err != nil || e.Key != key {
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			os.Remove(path) // cut short by a crash, or damaged
		}
		return cache.Entry{}, cache.ErrNotFound
	}
	e.Used = s.now()
	_ = os.Chtimes(path, e.Used, e.Used) // it may have been removed meanwhile
	return e, nil
}

func read(path string) (e cache.Entry, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(raw, &e)
}

// Put implements cache.Store. Nothing is visible until it is whole.
func (s *Store) Put(_ context.Context, e cache.Entry) error {
	path, ok := s.path(e.Key)
	if !ok {
		return fmt.Errorf("cache: %q is no key", e.Key)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// List implements cache.Store.
func (s *Store) List(ctx context.Context) ([]cache.Entry, error) {
	var out []cache.Entry
	err := filepath.WalkDir(s.root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) || err == nil && (d.IsDir() || !strings.HasSuffix(path, ".json")) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it has been removed meanwhile
		}
		e, err := read(path)
		if err != nil {
			return nil //nolint:nilerr // damaged: the next Get removes it
		}
		e.Used, e.Size = info.ModTime(), info.Size()
		for _, a := range e.Artifacts() {
			e.Size += a.Size
		}
		out = append(out, e)
		return nil
	})
	slices.SortFunc(out, func(a, b cache.Entry) int { return b.Used.Compare(a.Used) })
	return out, err
}

// Remove implements cache.Store.
func (s *Store) Remove(_ context.Context, key string) error {
	path, ok := s.path(key)
	if !ok {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}
