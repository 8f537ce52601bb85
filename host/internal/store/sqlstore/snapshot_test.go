package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/kv"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// TestSnapshot: taken while many append, it is a whole store: of every run the first events without a gap, and all that had been
// appended before.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlstore.Open(t.Context(), filepath.Join(dir, "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	add := func(id string, after uint64) error {
		return s.Append(t.Context(), store.Append{Run: id, After: after, Events: [][]byte{fmt.Appendf(nil, "%s %d", id, after+1)},
			Head: &store.Head{Run: id, Pipeline: "p", State: "running", Seq: after + 1}})
	}
	if err := add("run_before", 0); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for k := uint64(0); ctx.Err() == nil; k++ {
				if err := add(fmt.Sprintf("run_%d", w), k); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range 5 {
		path := filepath.Join(dir, fmt.Sprintf("copy%d.db", n))
		if err := s.Snapshot(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		whole(t, path)
	}
	stop()
	writers.Wait()
	if err := s.Snapshot(t.Context(), filepath.Join(dir, "copy0.db")); err == nil {
		t.Error("a snapshot takes the place of a file")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Snapshot(t.Context(), filepath.Join(dir, "late.db")); !errors.Is(err, store.ErrClosed) {
		t.Error(err)
	}
}

func whole(t *testing.T, path string) {
	t.Helper()
	c, err := sqlstore.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]uint64{}
	err = c.Each(t.Context(), func(e store.Event) error {
		if last[e.Run]++; e.Seq != last[e.Run] || string(e.Data) != fmt.Sprintf("%s %d", e.Run, e.Seq) {
			return fmt.Errorf("event %d of %s is %q", e.Seq, e.Run, e.Data)
		}
		return nil
	})
	if err != nil || last["run_before"] != 1 {
		t.Errorf("%v, %v", last, err)
	}
	for id, seq := range last {
		if h, err := c.Find(t.Context(), id); err != nil || h.Seq != seq {
			t.Errorf("%+v, %v; the journal is at %d", h, err, seq)
		}
	}
	if err := c.Append(t.Context(), store.Append{Run: "run_before", After: 1, Events: [][]byte{[]byte("run_before 2")}}); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	// It is sealed page by page, like any of ours: a byte that changes is seen.
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(raw, []byte("run_before 1"))
	raw[i] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	bad, err := sqlstore.Open(t.Context(), path)
	if err == nil {
		err = bad.Each(t.Context(), func(store.Event) error { return nil })
		_ = bad.Close()
	}
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a byte was changed: %v", err)
	}
}

func TestSnapshotOfState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := sqlstore.NewState(filepath.Join(dir, "state.db"))
	t.Cleanup(func() { _ = s.Close() })
	if there, err := s.Snapshot(t.Context(), filepath.Join(dir, "none.db")); there || err != nil {
		t.Errorf("before there is any: %v, %v", there, err)
	}
	scope := kv.Scope{Owner: "ada", Pipeline: "p", Node: "n"}
	keep := func([]byte, bool) ([]byte, bool, error) { return []byte("value"), true, nil }
	if err := s.Update(t.Context(), scope, "key", 100, keep); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "copy.db")
	if there, err := s.Snapshot(t.Context(), path); !there || err != nil {
		t.Fatal(there, err)
	}
	c := sqlstore.NewState(path)
	defer c.Close()
	if v, ok, err := c.Get(t.Context(), scope, "key"); string(v) != "value" || !ok || err != nil {
		t.Errorf("%q, %v, %v", v, ok, err)
	}
}
