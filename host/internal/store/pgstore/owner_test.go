package pgstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// refused wants ErrNotOwned that says all of this.
func refused(t testing.TB, err error, says ...string) {
	t.Helper()
	if !errors.Is(err, store.ErrNotOwned) {
		t.Fatalf("%v, want ErrNotOwned", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v, want an error that says %q", err, s)
		}
	}
}

// adopts wants that the host adopts exactly these runs.
func adopts(t testing.TB, st *pgstore.Store, want ...string) {
	t.Helper()
	got, err := st.Adopt(t.Context(), time.Minute)
	for end := time.Now().Add(60 * time.Second); err == nil && len(got) < len(want) && time.Now().Before(end); { // what is just being noted is left for the next look
		var more []string
		more, err = st.Adopt(t.Context(), time.Minute)
		got = append(got, more...)
	}
	if slices.Sort(got); err != nil || !slices.Equal(got, want) {
		t.Fatalf("adopted %q, %v, want %q", got, err, want)
	}
}

func owns(t testing.TB, st *pgstore.Store, want ...string) {
	t.Helper()
	got, err := st.Owned(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("owns %q, %v, want %q", got, err, want)
	}
}

// TestDead: who says nothing has died, and lives again as soon as it does. Nobody is told that it has died itself. Of those that live it is known which leads.
func TestDead(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url, "a"), open(t, url, "b")
	dead := func(want ...string) {
		t.Helper()
		if got, err := a.Dead(t.Context(), time.Minute); err != nil || !slices.Equal(got, want) {
			t.Errorf("dead are %q, %v, want %q", got, err, want)
		}
	}
	living := func(leads string, want ...string) {
		t.Helper()
		if got, leader, err := a.Living(t.Context(), time.Minute); err != nil || leader != leads || !slices.Equal(got, want) {
			t.Errorf("%q live and %q leads, %v, want %q and %q", got, leader, err, want, leads)
		}
	}
	dead()
	living("", "a", "b")
	if _, _, err := b.Lead(t.Context()); err != nil {
		t.Fatal(err)
	}
	living("b", "a", "b")
	exec(t, url, "UPDATE spinbot.hosts SET beaten = beaten - interval '2 minutes'")
	dead("b")
	living("", "a")
	check(t, b.Beat(t.Context()))
	dead()
	living("b", "a", "b")
	exec(t, url, "UPDATE spinbot.leader SET until = clock_timestamp()")
	living("", "a", "b")
}

func TestOwnership(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url, "a"), open(t, url, "b")
	check(t, a.Append(t.Context(), one("run_1", 0, "created")), a.Append(t.Context(), one("run_2", 0, "")), a.Append(t.Context(), one("run_3", 0, "failed")),
		b.Append(t.Context(), one("run_4", 0, "running")))
	owns(t, a, "run_1", "run_2")
	owns(t, b, "run_4")
	refused(t, b.Append(t.Context(), one("run_1", 1, "")), `run_1`, `host "a"`)
	refused(t, b.Append(t.Context(), one("run_1", 7, "")))
	if err := b.Append(t.Context(), one("run_1", 0, "")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a run of that name: %v, want ErrConflict", err)
	}
	refused(t, b.Remove(t.Context(), "run_1", 1), `host "a"`)
	for run, want := range map[string]string{"run_1": "a", "run_3": "", "run_4": "b"} { // run_3 has ended
		if host, err := b.Holder(t.Context(), run); host != want || err != nil {
			t.Errorf("%s is of %q, %v, want %q", run, host, err, want)
		}
	}
	if _, err := b.Holder(t.Context(), "run_9"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a run that is not there: %v", err)
	}
	adopts(t, b)

	silence(t, url, "a")
	adopts(t, b, "run_1", "run_2")
	adopts(t, b)
	owns(t, a)
	owns(t, b, "run_1", "run_2", "run_4")
	refused(t, a.Append(t.Context(), one("run_1", 1, "")), `host "b"`)
	check(t, b.Append(t.Context(), one("run_1", 1, "running")), b.Append(t.Context(), one("run_2", 1, "succeeded")))
	refused(t, a.Append(t.Context(), one("run_2", 2, "")), "it has ended there")
	whole(t, a, "run_1", 2)

	exec(t, url, "UPDATE spinbot.runs SET host = NULL WHERE id = 'run_4'") // as if it had been brought from elsewhere
	adopts(t, a, "run_4")
	refused(t, b.Append(t.Context(), one("run_4", 1, "")))
	silence(t, url, "b")
	adopts(t, a, "run_1")
	silence(t, url, "a")
	adopts(t, b, "run_1", "run_4")
	check(t, b.Append(t.Context(), one("run_1", 2, "")))
	if epoch := ask[int](t, url, "SELECT epoch FROM spinbot.runs WHERE id = 'run_1'"); epoch != 4 {
		t.Errorf("epoch %d after three adoptions", epoch)
	}
}

