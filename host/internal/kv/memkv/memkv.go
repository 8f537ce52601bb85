// Package memkv keeps the state of control nodes in memory, for tests.
package memkv

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/kv"
)

// Store is a kv.Store in memory. Its zero value is empty and ready for use.
type Store struct {
	mu     sync.Mutex
	scopes map[kv.Scope]map[string][]byte
}

// New makes an empty store.
func New() *Store { return &Store{} }

// Get implements kv.Store.
func (s *Store) Get(ctx context.Context, scope kv.Scope, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.scopes[scope][key]
	return bytes.Clone(v), ok, ctx.Err()
}

// Update implements kv.Store.
func (s *Store) Update(ctx context.Context, scope kv.Scope, key string, most int64, fn kv.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.scopes[scope][key]
	value, keep, err := fn(bytes.Clone(old), ok)
	if err != nil {
		return err
	}
	before := int64(0)
	for k, v := range s.scopes[scope] {
		before += int64(len(k) + len(v))
	}
	after := before
	if ok {
		after -= int64(len(key) + len(old))
	}
	if keep {
		after += int64(len(key) + len(value))
	}
	if err := kv.Fits(before, after, most); err != nil {
		return err
	}
	if !keep {
		delete(s.scopes[scope], key)
		return nil
	}
	if s.scopes == nil {
		s.scopes = map[kv.Scope]map[string][]byte{}
	}
	if s.scopes[scope] == nil {
		s.scopes[scope] = map[string][]byte{}
	}
	s.scopes[scope][key] = append([]byte{}, value...)
	return nil
}

// List implements kv.Store.
func (s *Store) List(ctx context.Context, scope kv.Scope, prefix string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for k := range s.scopes[scope] {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys, ctx.Err()
}
