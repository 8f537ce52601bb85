package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Bill implements store.Bills.
func (s *Store) Bill(_ context.Context, rows []store.Bill) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("bill runs: %w", store.ErrClosed)
	}
	for _, b := range rows {
		if b.Seq >= s.bills[b.Run].Seq {
			b.Data = bytes.Clone(b.Data)
			s.bills[b.Run] = b
		}
	}
	return nil
}

// Bills implements store.Bills.
func (s *Store) Bills(_ context.Context, q store.BillQuery) (out []store.Bill, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("list bills: %w", store.ErrClosed)
	}
	for _, b := range s.bills {
		if q.Match(b) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b store.Bill) int { return strings.Compare(b.Run, a.Run) })
	return out, nil
}

// Unbilled implements store.Bills.
func (s *Store) Unbilled(_ context.Context, ended bool, limit int) (out []store.Head, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("list runs without a bill: %w", store.ErrClosed)
	}
	for _, h := range s.heads {
		if h.Ended() == ended && s.bills[h.Run].Seq != h.Seq && (limit == 0 || len(out) < limit) {
			out = append(out, h)
		}
	}
	return out, nil
}

// Unbill implements store.Bills.
func (s *Store) Unbill(_ context.Context, before time.Time) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, fmt.Errorf("remove bills: %w", store.ErrClosed)
	}
	for id, b := range s.bills {
		if _, there := s.events[id]; !there && b.Last.Before(before) {
			delete(s.bills, id)
			n++
		}
	}
	return n, nil
}