// TestEndedRun: nobody owns it; who appends to it, so that it has not ended any more, does.
func TestEndedRun(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url, "a"), open(t, url, "b")
	check(t, a.Append(t.Context(), one("run", 0, "running")), a.Append(t.Context(), one("run", 1, "failed")))
	silence(t, url, "a")
	adopts(t, b)
	check(t, b.Append(t.Context(), one("run", 2, ""))) // it stays ended
	check(t, a.Append(t.Context(), one("run", 3, "")))
	check(t, b.Append(t.Context(), one("run", 4, "running")))
	owns(t, b, "run")
	refused(t, a.Append(t.Context(), one("run", 5, "")), `host "b"`)
	check(t, b.Append(t.Context(), one("run", 5, "")), b.Append(t.Context(), one("run", 6, "cancelled")))
	check(t, a.Remove(t.Context(), "run", 7))
}

// TestSecondProcess: who opens the store as a host takes the place of who had.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	old := open(t, url, "a")
	check(t, old.Append(t.Context(), one("run", 0, "running")))
	now := open(t, url, "a")
	owns(t, now, "run")
	adopts(t, now)
	_, adopt := old.Adopt(t.Context(), time.Minute)
	_, owned := old.Owned(t.Context())
	_, _, lead := old.Lead(t.Context())
	for what, err := range map[string]error{"append": old.Append(t.Context(), one("run", 1, "")), "a new run": old.Append(t.Context(), one("new", 0, "")),
		"beat": old.Beat(t.Context()), "adopt": adopt, "owned": owned, "lead": lead, "remove": old.Remove(t.Context(), "run", 1)} {
		t.Run(what, func(t *testing.T) { refused(t, err, `another process has opened it as host "a"`, "end one of them") })
	}
	check(t, now.Append(t.Context(), one("run", 1, "")))
	whole(t, old, "run", 2)
	whole(t, now, "new", 0)
}

// TestFrozen holds a host's append back, as if the host had frozen after it had decided, until the run is another's.
func TestFrozen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		meanwhile func(t *testing.T, url string, a *pgstore.Store)
	}{
		{"another host adopts", func(t *testing.T, url string, _ *pgstore.Store) { adopts(t, open(t, url, "b"), "run") }},
		{"another host goes on", func(t *testing.T, url string, _ *pgstore.Store) {
			b := open(t, url, "b")
			adopts(t, b, "run")
			check(t, b.Append(t.Context(), one("run", 1, "")))
		}},
		{"another host ends it", func(t *testing.T, url string, _ *pgstore.Store) {
			b := open(t, url, "b")
			adopts(t, b, "run")
			check(t, b.Append(t.Context(), one("run", 1, "failed")))
		}},
		{"another host adopts, and this one adopts it back", func(t *testing.T, url string, a *pgstore.Store) {
			adopts(t, open(t, url, "b"), "run")
			silence(t, url, "b")
			adopts(t, a, "run")
		}},
		{"a second process takes its place", func(t *testing.T, url string, _ *pgstore.Store) { open(t, url, "a") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Database(t)
			p := behind(t, url)
			a := open(t, p.url, "a")
			check(t, a.Append(t.Context(), one("run", 0, "running")))
			met := p.next("run #2", held)
			got := make(chan error, 1)
			go func() { got <- a.Append(t.Context(), one("run", 1, "")) }()
			await(t, "the append", met)
			silence(t, url, "a")
			c.meanwhile(t, url, a)
			before := ask[int](t, url, "SELECT seq FROM spinbot.runs WHERE id = 'run'")
			p.free()
			refused(t, <-got)
			if after := ask[int](t, url, "SELECT seq FROM spinbot.runs WHERE id = 'run'"); after != before {
				t.Errorf("the run went from %d to %d", before, after)
			}
			whole(t, a, "run", uint64(before))
			if strings.Contains(c.name, "back") { // it was the frozen append alone that was refused
				check(t, a.Append(t.Context(), one("run", 1, "")))
			}
		})
	}
}

