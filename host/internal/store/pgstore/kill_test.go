package pgstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// TestKill kills the server with SIGKILL while two hosts append and read, and starts it again on its folder: who waits
// is served, and every journal holds what was confirmed, once, and no part of anything else.
func TestKill(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t) // which waits for the disk
	url := server.Database(t)
	hosts := []*pgstore.Store{open(t, url, "a"), open(t, url, "b")}
	const runs, rows = 16, 3 // events of an append
	var stop atomic.Bool
	var confirmed [runs]atomic.Uint64
	var count atomic.Int64
	var wg sync.WaitGroup
	for i := range runs {
		st, run := hosts[i%2], fmt.Sprintf("run_%02d", i)
		wg.Go(func() {
			for !stop.Load() {
				at := confirmed[i].Load()
				a := store.Append{Run: run, After: at, Head: &store.Head{Run: run, State: fmt.Sprint(at + rows), Seq: at + rows}}
				for k := range uint64(rows) {
					a.Events = append(a.Events, payload(run, at+k+1))
				}
				if err := st.Append(t.Context(), a); err != nil {
					t.Error(err)
					return
				}
				confirmed[i].Store(at + rows)
				count.Add(1)
				if got, err := st.Read(t.Context(), run, at, 0); err != nil || len(got) != rows {
					t.Errorf("%s: %d events after %d, %v", run, len(got), at, err)
					return
				}
			}
		})
	}
	for round := range int64(6) {
		from := count.Load()
		until(t, "appends", func() bool { return count.Load() > from+50+round*7 || t.Failed() })
		if round%2 == 0 {
			server.Kill()
			check(t, server.Start())
		} else { // one process of it: it ends all connections and recovers by itself
			backend := ask[int](t, url, "SELECT pid FROM pg_stat_activity WHERE query LIKE '%spinbot.append%' AND pid <> pg_backend_pid() LIMIT 1")
			check(t, server.Crash(backend))
		}
	}
	stop.Store(true)
	wg.Wait()
	check(t, hosts[0].Close(), hosts[1].Close())
	server.Kill()
	check(t, server.Start())
	st := open(t, url, "a")
	for i := range runs {
		run, n := fmt.Sprintf("run_%02d", i), confirmed[i].Load()
		whole(t, st, run, n)
		if h, err := st.Find(t.Context(), run); err != nil || h.Seq != n || h.State != fmt.Sprint(n) {
			t.Errorf("%s: the head is at %d, %q, %v, want %d", run, h.Seq, h.State, err, n)
		}
	}
}

// TestKillAtPoints kills the server before it gets an append, and after it has committed it but before it could say so.
func TestKillAtPoints(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"before": lost, "after": unanswered} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := pgtest.New(t)
			p := behind(t, server.Database(t))
			st := open(t, p.url, "a")
			check(t, st.Append(t.Context(), one("run", 0, "running")))
			met := p.next("run #2", f)
			got := make(chan error, 1)
			go func() { got <- st.Append(t.Context(), one("run", 1, "failed")) }()
			await(t, "the append", met)
			server.Kill()
			check(t, server.Start())
			check(t, <-got)
			whole(t, st, "run", 2)
			if h, err := st.Find(t.Context(), "run"); err != nil || h.State != "failed" {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

// TestStartingServer: who opens the store while the server recovers waits.
func TestStartingServer(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	url := server.Database(t)
	st := open(t, url, "a")
	check(t, st.Append(t.Context(), one("run", 0, "running")), st.Close())
	server.Kill()
	if _, err := pgstore.Open(t.Context(), url, "a"); err == nil {
		t.Error("a server that is not there was opened")
	}
	check(t, server.Start())
	whole(t, open(t, url, "a"), "run", 1)
}
