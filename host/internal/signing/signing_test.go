package signing

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/provenance"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// memory is records that somebody else changes, too: before each of the first writes.
type memory struct {
	mu       sync.Mutex
	raw      []byte
	revision int64
	raced    int
}

func (m *memory) Record(context.Context, string) ([]byte, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.raw, m.revision, nil
}

func (m *memory) Keep(_ context.Context, _ string, raw []byte, revision int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.raced > 0 {
		m.raced--
		m.revision++
	}
	if revision != m.revision {
		return store.ErrConflict
	}
	m.raw, m.revision = raw, m.revision+1
	return nil
}

func TestSigner(t *testing.T) {
	t.Parallel()
	file, public := filepath.Join(t.TempDir(), "provenance.key"), &memory{raced: 2}
	statement, err := provenance.Encode(sdk.Artifact{Digest: "sha256:ab"}, provenance.Predicate{Run: "run_1"})
	if err != nil {
		t.Fatal(err)
	}
	sign := func() (provenance.Envelope, int) {
		t.Helper()
		s := New(file, public)
		e, err := s.Sign(t.Context(), statement)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := s.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if k, err := e.Verify(keys); err != nil || provenance.KeyID(k) != provenance.KeyID(keys[len(keys)-1]) {
			t.Errorf("%v", err)
		}
		return e, len(keys)
	}
	first, n := sign()
	again, m := sign()
	if n != 1 || m != 1 || first.Signatures[0] != again.Signatures[0] {
		t.Errorf("%d and %d keys, %v and %v", n, m, first, again)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	second, n := sign()
	if n != 2 || second.Signatures[0].KeyID == first.Signatures[0].KeyID {
		t.Errorf("%d keys, %v and %v", n, first, second)
	}
	keys, err := New(file, public).Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Verify(keys); err != nil { // the old key is known still
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(file, public).Sign(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "is damaged: put "+file) {
		t.Error(err)
	}
	if _, err := New(file, &memory{raw: []byte("{")}).Keys(t.Context()); err == nil {
		t.Error("damaged public keys were believed")
	}
	if _, err := New(filepath.Join(file, "x"), public).Keys(t.Context()); err == nil || errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
}

// TestHammer: all who ask at once sign with one key.
func TestHammer(t *testing.T) {
	t.Parallel()
	s := New(filepath.Join(t.TempDir(), "provenance.key"), &memory{})
	var all sync.WaitGroup
	ids := make([]string, 8)
	for k := range ids {
		all.Go(func() {
			if e, err := s.Sign(t.Context(), []byte("{}")); err == nil {
				ids[k] = e.Signatures[0].KeyID
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatal(ids)
		}
	}
}
