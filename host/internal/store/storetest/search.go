package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// texted is one run of many, with texts that many have, few, and one.
func texted(k int) *store.Head {
	h := head(fmt.Sprintf("run_%06d", k), fmt.Sprintf("p%d", k%20), "succeeded", 1)
	h.Owner = "anna"
	if k%1000 == 7 {
		h.State, h.Error = "failed", "out of device Memory"
	}
	if k%10_000 == 7 {
		h.Owner = "bert"
	}
	if k < 50 {
		h.Error = "warm-up"
	}
	return h
}

// together appends to runs 0 to n, 64 at a time.
func together(t testing.TB, st Store, n int, make func(k int) store.Append) {
	t.Helper()
	var group sync.WaitGroup
	for w := range 64 {
		group.Go(func() {
			for k := w; k < n; k += 64 {
				a := make(k)
				if err := st.Append(t.Context(), a); err != nil {
					t.Errorf("append %s: %v", a.Run, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func (s Suite) note(t testing.TB, st Store) {
	t.Helper()
	if err := s.Note(st); err != nil {
		t.Fatal(err)
	}
}

func first(k int) store.Append {
	h := texted(k)
	return store.Append{Run: h.Run, Events: [][]byte{{1}}, Head: h}
}

// testSearch: whatever is asked for is found as by looking at each run, while texts are noted, once they are, when they have
// changed, and when runs have gone.
func testSearch(t *testing.T, s Suite) {
	st := s.open(t)
	runs := 3500 // more than Search looks at one after another
	texts := []string{"anna", "m-u", "zq", "run_000007\np7\nbert\nout of device memory", "changed", "ü\x00 b", "run_00", "p7\na", "MEMORY", "out of device memory",
		"out of device memories", "warm-up", "rm", "-", "+", "7\nb", "_000123", "%", "\"", "\\", "\x00", "ü", "ch", "now ü"}
	if testing.Short() {
		runs, texts = 1500, texts[:6]
	}
	heads := map[string]store.Head{}
	for k := range runs + 600 {
		heads[texted(k).Run] = *texted(k)
	}
	together(t, st, runs, first)
	ask := func(when string) {
		t.Helper()
		for _, text := range texts {
			var has []store.Head
			for k := runs - 1; k >= 0; k-- {
				if h, ok := heads[texted(k).Run]; ok && (store.Query{Text: text}).Match(h) {
					has = append(has, h)
				}
			}
			for name, q := range map[string]store.Query{
				"all": {}, "50": {Limit: 50}, "2": {Limit: 2}, "state": {States: []string{"failed"}, Limit: 50}, "pipeline": {Pipeline: "p7", Limit: 50},
				"page": {Before: "run_000060", Limit: 50}, "since": {From: "run_002000", Limit: 50}, "prefix": {Prefix: "run_001", Limit: 50},
			} {
				q.Text = text
				want, left := "", q.Limit
				for _, h := range has {
					if (q.Limit == 0 || left > 0) && q.Match(h) {
						want += h.Run + " "
						left--
					}
				}
				if got := listed(t, st, q); got != want {
					t.Errorf("%s, %q, %s: %.200q, want %.200q", when, text, name, got, want)
				}
			}
		}
	}
	ask("at once")
	if s.Note == nil {
		return
	}
	s.note(t, st)
	ask("noted")
	for _, k := range []int{0, 7, 123, 1200} {
		h := heads[texted(k).Run]
		h.Error = "changed now ü\x00 b"
		heads[h.Run] = h
		add(t, st, store.Append{Run: h.Run, After: 1, Events: [][]byte{{1}}, Head: &h})
	}
	for _, k := range []int{1, 1007, runs - 1} {
		run := texted(k).Run
		delete(heads, run)
		if err := st.Remove(t.Context(), run, 1); err != nil {
			t.Fatal(err)
		}
	}
	ask("changed")
	together(t, st, 600, func(k int) store.Append { return first(k + runs) }) // so many that the others are noted with them
	s.note(t, st)
	runs += 600
	ask("noted anew")
}

// BenchList lists 50 of 100,000 runs, of which one in a thousand failed and one in ten thousand is somebody else's, once their
// texts are noted.
func (s Suite) BenchList(b *testing.B) {
	st := s.open(b)
	start := time.Now()
	together(b, st, 100_000, first)
	filled := time.Since(start)
	s.note(b, st)
	b.Logf("filled in %v, noted %v later", filled, time.Since(start)-filled)
	for _, c := range []struct {
		name string
		q    store.Query
	}{
		{"all", store.Query{}},
		{"state", store.Query{States: []string{"failed"}}},
		{"states", store.Query{States: []string{"failed", "running"}}},
		{"pipeline", store.Query{Pipeline: "p7"}},
		{"no pipeline", store.Query{Pipeline: "none"}},
		{"owner", store.Query{Owner: "bert"}},
		{"since", store.Query{From: "run_099990"}},
		{"until", store.Query{Before: "run_000020"}},
		{"text of all", store.Query{Text: "anna"}},
		{"text of few", store.Query{Text: "device"}},
		{"text of one", store.Query{Text: "_012345"}},
		{"text of none", store.Query{Text: "nothing"}},
		{"text of none, parts of all", store.Query{Text: "run_0p1\nanna"}},
		{"text of the oldest", store.Query{Text: "warm-up"}},
		{"short text of all", store.Query{Text: "nn"}},
		{"short text of few", store.Query{Text: "m-"}},
		{"short text of none", store.Query{Text: "zq"}},
		{"letter of few", store.Query{Text: "-"}},
		{"letter of none", store.Query{Text: "z"}},
		{"text and filters of few", store.Query{Text: "anna", States: []string{"failed"}, Pipeline: "p7"}},
		{"text and filter of none", store.Query{Text: "bert", Pipeline: "p8"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.q.Limit = 50
			for b.Loop() {
				if _, err := st.List(context.Background(), c.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
