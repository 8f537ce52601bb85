package pgstore_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// TestLostConnection loses the connection around a commit: what was asked is done once, and answered.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"before": lost, "after": unanswered, "before, and it arrives after all": late} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := behind(t, pgtest.Database(t))
			st := open(t, p.url, "a")
			check(t, st.Append(t.Context(), one("run", 0, "running")))
			met := p.next("run #2", f)
			check(t, st.Append(t.Context(), one("run", 1, "")))
			await(t, "the message", met)
			p.free() // the first message arrives behind the second
			check(t, st.Append(t.Context(), one("run", 2, "")))
			whole(t, st, "run", 3)

			p.next("run #9", f) // a refusal is told again as well
			var c *store.ConflictError
			if err := st.Append(t.Context(), one("run", 8, "")); !errors.As(err, &c) || c.Head != 3 {
				t.Errorf("%v, want ErrConflict at 3", err)
			}
			p.free()
			whole(t, st, "run", 3)
		})
	}
}

// TestLateAppend: what arrives long after it was sent again, and everybody has gone on, changes nothing.
func TestLateAppend(t *testing.T) {
	t.Parallel()
	p := behind(t, pgtest.Database(t))
	st := open(t, p.url, "a")
	p.next("gone #1", late)
	check(t, st.Append(t.Context(), one("gone", 0, "")), st.Append(t.Context(), one("other", 0, "")), st.Remove(t.Context(), "gone", 1))
	p.arrive(t)
	whole(t, st, "gone", 0)
	check(t, st.Append(t.Context(), one("other", 1, "")))
}

// TestLateAdoption: neither does an adoption; what it would take nobody would be told of.
func TestLateAdoption(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	p := behind(t, url)
	a, b := open(t, url, "a"), open(t, p.url, "host-b")
	p.next("host-b", late)
	adopts(t, b)
	check(t, a.Append(t.Context(), one("run", 0, "running")))
	silence(t, url, "a")
	p.arrive(t)
	adopts(t, b, "run")
}

// TestLostAdoption: what was adopted is told, though the answer got lost.
func TestLostAdoption(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"before": lost, "after": unanswered, "before, and it arrives after all": late} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Database(t)
			p := behind(t, url)
			a, b := open(t, url, "a"), open(t, p.url, "host-b")
			check(t, a.Append(t.Context(), one("run", 0, "running")))
			silence(t, url, "a")
			met := p.next("host-b", f)
			got, err := b.Adopt(t.Context(), time.Minute)
			if err != nil || !slices.Equal(got, []string{"run"}) {
				t.Fatalf("%v, %v", got, err)
			}
			await(t, "the message", met)
			p.free()
			check(t, b.Append(t.Context(), one("run", 1, "")))
			if got, err := b.Adopt(t.Context(), time.Minute); err != nil || len(got) != 0 {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestAdoptionAfterError: the call after one that failed gives what that one took.
func TestAdoptionAfterError(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	p := behind(t, url)
	a, b := open(t, url, "a"), open(t, p.url, "host-b")
	check(t, a.Append(t.Context(), one("run", 0, "running")))
	silence(t, url, "a")
	ctx, cancel := context.WithCancel(t.Context())
	met := p.next("host-b", late)
	failed := make(chan error)
	go func() {
		_, err := b.Adopt(ctx, time.Minute)
		failed <- err
	}()
	await(t, "the message", met)
	p.cut() // what is asked again does not get through
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want context.Canceled", err)
	}
	p.free()
	until(t, "the adoption arrives", func() bool { return ask[int](t, url, "SELECT epoch FROM spinbot.runs") == 2 })
	p.mend()
	if got, err := b.Adopt(t.Context(), time.Minute); err != nil || !slices.Equal(got, []string{"run"}) {
		t.Fatalf("%v, %v, want the run of the call that failed", got, err)
	}
	check(t, b.Append(t.Context(), one("run", 1, "")))
}

// TestCancelledWhileAway: who waits in line for a server that is away may leave.
func TestCancelledWhileAway(t *testing.T) {
	t.Parallel()
	p := behind(t, pgtest.Database(t))
	st := open(t, p.url, "a")
	met := p.next("first #1", held)
	first := make(chan error, 1)
	go func() { first <- st.Append(t.Context(), one("first", 0, "")) }()
	await(t, "the message", met)
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() { second <- st.Append(ctx, one("second", 0, "")) }()
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	p.free()
	check(t, <-first)
	whole(t, st, "first", 1)
	whole(t, st, "second", 0)
}

// TestAwayTooLong: a server that stays away stops the store, which says so; opened again, it goes on.
func TestAwayTooLong(t *testing.T) {
	t.Parallel()
	p := behind(t, pgtest.Database(t))
	st := open(t, p.url, "a")
	pgstore.SetPatience(st, 200*time.Millisecond)
	check(t, st.Append(t.Context(), one("run", 0, "running")))
	p.next("run #2", lost)
	p.cut()
	for range 2 {
		if err := st.Append(t.Context(), one("run", 1, "")); !errors.Is(err, store.ErrStopped) || !strings.Contains(err.Error(), "away for 200ms") {
			t.Errorf("append: %v, want ErrStopped that says how long the server was away", err)
		}
	}
	if _, err := st.Read(t.Context(), "run", 0, 0); err == nil || !strings.Contains(err.Error(), "away for 200ms") {
		t.Errorf("read: %v", err)
	}
	if err := st.Beat(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be reached: check that PostgreSQL runs") {
		t.Errorf("beat: %v", err)
	}
	check(t, st.Close())
	p.mend()
	st = open(t, p.url, "a")
	check(t, st.Append(t.Context(), one("run", 1, "")))
	whole(t, st, "run", 2)
}

// TestClosedWhileAway: closing does not wait for a server for long, and says that the outcome is unknown.
func TestClosedWhileAway(t *testing.T) {
	t.Parallel()
	p := behind(t, pgtest.Database(t))
	st := open(t, p.url, "a")
	pgstore.SetPatience(st, 100*time.Millisecond)
	met := p.next("run #1", held)
	got := make(chan error, 1)
	go func() { got <- st.Append(t.Context(), one("run", 0, "")) }()
	await(t, "the message", met)
	p.cut()
	check(t, st.Close())
	if err := <-got; !errors.Is(err, store.ErrStopped) {
		t.Errorf("%v, want ErrStopped", err)
	}
}

// TestWatchAcrossHosts: what one host appends wakes who watches on another, also when that heard nothing for a while.
func TestWatchAcrossHosts(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	p := behind(t, url)
	a, b := open(t, url, "a"), open(t, p.url, "b")
	heard := make(chan string, 100)
	b.Heard(func(run string) { heard <- run })
	next := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("of run %q it is told, want %q", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("it is not told of %q", want)
		}
	}
	run, all, other := b.Watch(t.Context(), "a run/é*"), b.Watch(t.Context(), ""), b.Watch(t.Context(), "other")
	check(t, b.Append(t.Context(), one("its own", 0, "")))
	check(t, a.Append(t.Context(), one("a run/é*", 0, "")))
	await(t, "the run's watch", run)
	await(t, "the watch of all", all)
	next("a run/é*")
	select {
	case <-other:
		t.Error("the watch of another run was told")
	default:
	}
	p.cut()
	check(t, a.Append(t.Context(), one("a run/é*", 1, "")))
	p.mend()
	await(t, "the run's watch, after the connection was lost", run)
	await(t, "the watch of another run, since nobody knows", other)
	next("")
	check(t, a.Append(t.Context(), one("other", 0, "")))
	await(t, "the watch of another run", other)
	next("other")
}
