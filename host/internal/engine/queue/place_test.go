package queue

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"
)

// TestBetween: wherever runs are put, also again and again at the same place, there is a place, and it stays short.
func TestBetween(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for name, pick := range map[string]func(n int) int{
		"first": func(int) int { return 0 }, "last": func(n int) int { return n }, "second": func(int) int { return 1 }, "anywhere": func(n int) int { return rng.IntN(n + 1) },
	} {
		var all []string
		for range 5 {
			all = append(all, "run_"+ulid.Make().String())
		}
		slices.Sort(all)
		for range 2000 {
			at := pick(len(all))
			low, high := "", ""
			if at > 0 {
				low = all[at-1]
			}
			if at < len(all) {
				high = all[at]
			}
			place := between(low, high)
			if place <= low || high != "" && place >= high || place[len(place)-1] == lowest || len(place) > 600 {
				t.Fatalf("%s: %q between %q and %q", name, place, low, high)
			}
			all = slices.Insert(all, at, place)
		}
	}
	for _, pair := range [][2]string{{"b", "a"}, {"a", "a"}, {"a", "a--"}, {"", "-"}} { // there is none
		if got := between(pair[0], pair[1]); got != pair[0] {
			t.Errorf("%q between %q", got, pair)
		}
	}
}

// TestOldest: what was made first is not what goes first.
func TestOldest(t *testing.T) {
	t.Parallel()
	q := &Queue{}
	if n, id := q.Oldest(); n != 0 || id != "" {
		t.Error(n, id)
	}
	q.waiting = []*Ticket{{ID: "run_b"}, {ID: "run_a"}, {ID: "run_c"}}
	if n, id := q.Oldest(); n != 3 || id != "run_a" {
		t.Error(n, id)
	}
}
