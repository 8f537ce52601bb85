package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// fill makes four runs of two pipelines; run_2 and run_20 share a prefix, x% holds what LIKE would misread.
func fill(t *testing.T, st Store) {
	t.Helper()
	for i, h := range []*store.Head{
		head("run_1", "film", "succeeded", 1), head("run_2", "film", "running", 2),
		head("run_20", "song", "failed", 3), head("x%", "song", "succeeded", 4), head("x_y", "song", "succeeded", 5),
	} {
		after := uint64(0)
		if i%2 == 0 { // the head may come later than the first event
			add(t, st, item(h.Run, 0, 1))
			after = 1
		}
		a := item(h.Run, after, 1)
		a.Head = h
		add(t, st, a)
	}
	add(t, st, item("zzz_headless", 0, 1)) // without a head a run is not listed
}

func testList(t *testing.T, s Suite) {
	st := s.open(t)
	if got := listed(t, st, store.Query{}); got != "" {
		t.Fatalf("an empty store lists %s", got)
	}
	fill(t, st)
	for _, c := range []struct {
		q    store.Query
		want string
	}{
		{store.Query{}, "x_y x% run_20 run_2 run_1 "},
		{store.Query{Limit: 2}, "x_y x% "},
		{store.Query{Before: "x%", Limit: 2}, "run_20 run_2 "},
		{store.Query{Before: "run_1"}, ""},
		{store.Query{Prefix: "run_2"}, "run_20 run_2 "},
		{store.Query{Prefix: "x%"}, "x% "},
		{store.Query{Prefix: "%"}, ""},
		{store.Query{Prefix: "\xff\xff"}, ""},
		{store.Query{Pipeline: "film"}, "run_2 run_1 "},
		{store.Query{States: []string{"failed", "running"}}, "run_20 run_2 "},
		{store.Query{Pipeline: "song", States: []string{"succeeded"}, Prefix: "x", Before: "x_y"}, "x% "},
		{store.Query{Pipeline: "nothing"}, ""},
		{store.Query{Owner: "o"}, "x_y x% run_20 run_2 run_1 "},
		{store.Query{Owner: "O"}, ""},
		{store.Query{From: "run_20"}, "x_y x% run_20 "},
		{store.Query{From: "run_2", Before: "x%"}, "run_20 run_2 "},
		{store.Query{Text: "SON"}, "x_y x% run_20 "},
		{store.Query{Text: "_2", Pipeline: "song"}, "run_20 "},
		{store.Query{Text: "%"}, "x% "},
		{store.Query{Text: "g\no"}, "x_y x% run_20 "},
		{store.Query{Text: "\\"}, ""},
		{store.Query{Text: "ö"}, ""},
	} {
		if got := listed(t, st, c.q); got != c.want {
			t.Errorf("%+v: %q, want %q", c.q, got, c.want)
		}
	}
}

func testFind(t *testing.T, s Suite) {
	st := s.open(t)
	if _, err := st.Find(t.Context(), "last"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("last of none: %v, want ErrNotFound", err)
	}
	fill(t, st)
	for id, want := range map[string]string{"last": "x_y", "run_1": "run_1", "run_2": "run_2", "run_20": "run_20", "x%": "x%", "x_": "x_y"} {
		if h, err := st.Find(t.Context(), id); err != nil || h.Run != want {
			t.Errorf("find %q: %q, %v, want %q", id, h.Run, err, want)
		}
	}
	for _, id := range []string{"", "run_3", "RUN_1", "_", "zzz"} {
		if h, err := st.Find(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("find %q: %q, %v, want ErrNotFound", id, h.Run, err)
		}
	}
	for i := range store.MaxCandidates + 1 {
		run := fmt.Sprintf("run_30%d", i)
		add(t, st, store.Append{Run: run, Events: [][]byte{{1}}, Head: head(run, "p", "running", i)})
	}
	var a *store.AmbiguousError
	if _, err := st.Find(t.Context(), "run_"); !errors.As(err, &a) || len(a.Candidates) != store.MaxCandidates || !a.More || a.Candidates[0] != "run_308" {
		t.Errorf("find run_: %v, want the newest candidates", err)
	}
	if _, err := st.Find(t.Context(), "x"); !errors.As(err, &a) || len(a.Candidates) != 2 || a.More {
		t.Errorf("find x: %v, want two candidates", err)
	}
}

func testHead(t *testing.T, s Suite) {
	st := s.open(t)
	a := item("a", 0, 1)
	a.Head = head("a", "p", "running", 1)
	add(t, st, a)
	want := store.Head{Run: "a", Pipeline: "p2 \x00 ü", Digest: "sha256:x", State: "failed", Error: "disk \"full\"\nnow", Owner: "me",
		Created: moment(3), Seq: 2} // a zero Updated stays zero
	b := item("a", 1, 1)
	b.Head = &want
	add(t, st, b)
	add(t, st, item("a", 2, 1)) // without a head: the last one stays
	got, err := st.Find(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Created.Equal(want.Created) || !got.Updated.IsZero() {
		t.Errorf("times %v and %v, want %v and none", got.Created, got.Updated, want.Created)
	}
	got.Created = want.Created
	if got != want {
		t.Errorf("head %+v, want %+v", got, want)
	}
}
