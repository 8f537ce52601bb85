package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// claim wants a claim to be answered with want.
func claim(t testing.TB, st Store, key string, c store.Claim, now time.Time, want store.Claim) {
	t.Helper()
	got, err := st.Claim(t.Context(), key, c, now)
	if err != nil || got.Run != want.Run || got.Body != want.Body || !got.Until.Equal(want.Until) {
		t.Errorf("claim %s for %+v: %+v, %v, want %+v", key, c, got, err, want)
	}
}

func testClaim(t *testing.T, s Suite) {
	st := s.open(t)
	none := store.Claim{}
	a, b := store.Claim{Run: "run_a", Body: "one", Until: moment(10)}, store.Claim{Run: "run_b", Body: "two", Until: moment(20)}
	claim(t, st, "k", none, moment(0), none)
	claim(t, st, "k", a, moment(0), a)
	claim(t, st, "k", a, moment(1), a)
	claim(t, st, "k", b, moment(2), a) // the first has it
	claim(t, st, "k", none, moment(2), a)
	claim(t, st, "K", none, moment(2), none)
	claim(t, st, "K", b, moment(2), b)
	claim(t, st, "k", none, moment(10), none) // its time is over
	claim(t, st, "k", b, moment(10), b)
	claim(t, st, "k", none, moment(19), b)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []store.Claim{none, a} {
		if got, err := st.Claim(t.Context(), "k", c, moment(11)); !errors.Is(err, store.ErrClosed) {
			t.Errorf("claim %+v of a closed store: %+v, %v, want ErrClosed", c, got, err)
		}
	}
}

// testClaimHammer: of all that claim a key at once one gets it, and all are told so.
func testClaimHammer(t *testing.T, s Suite) {
	st := s.open(t)
	const keys, each = 8, 8
	var mu sync.Mutex
	told := map[string]map[string]bool{}
	var group sync.WaitGroup
	for k := range keys * each {
		group.Go(func() {
			key := fmt.Sprint(k % keys)
			got, err := st.Claim(t.Context(), key, store.Claim{Run: fmt.Sprintf("run_%d", k), Body: key, Until: moment(9)}, moment(0))
			if err != nil || got.Body != key {
				t.Errorf("%+v, %v", got, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if told[key] == nil {
				told[key] = map[string]bool{}
			}
			told[key][got.Run] = true
		})
	}
	group.Wait()
	for key, runs := range told {
		if len(runs) != 1 {
			t.Errorf("key %s is of %v", key, runs)
		}
	}
}

func testDurableClaim(t *testing.T, s Suite) {
	folder := t.TempDir()
	st := s.reopen(t, folder)
	c := store.Claim{Run: "run_a", Body: "one", Until: moment(10)}
	claim(t, st, "k", c, moment(0), c)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	claim(t, s.reopen(t, folder), "k", store.Claim{Run: "run_b", Until: moment(20)}, moment(1), c)
}
