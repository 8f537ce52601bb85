package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Each implements store.Keeper.
func (s *Store) Each(ctx context.Context, fn func(store.Event) error) error {
	s.mu.RLock()
	runs := make([]string, 0, len(s.events))
	for run := range s.events {
		runs = append(runs, run)
	}
	s.mu.RUnlock()
	for _, run := range runs {
		events, err := s.Read(ctx, run, 0, 0)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// Pin implements store.Keeper.
func (s *Store) Pin(_ context.Context, run string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, listed := s.heads[run]
	switch {
	case s.closed:
		return fmt.Errorf("%s: pin: %w", run, store.ErrClosed)
	case !listed:
		return fmt.Errorf("%s: pin: %w", run, store.ErrNotFound)
	}
	h.Pinned = on
	s.heads[run] = h
	return nil
}

// Remove implements store.Keeper.
func (s *Store) Remove(_ context.Context, run string, seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := uint64(len(s.events[run]))
	switch {
	case s.closed:
		return fmt.Errorf("%s: remove: %w", run, store.ErrClosed)
	case at == 0:
		return fmt.Errorf("%s: remove: %w", run, store.ErrNotFound)
	case at != seq:
		return &store.ConflictError{Run: run, After: seq, Head: at}
	case s.heads[run].Pinned:
		return fmt.Errorf("%s: remove: %w", run, store.ErrPinned)
	}
	delete(s.events, run)
	delete(s.heads, run)
	s.files = slices.DeleteFunc(s.files, func(f store.File) bool {
		if f.Run == run {
			delete(s.about, f.Num)
		}
		return f.Run == run
	})
	return nil
}

// Shrink implements store.Keeper: memory is given back by itself.
func (s *Store) Shrink(context.Context) (int64, error) { return 0, nil }

// Claim implements store.Keys.
func (s *Store) Claim(_ context.Context, key string, c store.Claim, now time.Time) (store.Claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.Claim{}, fmt.Errorf("claim a key: %w", store.ErrClosed)
	}
	maps.DeleteFunc(s.keys, func(_ string, c store.Claim) bool { return !now.Before(c.Until) })
	if s.keys[key].Run == "" && c.Run != "" {
		s.keys[key] = c
	}
	return s.keys[key], nil
}