// TestLockedRun: a run that is being written to is left to the next adoption, which waits for nobody.
func TestLockedRun(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url, "a"), open(t, url, "b")
	check(t, a.Append(t.Context(), one("run_1", 0, "running")), a.Append(t.Context(), one("run_2", 0, "running")))
	silence(t, url, "a")
	release := lock(t, url, "SELECT FROM spinbot.runs WHERE id = 'run_1' FOR UPDATE")
	adopts(t, b, "run_2")
	release()
	adopts(t, b, "run_1")
}

func TestLead(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url, "a"), open(t, url, "b")
	leads := func(st *pgstore.Store, want bool, epoch int64) {
		t.Helper()
		is, at, err := st.Lead(t.Context())
		if err != nil || is != want || at != epoch {
			t.Fatalf("leads %v at %d, %v, want %v at %d", is, at, err, want, epoch)
		}
	}
	expire := func() {
		t.Helper()
		exec(t, url, "UPDATE spinbot.leader SET until = clock_timestamp() - interval '1 ms'")
	}
	leads(a, true, 1)
	leads(b, false, 1)
	leads(a, true, 1)
	expire()
	check(t, b.Beat(t.Context())) // it does not lead: nothing is renewed
	check(t, a.Beat(t.Context())) // it does
	leads(b, false, 1)
	expire()
	leads(b, true, 2)
	leads(a, false, 2)
	again := open(t, url, "b") // the leader starts again: it waits like everybody else, for its former self may still lead
	leads(again, false, 2)
	expire()
	leads(again, true, 3)
	check(t, again.Close()) // it gives the lead back
	leads(a, true, 4)
}

// TestLeadHammer: many try to lead while leases run out; every epoch has one leader.
func TestLeadHammer(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var mu sync.Mutex
	leaders := map[int64]string{}
	var wg sync.WaitGroup
	var expired atomic.Bool // often enough
	for i := range 4 {
		host := fmt.Sprintf("host_%d", i)
		st := open(t, url, host)
		wg.Go(func() {
			for !expired.Load() {
				leads, epoch, err := st.Lead(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if was := leaders[epoch]; leads && was != "" && was != host {
					t.Errorf("epoch %d: %s and %s lead", epoch, was, host)
				}
				if leads {
					leaders[epoch] = host
				}
				mu.Unlock()
			}
		})
	}
	for range 40 {
		exec(t, url, "UPDATE spinbot.leader SET until = '-infinity'")
	}
	expired.Store(true)
	wg.Wait()
	if len(leaders) < 3 {
		t.Errorf("%d changes of leader: nothing was tried", len(leaders))
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	var runs []string
	for i := range 1000 {
		runs = append(runs, fmt.Sprintf("run %04d", i))
	}
	var back []string
	for _, n := range pgstore.Notices(runs) {
		if len(n) >= 8000 {
			t.Errorf("%d bytes: more than PostgreSQL takes", len(n))
		}
		fields := strings.Fields(n)
		if fields[0] != "voice" {
			t.Errorf("%q comes first", fields[0])
		}
		back = append(back, fields[1:]...)
	}
	if len(back) != len(runs) || back[999] != "run+0999" {
		t.Errorf("%d ids of %d", len(back), len(runs))
	}
	if got := pgstore.Notices([]string{strings.Repeat("x", 9000), "y"}); !slices.Equal(got, []string{"voice *"}) {
		t.Errorf("%q, want one for every run", got)
	}
}

// TestReadersDoNotSilence: a host says that it lives while readers hold all the connections that they may have.
func TestReadersDoNotSilence(t *testing.T) {
	t.Parallel()
	st := open(t, pgtest.Database(t)+"&pool_max_conns=2", "a")
	check(t, st.Append(t.Context(), one("run", 0, "running")))
	release := make(chan struct{})
	var reading, wg sync.WaitGroup
	for range 2 {
		reading.Add(1)
		wg.Go(func() {
			if err := st.Each(t.Context(), func(store.Event) error { reading.Done(); <-release; return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	reading.Wait()
	check(t, st.Beat(t.Context()))
	owns(t, st, "run")
	close(release)
	wg.Wait()
}
