// Package dir keeps results as files in a folder: a line with the SHA-256 of the rest, and the result as JSON. A file's
// modification time is when its result was last used.
package dir

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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
	log  *slog.Logger
}

// Open makes the folder when it is not there. now is the clock; log hears of results that are damaged.
func Open(root string, now func() time.Time, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Store{root, now, log}, nil
}

const suffix = ".json"

// path is where a key's result is. Keys are names of files; any other is never found.
func (s *Store) path(key string) (string, bool) {
	if len(key) < 3 || len(key) > 128 || strings.Trim(key, "0123456789abcdef") != "" {
		return "", false
	}
	return filepath.Join(s.root, key[:2], key+suffix), true
}

// Get implements cache.Store.
func (s *Store) Get(_ context.Context, key string) (cache.Entry, error) {
	path, ok := s.path(key)
	if !ok {
		return cache.Entry{}, cache.ErrNotFound
	}
	e, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cache.Entry{}, cache.ErrNotFound
	case errors.Is(err, errDamaged):
		s.log.Warn("a kept result is damaged and is removed; its node will run again", "file", path, "error", err)
		return cache.Entry{}, errors.Join(cache.ErrNotFound, os.Remove(path))
	case err != nil:
		return cache.Entry{}, fmt.Errorf("cache: %w", err)
	}
	e.Used = s.now()
	_ = os.Chtimes(path, e.Used, e.Used) // it may have been removed meanwhile, or the folder may be read-only
	return e, nil
}

var errDamaged = errors.New("cut short or changed since it was written")

// read gives the result in a file, if it is as it was written there.
func read(path string) (cache.Entry, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return cache.Entry{}, err
	}
	var e cache.Entry
	head, body, _ := bytes.Cut(raw, []byte("\n"))
	if string(head) != sum(body) || json.Unmarshal(body, &e) != nil || e.Key+suffix != filepath.Base(path) {
		return cache.Entry{}, errDamaged
	}
	return e, nil
}

func sum(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}

// Put implements cache.Store. Nothing is visible until it is whole.
func (s *Store) Put(_ context.Context, e cache.Entry) error {
	path, ok := s.path(e.Key)
	if !ok {
		return fmt.Errorf("cache: %q is no key", e.Key)
	}
	body, err := json.Marshal(e)
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
	_, err = fmt.Fprintf(f, "%s\n%s", sum(body), body)
	if err = errors.Join(err, f.Close()); err == nil {
		now := s.now()
		err = errors.Join(os.Chtimes(f.Name(), now, now), os.Rename(f.Name(), path))
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
		if errors.Is(err, fs.ErrNotExist) || err == nil && (d.IsDir() || !strings.HasSuffix(path, suffix)) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cache: %w", err)
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
