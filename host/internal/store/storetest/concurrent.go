package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
)

func testWatch(t *testing.T, s Suite) {
	st := s.open(t)
	add(t, st, item("a", 0, 1))
	ctx, cancel := context.WithCancel(t.Context())
	a, all := st.Watch(ctx, "a"), st.Watch(ctx, "")
	other := st.Watch(ctx, "b")
	add(t, st, item("a", 1, 1))
	await(t, a)
	await(t, all)
	add(t, st, item("c", 0, 1))
	await(t, all)
	for range uint64(5) { // coalesced: nobody reads, nobody blocks
		got, err := st.Read(t.Context(), "a", 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		add(t, st, item("a", uint64(len(got)), 1))
	}
	await(t, a)
	select {
	case <-a:
		t.Error("five appends were not coalesced")
	case <-other:
		t.Error("the watch of b was told of a")
	default:
	}
	cancel()
	for range a { // closed when the context ends, or the test hangs
	}
	for range other {
	}
	add(t, st, item("b", 0, 1))
}

// testWatchNoneMissed follows a run as the engine's readers do: wait, read what is new, until the last event.
func testWatchNoneMissed(t *testing.T, s Suite) {
	st := s.open(t)
	const last = 200
	var wg sync.WaitGroup
	for range 4 {
		watch := st.Watch(t.Context(), "a")
		wg.Go(func() {
			for seen := uint64(0); seen < last; {
				await(t, watch)
				got, err := st.Read(t.Context(), "a", seen, 0)
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range got {
					if seen++; e.Seq != seen {
						t.Errorf("event %d came when %d was due", e.Seq, seen)
						return
					}
				}
			}
		})
	}
	for i := range uint64(last) {
		add(t, st, item("a", i, 1))
	}
	wg.Wait()
}

// testHammer: many runs, many watchers and readers at once; afterwards everything is there once, in order.
func testHammer(t *testing.T, s Suite) {
	st := s.open(t)
	const runs, rounds = 32, 25
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writers, readers sync.WaitGroup
	readers.Go(func() {
		for range st.Watch(ctx, "") {
			if _, err := st.List(ctx, store.Query{Limit: 5}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for i := range runs {
		run := fmt.Sprintf("run_%02d", i)
		writers.Go(func() { hammer(t, st, run, rounds) })
		if i%8 == 0 {
			readers.Go(func() {
				for range st.Watch(ctx, run) {
					if _, err := st.Read(ctx, run, 0, 0); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
	}
	writers.Wait()
	cancel()
	readers.Wait()
	for i := range runs {
		check(t, st, fmt.Sprintf("run_%02d", i), rounds)
	}
}

func hammer(t *testing.T, st Store, run string, rounds uint64) {
	for i := range rounds {
		a := item(run, i, 1)
		if i%5 == 0 {
			a.Head = head(run, "p", "running", int(i))
		}
		if err := st.Append(t.Context(), a); err != nil {
			t.Error(err)
			return
		}
		got, err := st.Read(t.Context(), run, i, 0) // what was appended is readable at once
		if err != nil || len(got) != 1 || got[0].Seq != i+1 {
			t.Errorf("%s: read after own append %d: %v, %v", run, i+1, got, err)
			return
		}
	}
}

// testQueue: who queues an append is told once that it is durable, or why it is not.
func testQueue(t *testing.T, s Suite) {
	st := s.open(t)
	queue := func(a store.Append) error {
		done := make(chan error, 2)
		st.(store.Queuer).Queue(a, func(err error) { done <- err })
		clear(a.Events) // they are the caller's again
		err := <-done
		if len(done) > 0 {
			t.Errorf("%s: it was told twice", a.Run)
		}
		return err
	}
	const runs, rounds = 16, 10
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() {
			run := fmt.Sprintf("run_%02d", i)
			for k := range uint64(rounds) {
				if err := queue(item(run, k, 1)); err != nil {
					t.Error(err)
				}
				if got, err := st.Read(t.Context(), run, k, 0); err != nil || len(got) != 1 {
					t.Errorf("%s: read after append %d: %v, %v", run, k+1, got, err)
				}
			}
		})
	}
	all.Wait()
	for i := range runs {
		check(t, st, fmt.Sprintf("run_%02d", i), rounds)
	}
	if err := queue(item("run_00", 0, 1)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second first append: %v, want ErrConflict", err)
	}
	if err := queue(store.Append{Run: "a"}); err == nil {
		t.Error("an append of no event was taken")
	}
	check(t, st, "run_00", rounds)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := queue(item("a", 0, 1)); !errors.Is(err, store.ErrClosed) {
		t.Errorf("append: %v, want ErrClosed", err)
	}
}

// testOneWinner: of several writers that race for the same place, exactly one gets it.
func testOneWinner(t *testing.T, s Suite) {
	st := s.open(t)
	for round := range uint64(20) {
		var wg sync.WaitGroup
		results := make(chan error, 4)
		for range cap(results) {
			wg.Go(func() { results <- st.Append(t.Context(), item("a", round, 1)) })
		}
		wg.Wait()
		won := 0
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				won++
			case !errors.Is(err, store.ErrConflict):
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d writers won", round, won)
		}
	}
	check(t, st, "a", 20)
}
