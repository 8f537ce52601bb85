package pgstore_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

var _ store.Records = (*pgstore.Store)(nil)

func record(t testing.TB, st *pgstore.Store, want string, at int64) {
	t.Helper()
	if raw, revision, err := st.Record(t.Context(), "film/nightly"); err != nil || string(raw) != want || revision != at {
		t.Errorf("%q at %d, %v, want %q at %d", raw, revision, err, want, at)
	}
}

// TestRecords: of hosts that replace the same one succeeds, and who asks twice, since the answer was lost, has.
func TestRecords(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url, "a"), open(t, url, "b")
	record(t, a, "", 0)
	check(t, a.Keep(t.Context(), "film/nightly", []byte("one"), 0), a.Keep(t.Context(), "film/nightly", []byte("one"), 0))
	record(t, b, "one", 1)
	for _, revision := range []int64{0, 2} {
		if err := b.Keep(t.Context(), "film/nightly", []byte("mine"), revision); !errors.Is(err, store.ErrConflict) {
			t.Errorf("at revision %d: %v, want ErrConflict", revision, err)
		}
	}
	check(t, b.Keep(t.Context(), "film/nightly", []byte("two"), 1))
	record(t, a, "two", 2)
	again := open(t, url, "a")
	refused(t, a.Keep(t.Context(), "film/nightly", []byte("three"), 2))
	record(t, again, "two", 2)
}

// TestHammerRecords: nothing that a host was told it has kept is lost.
func TestHammerRecords(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var wg sync.WaitGroup
	const hosts, each = 4, 20
	for i := range hosts {
		st := open(t, url, "host_"+strconv.Itoa(i))
		wg.Go(func() {
			for done := 0; done < each; {
				raw, revision, err := st.Record(t.Context(), "count")
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(raw))
				switch err := st.Keep(t.Context(), "count", []byte(strconv.Itoa(n+1)), revision); {
				case err == nil:
					done++
				case !errors.Is(err, store.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := ask[string](t, url, "SELECT encode(raw, 'escape') FROM spinbot.records"); got != strconv.Itoa(hosts*each) {
		t.Errorf("counted %s, want %d", got, hosts*each)
	}
}
