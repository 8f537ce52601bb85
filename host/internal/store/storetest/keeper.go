package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// each gives how many events every run has, having looked at each.
func each(t testing.TB, st Store) map[string]uint64 {
	t.Helper()
	seen := map[string]uint64{}
	err := st.Each(t.Context(), func(e store.Event) error {
		if seen[e.Run]++; e.Seq != seen[e.Run] || string(e.Data) != string(payload(e.Run, e.Seq)) {
			return fmt.Errorf("%s: event %d is #%d %q", e.Run, seen[e.Run], e.Seq, e.Data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func testEach(t *testing.T, s Suite) {
	st := s.open(t)
	if got := each(t, st); len(got) != 0 {
		t.Errorf("an empty store has %v", got)
	}
	want := map[string]uint64{}
	for i := range 700 { // interleaved, of several events, without heads
		run := fmt.Sprintf("run_%d", i%3)
		add(t, st, item(run, want[run], 1+i%4))
		want[run] += uint64(1 + i%4)
	}
	if got := each(t, st); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	enough := errors.New("enough")
	if err := st.Each(t.Context(), func(store.Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v, want the error of the function", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.Each(ctx, func(store.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func testPin(t *testing.T, s Suite) {
	st := s.open(t)
	fill(t, st)
	pinned := func(run string) bool {
		t.Helper()
		h, err := st.Find(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		return h.Pinned
	}
	for range 2 { // again is no error
		if err := st.Pin(t.Context(), "run_1", true); err != nil {
			t.Fatal(err)
		}
	}
	if !pinned("run_1") || pinned("run_2") {
		t.Error("the mark is not the run's own")
	}
	h := head("run_1", "film", "succeeded", 9)
	a := item("run_1", 2, 1)
	a.Head = h
	add(t, st, a)
	if !pinned("run_1") {
		t.Error("a new head took the mark away")
	}
	h2 := head("run_2", "film", "succeeded", 9)
	h2.Pinned = true
	b := item("run_2", 1, 1)
	b.Head = h2
	add(t, st, b)
	if pinned("run_2") {
		t.Error("a head brought the mark")
	}
	if err := st.Pin(t.Context(), "run_1", false); err != nil || pinned("run_1") {
		t.Errorf("still pinned, %v", err)
	}
	for _, run := range []string{"nobody", "", "zzz_headless"} {
		if err := st.Pin(t.Context(), run, true); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("pin %q: %v, want ErrNotFound", run, err)
		}
	}
}

func testRemove(t *testing.T, s Suite) {
	st := s.open(t)
	fill(t, st)
	for i := range uint64(30) {
		add(t, st, item("long", i*2, 2))
		add(t, st, item("zzz_headless", i+1, 1))
	}
	for run, seq := range map[string]uint64{"run_1": 2, "run_20": 2, "long": 60} {
		if err := st.Remove(t.Context(), run, seq); err != nil {
			t.Fatal(err)
		}
		check(t, st, run, 0)
		if _, err := st.Find(t.Context(), run); run != "run_20" && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("find %s: %v", run, err)
		}
		if err := st.Remove(t.Context(), run, seq); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("remove %s again: %v, want ErrNotFound", run, err)
		}
	}
	if got := listed(t, st, store.Query{}); got != "x_y x% run_2 " {
		t.Errorf("left are %s", got)
	}
	check(t, st, "zzz_headless", 31)
	if got := each(t, st); len(got) != 4 || got["run_2"] != 1 {
		t.Errorf("left are the events %v", got)
	}
	if _, err := st.Shrink(t.Context()); err != nil {
		t.Error(err)
	}
	add(t, st, item("zzz_headless", 31, 1))
	add(t, st, item("long", 0, 1)) // another one of that name
	check(t, st, "long", 1)
	check(t, st, "zzz_headless", 32)
}

func testRemoveRefuses(t *testing.T, s Suite) {
	st := s.open(t)
	fill(t, st)
	if err := st.Remove(t.Context(), "nobody", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of nobody: %v, want ErrNotFound", err)
	}
	for _, seq := range []uint64{0, 1, 3} {
		if err := st.Remove(t.Context(), "run_1", seq); !errors.Is(err, store.ErrConflict) {
			t.Errorf("at %d of 2: %v, want ErrConflict", seq, err)
		}
	}
	if err := st.Pin(t.Context(), "run_1", true); err != nil {
		t.Fatal(err)
	}
	if err := st.Remove(t.Context(), "run_1", 2); !errors.Is(err, store.ErrConflict) || !errors.Is(err, store.ErrPinned) {
		t.Errorf("a pinned run: %v, want ErrPinned", err)
	}
	check(t, st, "run_1", 2)
	add(t, st, item("run_1", 2, 1)) // nothing was stopped
}

// testRemoveHammer removes runs while others are appended to and all are read: a run is there whole or not at all.
func testRemoveHammer(t *testing.T, s Suite) {
	st := s.open(t)
	const runs, length = 24, 12
	var wg, readers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 2 {
		readers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				run := fmt.Sprintf("run_%02d", i%runs)
				got, err := st.Read(ctx, run, 0, 0)
				if err != nil && ctx.Err() == nil {
					t.Errorf("read %s: %v", run, err)
					return
				}
				for k, e := range got {
					if e.Seq != uint64(k)+1 || string(e.Data) != string(payload(run, e.Seq)) {
						t.Errorf("%s: event %d is #%d %q", run, k+1, e.Seq, e.Data)
						return
					}
				}
			}
		})
	}
	readers.Go(func() {
		for ctx.Err() == nil {
			if err := st.Each(ctx, func(e store.Event) error {
				if string(e.Data) != string(payload(e.Run, e.Seq)) {
					return fmt.Errorf("%s: event %d is %q", e.Run, e.Seq, e.Data)
				}
				return nil
			}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			if _, err := st.Shrink(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for i := range runs {
		run := fmt.Sprintf("run_%02d", i)
		wg.Go(func() {
			for k := range uint64(length) {
				if err := st.Append(t.Context(), item(run, k, 1)); err != nil {
					t.Error(err)
					return
				}
				if err := st.Remove(t.Context(), run, k); !errors.Is(err, store.ErrConflict) {
					t.Errorf("%s: remove at %d of %d: %v", run, k, k+1, err)
				}
			}
			if i%2 == 0 {
				if err := st.Remove(t.Context(), run, length); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	cancel()
	readers.Wait()
	for i := range runs {
		check(t, st, fmt.Sprintf("run_%02d", i), uint64(i%2*length))
	}
}

func testKeeperClosed(t *testing.T, s Suite) {
	st := s.open(t)
	fill(t, st)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"each": st.Each(t.Context(), func(store.Event) error { return nil }),
		"pin":  st.Pin(t.Context(), "run_1", true), "remove": st.Remove(t.Context(), "run_1", 2),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", what, err)
		}
	}
}

// testDurableRemoval: what was removed stays so, and its place in the medium is not taken for something else.
func testDurableRemoval(t *testing.T, s Suite) {
	folder := t.TempDir()
	st := s.reopen(t, folder)
	fill(t, st)
	if err := errors.Join(st.Pin(t.Context(), "x_y", true), st.Close()); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(4) {
		st = s.reopen(t, folder)
		check(t, st, "kept", i*3)
		if h, err := st.Find(t.Context(), "x_y"); err != nil || !h.Pinned {
			t.Errorf("%+v, %v, want it pinned", h, err)
		}
		check(t, st, "newest", 0)
		add(t, st, item("kept", i*3, 3))
		for k := range uint64(20) { // the last rows go, so that the next number in the medium is one that was used
			add(t, st, item("newest", k, 1))
		}
		if err := errors.Join(st.Remove(t.Context(), "newest", 20), st.Close()); err != nil {
			t.Fatal(err)
		}
	}
	st = s.reopen(t, folder)
	if err := st.Remove(t.Context(), "kept", 12); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Shrink(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = s.reopen(t, folder)
	check(t, st, "kept", 0)
	check(t, st, "x_y", 2)
}
