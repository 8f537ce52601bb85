package artifactstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// soon is later than anything that was put: what is removed before it goes.
func soon() time.Time { return time.Now().Add(time.Hour) }

func testRemove(t *testing.T, s Suite) {
	st := s.open(t)
	a, b := put(t, st, []byte("a"), ""), put(t, st, []byte("b"), "")
	open, err := st.Open(t.Context(), a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for _, want := range []bool{true, false} {
		if removed, err := st.Remove(t.Context(), a.Digest, soon()); removed != want || err != nil {
			t.Fatalf("removed: %t, %v, want %t", removed, err, want)
		}
	}
	if got, err := io.ReadAll(open); err != nil || string(got) != "a" {
		t.Errorf("an open reader reads %q, %v", got, err)
	}
	if _, err := st.Open(t.Context(), a.Digest); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("open after it was removed: %v", err)
	}
	if err := st.Fetch(t.Context(), a.Digest, filepath.Join(t.TempDir(), "x")); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("fetch after it was removed: %v", err)
	}
	want(t, st, b, []byte("b"))
	want(t, st, put(t, st, []byte("a"), ""), []byte("a"))
}

// testTouch: what was put or touched at a time or after it is not removed before that time.
func testTouch(t *testing.T, s Suite) {
	st := s.open(t)
	kept := func(what string, renew func(digest string) error) {
		t.Helper()
		data := []byte(what)
		a := put(t, st, data, "")
		time := later(t, a, st)
		if err := renew(a.Digest); err != nil {
			t.Fatal(err)
		}
		if removed, err := st.Remove(t.Context(), a.Digest, time); removed || err != nil {
			t.Errorf("%s: removed: %t, %v", what, removed, err)
		}
		want(t, st, a, data)
	}
	kept("touched", func(d string) error { return st.Touch(t.Context(), d) })
	kept("put again", func(string) error {
		_, err := st.Put(t.Context(), bytes.NewReader([]byte("put again")), sdk.Artifact{})
		return err
	})
	a := put(t, st, []byte("left alone"), "")
	if removed, err := st.Remove(t.Context(), a.Digest, later(t, a, st)); !removed || err != nil {
		t.Errorf("left alone: removed: %t, %v", removed, err)
	}
}

// testRenewed: whoever opens or fetches an artifact has touched it; whoever peeks has not.
func testRenewed(t *testing.T, s Suite) {
	if s.Age == nil {
		t.Skip("its artifacts cannot be made older")
	}
	folder := t.TempDir()
	st, err := s.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	a := put(t, st, []byte("a"), "")
	for what, look := range map[string]func() error{
		"open":  func() error { r, err := st.Open(t.Context(), a.Digest); return errors.Join(err, r.Close()) },
		"fetch": func() error { return st.Fetch(t.Context(), a.Digest, filepath.Join(t.TempDir(), "x")) },
		"touch": func() error { return st.Touch(t.Context(), a.Digest) },
		"renew": func() error { return artifacts.Renew(t.Context(), st, a.Digest) },
		"peek":  func() error { r, err := st.Peek(t.Context(), a.Digest); return errors.Join(err, r.Close()) },
	} {
		if err := errors.Join(s.Age(folder, a.Digest, 48*time.Hour), look()); err != nil {
			t.Fatal(err)
		}
		for h, err := range st.All(t.Context()) {
			if renewed := time.Since(h.Put) < artifacts.Renewed; err != nil || renewed != (what != "peek") {
				t.Errorf("%s: put %v, %v", what, h.Put, err)
			}
		}
	}
	if err := artifacts.Renew(t.Context(), st, digest([]byte("b"))); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("renew nothing: %v", err)
	}
	if _, err := st.Peek(t.Context(), digest([]byte("b"))); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("peek at nothing: %v", err)
	}
}

// later gives a time after the artifact was put, by the store's clock and ours.
func later(t *testing.T, a sdk.Artifact, st Store) time.Time {
	t.Helper()
	for h, err := range st.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if h.Digest == a.Digest {
			now := time.Now()
			for !now.After(h.Put) {
				now = time.Now()
			}
			return now
		}
	}
	t.Fatal("it is not listed")
	return time.Time{}
}

func testAll(t *testing.T, s Suite) {
	st := s.open(t)
	all := func() map[string]int64 {
		got := map[string]int64{}
		for h, err := range st.All(t.Context()) {
			if err != nil || time.Since(h.Put).Abs() > time.Minute || got[h.Digest] != 0 {
				t.Errorf("%+v, %v", h, err)
			}
			got[h.Digest] = h.Size + 1
		}
		return got
	}
	if got := all(); len(got) != 0 {
		t.Errorf("an empty store has %v", got)
	}
	want := map[string]int64{}
	for i := range 300 {
		a := put(t, st, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, i), "")
		want[a.Digest] = a.Size + 1
	}
	if got := all(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d artifacts, want %d", len(got), len(want))
	}
	for _, err := range st.All(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break // is heard
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range st.All(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
	}
}

// testRemoveHammer puts, touches and reads a few artifacts while they are removed all the time: once a Put or Touch
// has succeeded, no removal of what is older than its beginning takes them away.
func testRemoveHammer(t *testing.T, s Suite) {
	st := s.open(t)
	data := make([][]byte, 4)
	digests := make([]string, len(data))
	for i := range data {
		data[i] = bytes.Repeat([]byte{byte(i)}, 100+i)
		digests[i] = digest(data[i])
	}
	var limit atomic.Int64 // the newest time that something was removed before
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var removers, users sync.WaitGroup
	var removed, survived atomic.Int64
	removers.Go(func() {
		for round := 0; ctx.Err() == nil; round++ {
			before := time.Now()
			limit.Store(before.UnixNano())
			for range 20 {
				for _, d := range digests {
					gone, err := st.Remove(ctx, d, before)
					if err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
					if gone {
						removed.Add(1)
					}
				}
			}
		}
	})
	for u := range 4 {
		users.Go(func() {
			for round := range 400 {
				i := (u + round) % len(data)
				start := time.Now()
				var err error
				if round%2 == 0 {
					_, err = st.Put(t.Context(), bytes.NewReader(data[i]), sdk.Artifact{})
				} else if err = st.Touch(t.Context(), digests[i]); errors.Is(err, artifacts.ErrNotFound) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				r, err := st.Open(t.Context(), digests[i])
				if err != nil {
					if !errors.Is(err, artifacts.ErrNotFound) || limit.Load() <= start.UnixNano() {
						t.Errorf("round %d: %v", round, err)
						return
					}
					continue
				}
				got, err := io.ReadAll(r)
				r.Close()
				if err != nil || !bytes.Equal(got, data[i]) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				survived.Add(1)
			}
		})
	}
	users.Wait()
	cancel()
	removers.Wait()
	if removed.Load() == 0 || survived.Load() == 0 {
		t.Errorf("%d were removed and %d found: nothing was hammered", removed.Load(), survived.Load())
	}
}
