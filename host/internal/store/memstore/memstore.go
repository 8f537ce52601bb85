// Package memstore keeps the journal and the index in memory: for tests, dry runs and as the plainest
// statement of what a store does. It forgets everything when the process ends.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Store is a store.Journal and a store.Index.
type Store struct {
	watchers store.Watchers

	mu     sync.RWMutex
	closed bool
	events map[string][][]byte
	heads  map[string]store.Head
	keys   map[string]store.Claim
	files  []store.File // the newest last
	file   int64        // number of the last one
	bills  map[string]store.Bill
	about  map[int64]described
}

// New gives an empty store.
func New() *Store {
	return &Store{events: map[string][][]byte{}, heads: map[string]store.Head{}, keys: map[string]store.Claim{}, bills: map[string]store.Bill{}, about: map[int64]described{}}
}

// Append implements store.Journal.
func (s *Store) Append(ctx context.Context, a store.Append) error {
	if err := a.Check(); err != nil {
		return err
	}
	if err := s.add(ctx, a); err != nil {
		return err
	}
	s.watchers.Notify(a.Run)
	return nil
}

func (s *Store) add(ctx context.Context, a store.Append) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%s: append: %w", a.Run, store.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: append: %w", a.Run, context.Cause(ctx))
	}
	if at := uint64(len(s.events[a.Run])); at != a.After {
		return &store.ConflictError{Run: a.Run, After: a.After, Head: at}
	}
	for _, e := range a.Events {
		s.events[a.Run] = append(s.events[a.Run], bytes.Clone(e))
	}
	if a.Head != nil {
		h := *a.Head
		h.Pinned = s.heads[a.Run].Pinned
		s.heads[a.Run] = h
	}
	for _, f := range a.Files {
		if !slices.ContainsFunc(s.files, func(x store.File) bool { return x.Run == a.Run && x.Digest == f.Digest }) {
			s.file++
			f.Run, f.Pipeline, f.Num = a.Run, s.heads[a.Run].Pipeline, s.file
			s.files = append(s.files, f)
		}
	}
	return nil
}

// Read implements store.Journal.
func (s *Store) Read(ctx context.Context, run string, after uint64, limit int) ([]store.Event, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("%s: read: %w", run, store.ErrClosed)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: read: %w", run, context.Cause(ctx))
	}
	all := s.events[run]
	if after >= uint64(len(all)) {
		return nil, nil
	}
	all = all[after:]
	if limit > 0 && limit < len(all) {
		all = all[:limit]
	}
	out := make([]store.Event, len(all))
	for i, e := range all {
		out[i] = store.Event{Run: run, Seq: after + uint64(i) + 1, Data: bytes.Clone(e)}
	}
	return out, nil
}

// Watch implements store.Journal.
func (s *Store) Watch(ctx context.Context, run string) <-chan struct{} {
	return s.watchers.Watch(ctx, run)
}

// Close implements store.Journal.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.watchers.Close()
	return nil
}

// List implements store.Index.
func (s *Store) List(_ context.Context, q store.Query) ([]store.Head, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("list runs: %w", store.ErrClosed)
	}
	var out []store.Head
	for _, h := range s.heads {
		if q.Match(h) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b store.Head) int { return strings.Compare(b.Run, a.Run) })
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out, nil
}

// Files implements store.Files.
func (s *Store) Files(_ context.Context, q store.FileQuery) (out []store.File, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("list files: %w", store.ErrClosed)
	}
	for _, f := range slices.Backward(s.files) {
		if !q.Match(f) {
			continue
		}
		if q.Skip--; q.Skip < 0 {
			out = append(out, f)
		}
		if q.Limit > 0 && len(out) == q.Limit {
			break
		}
	}
	return out, nil
}

// CountFiles implements store.Files.
func (s *Store) CountFiles(ctx context.Context, q store.FileQuery) (int, error) {
	q.Skip, q.Limit = 0, 0
	all, err := s.Files(ctx, q)
	return len(all), err
}

// Find implements store.Index.
func (s *Store) Find(ctx context.Context, id string) (store.Head, error) {
	q := store.Query{Prefix: id}
	if id == "last" {
		q = store.Query{Limit: 1}
	}
	heads, err := s.List(ctx, q)
	if err != nil {
		return store.Head{}, err
	}
	return store.Choose(id, heads)
}
