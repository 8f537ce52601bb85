package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/store"
)

type described struct {
	store.Meaning
	in store.Space
}

// Undescribed implements store.Meanings.
func (s *Store) Undescribed(_ context.Context, in store.Space, limit int) (out []store.File, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("list files that are not described: %w", store.ErrClosed)
	}
	for _, f := range slices.Backward(s.files) {
		if d, ok := s.about[f.Num]; (!ok || d.in != in) && len(out) < limit {
			out = append(out, f)
		}
	}
	return out, nil
}

// Describe implements store.Meanings.
func (s *Store) Describe(_ context.Context, in store.Space, meanings []store.Meaning) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("describe files: %w", store.ErrClosed)
	}
	for _, m := range meanings {
		if m.Vector != nil && len(m.Vector) != in.Dimensions {
			return fmt.Errorf("describe file %d: %d numbers, and not %d", m.Num, len(m.Vector), in.Dimensions)
		}
	}
	for _, m := range meanings {
		if slices.ContainsFunc(s.files, func(f store.File) bool { return f.Num == m.Num }) {
			m.Vector = slices.Clone(m.Vector)
			s.about[m.Num] = described{m, in}
		}
	}
	return nil
}

// Forget implements store.Meanings.
func (s *Store) Forget(_ context.Context, digest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("forget what files are about: %w", store.ErrClosed)
	}
	for _, f := range s.files {
		if f.Digest == digest {
			delete(s.about, f.Num)
		}
	}
	return nil
}

// Described implements store.Meanings.
func (s *Store) Described(_ context.Context, in store.Space) (store.Described, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := store.Described{Files: len(s.files)}
	if s.closed {
		return d, fmt.Errorf("count described files: %w", store.ErrClosed)
	}
	for _, a := range s.about {
		switch {
		case a.in != in:
		case a.Vector == nil:
			d.Failed++
		default:
			d.Vectors++
		}
	}
	return d, nil
}

// Nearest implements store.Nearest.
func (s *Store) Nearest(_ context.Context, in store.Space, vector []float32, q store.FileQuery, skip int) ([]store.Near, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("find files by what they are about: %w", store.ErrClosed)
	}
	q.Before = 0
	best := store.NewBest(skip + q.Limit)
	for _, f := range s.files {
		if d := s.about[f.Num]; d.in == in && d.Vector != nil && len(vector) == in.Dimensions && q.Match(f) {
			best.Add(f.Num, store.Dot(d.Vector, vector))
		}
	}
	return store.Ranked(best.Page(skip), s.files), nil
}
