package storetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
)

var space = store.Space{Model: "tiny's \"model\"", Dimensions: 3}

// unit is a vector that points so.
func unit(x ...float32) []float32 {
	store.Unit(x)
	return x
}

// about is a file of a run with a digest and a media type.
func about(digest, media string) store.File {
	return store.File{Digest: digest, MediaType: media, Name: digest + ".bin", At: "x"}
}

// nums are the numbers of files by their digests.
func nums(t *testing.T, st Store) map[string]int64 {
	t.Helper()
	all, err := st.Files(t.Context(), store.FileQuery{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, f := range all {
		out[f.Digest] = f.Num
	}
	return out
}

func undescribed(t *testing.T, st Store, in store.Space, want ...string) {
	t.Helper()
	got, err := st.Undescribed(t.Context(), in, 100)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range got {
		list = append(list, f.Digest)
	}
	if !slices.Equal(list, want) {
		t.Errorf("not described: %v, want %v", list, want)
	}
}

func counted(t *testing.T, st Store, in store.Space, want store.Described) {
	t.Helper()
	if got, err := st.Described(t.Context(), in); err != nil || got != want {
		t.Errorf("described %+v %v, want %+v", got, err, want)
	}
}

// nearest wants digests, the nearest first.
func nearest(t *testing.T, st Store, in store.Space, v []float32, q store.FileQuery, skip int, want ...string) []store.Near {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 10
	}
	got, err := st.Nearest(t.Context(), in, v, q, skip)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range got {
		list = append(list, f.Digest)
	}
	if !slices.Equal(list, want) {
		t.Errorf("%+v: nearest %v, want %v", q, list, want)
	}
	return got
}

func describe(t *testing.T, st Store, in store.Space, meanings ...store.Meaning) {
	t.Helper()
	if err := st.Describe(t.Context(), in, meanings); err != nil {
		t.Fatal(err)
	}
}

func testMeanings(t *testing.T, s Suite) {
	st := s.open(t)
	undescribed(t, st, space)
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{}, 0)
	add(t, st, naming("run_1", 0, "film", about("sea", "image/png"), about("wave", "image/png"), about("song", "audio/wav")))
	add(t, st, naming("run_2", 0, "other", about("hill", "image/png"), about("odd", "text/plain")))
	undescribed(t, st, space, "odd", "hill", "song", "wave", "sea")
	if got, err := st.Undescribed(t.Context(), space, 2); err != nil || len(got) != 2 || got[0].Run != "run_2" || got[0].Pipeline != "other" || got[1].Digest != "hill" {
		t.Errorf("got %+v %v", got, err)
	}
	n := nums(t, st)
	describe(t, st, space, store.Meaning{Num: n["sea"], Vector: unit(1, 0, 0)}, store.Meaning{Num: n["wave"], Vector: unit(1, 0.5, 0)},
		store.Meaning{Num: n["hill"], Vector: unit(0, 0, 1)}, store.Meaning{Num: n["odd"], Problem: "it is odd"},
		store.Meaning{Num: 1 << 40, Vector: unit(1, 0, 0)}) // of a file that is gone
	undescribed(t, st, space, "song")
	counted(t, st, space, store.Described{Files: 5, Vectors: 3, Failed: 1})
	describe(t, st, space, store.Meaning{Num: n["song"], Vector: unit(-1, 0, 0)})

	got := nearest(t, st, space, unit(1, 0, 0), store.FileQuery{}, 0, "sea", "wave", "hill", "song")
	for k, want := range []float64{1, 1 / math.Sqrt(1.25), 0, -1} {
		if k < len(got) && math.Abs(float64(got[k].Score)-want) > 1e-5 {
			t.Errorf("%s scores %v, want %v", got[k].Digest, got[k].Score, want)
		}
	}
	if got[0].Run != "run_1" || got[0].Pipeline != "film" || got[0].MediaType != "image/png" || got[0].Num != n["sea"] {
		t.Errorf("got %+v", got[0])
	}
	nearest(t, st, space, unit(0, 0, 1), store.FileQuery{Limit: 1}, 0, "hill")
	// What is left out makes no room: the filter goes before the limit.
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{Pipeline: "other", Limit: 1}, 0, "hill")
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{MediaType: "audio/", Limit: 1}, 0, "song")
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{Run: "run_2"}, 0, "hill")
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{Text: "WAVE", Before: 1}, 0, "wave")
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{Pipeline: "none"}, 0)
	// Pages.
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{Limit: 2}, 2, "hill", "song")
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{Limit: 2}, 4)
	// Other spaces have nothing in common, not even with the same model.
	other, larger := store.Space{Model: "other", Dimensions: 3}, store.Space{Model: space.Model, Dimensions: 4}
	nearest(t, st, other, unit(1, 0, 0), store.FileQuery{}, 0)
	nearest(t, st, larger, unit(1, 0, 0, 0), store.FileQuery{}, 0)
	undescribed(t, st, larger, "odd", "hill", "song", "wave", "sea")
	if err := st.Describe(t.Context(), larger, []store.Meaning{{Num: n["sea"], Vector: unit(1, 0, 0)}}); err == nil || !strings.Contains(err.Error(), "3 numbers, and not 4") {
		t.Errorf("a vector of 3 numbers in a space of 4: %v", err)
	}
	describe(t, st, other, store.Meaning{Num: n["sea"], Vector: unit(0, 1, 0)})
	nearest(t, st, other, unit(1, 0, 0), store.FileQuery{}, 0, "sea")
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{}, 0, "wave", "hill", "song")
	undescribed(t, st, space, "sea")

	if err := st.Forget(t.Context(), "wave"); err != nil {
		t.Fatal(err)
	}
	undescribed(t, st, space, "wave", "sea")
	if err := st.Remove(t.Context(), "run_1", 1); err != nil {
		t.Fatal(err)
	}
	counted(t, st, space, store.Described{Files: 2, Vectors: 1, Failed: 1})
	counted(t, st, other, store.Described{Files: 2})
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{}, 0, "hill")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{st.Describe(t.Context(), space, []store.Meaning{{Num: 1, Vector: unit(1, 0, 0)}}), st.Forget(t.Context(), "sea")} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
	}
	if _, err := st.Nearest(t.Context(), space, unit(1, 0, 0), store.FileQuery{Limit: 1}, 0); !errors.Is(err, store.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}

// testManyMeanings: of many, the nearest are the right ones, while others are described and runs go.
func testManyMeanings(t *testing.T, s Suite) {
	st := s.open(t)
	in := store.Space{Model: "many", Dimensions: 8}
	const runs, each = 20, 30
	for r := range runs {
		a := naming(fmt.Sprintf("run_%02d", r), 0, fmt.Sprintf("p%d", r%4))
		for k := range each {
			a.Files = append(a.Files, about(fmt.Sprintf("d%d.%d", r, k), "image/png"))
		}
		add(t, st, a)
	}
	all, err := st.Files(t.Context(), store.FileQuery{})
	if err != nil {
		t.Fatal(err)
	}
	vector := func(num int64) []float32 {
		v := make([]float32, in.Dimensions)
		for k := range v {
			v[k] = float32(math.Sin(float64(num)*1.7 + float64(k*k)*0.9))
		}
		return unit(v...)
	}
	var group sync.WaitGroup
	for part := range slices.Chunk(all, 50) {
		group.Go(func() {
			var list []store.Meaning
			for _, f := range part {
				list = append(list, store.Meaning{Num: f.Num, Vector: vector(f.Num)})
			}
			if err := st.Describe(t.Context(), in, list); err != nil {
				t.Error(err)
			}
			if _, err := st.Nearest(t.Context(), in, vector(1), store.FileQuery{Limit: 5}, 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Go(func() {
		if err := st.Remove(t.Context(), "run_07", 1); err != nil {
			t.Error(err)
		}
	})
	group.Wait()
	left := (runs - 1) * each
	counted(t, st, in, store.Described{Files: left, Vectors: left})
	for _, q := range []store.FileQuery{{Limit: 10}, {Limit: 10, Pipeline: "p2"}, {Limit: 25, Run: "run_11"}} {
		about := vector(1_000_003)
		best := store.NewBest(q.Limit)
		for _, f := range all {
			if f.Run != "run_07" && q.Match(f) {
				best.Add(f.Num, store.Dot(vector(f.Num), about))
			}
		}
		want := best.List()
		got, err := st.Nearest(t.Context(), in, about, q, 0)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%+v: %d files %v, want %d", q, len(got), err, len(want))
		}
		for k := range got {
			if got[k].Num != want[k].Num || math.Abs(float64(got[k].Score-want[k].Score)) > 1e-5 {
				t.Errorf("%+v: place %d has %d with %v, want %+v", q, k, got[k].Num, got[k].Score, want[k])
			}
		}
	}
}

func testDurableMeanings(t *testing.T, s Suite) {
	folder := t.TempDir()
	st := s.reopen(t, folder)
	add(t, st, naming("run_1", 0, "film", about("sea", "image/png"), about("hill", "image/png")))
	n := nums(t, st)
	describe(t, st, space, store.Meaning{Num: n["sea"], Vector: unit(1, 0, 0)})
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = s.reopen(t, folder)
	undescribed(t, st, space, "hill")
	nearest(t, st, space, unit(1, 0, 0), store.FileQuery{}, 0, "sea")
}

// BenchmarkNearest finds 50 of 10,000 files by vectors of 768 numbers, and lists what is not described when everything is.
func BenchmarkNearest(b *testing.B, st Store) {
	in := store.Space{Model: "bench", Dimensions: 768}
	const runs, each = 1000, 10
	for r := range runs {
		a := naming(fmt.Sprintf("run_%06d", r), 0, fmt.Sprintf("p%d", r%20))
		for k := range each {
			a.Files = append(a.Files, store.File{Digest: fmt.Sprintf("sha256:%064x", r*each+k), MediaType: "image/png", Name: "picture.png", Size: 1, At: a.Run})
		}
		add(b, st, a)
	}
	vector := func(num int64) []float32 {
		v := make([]float32, in.Dimensions)
		for k := range v {
			v[k] = float32(math.Sin(float64(num)*1.37 + float64(num%97)*float64(k)*0.11 + float64(k)))
		}
		return unit(v...)
	}
	for {
		files, err := st.Undescribed(b.Context(), in, 500)
		if err != nil {
			b.Fatal(err)
		}
		if len(files) == 0 {
			break
		}
		var list []store.Meaning
		for _, f := range files {
			list = append(list, store.Meaning{Num: f.Num, Vector: vector(f.Num)})
		}
		if err := st.Describe(b.Context(), in, list); err != nil {
			b.Fatal(err)
		}
	}
	for name, q := range map[string]store.FileQuery{"all": {Limit: 50}, "pipeline": {Limit: 50, Pipeline: "p7"}, "media type": {Limit: 50, MediaType: "image/"}} {
		b.Run(name, func(b *testing.B) {
			for n := int64(0); b.Loop(); n++ {
				if got, err := st.Nearest(b.Context(), in, vector(n), q, 0); err != nil || len(got) != 50 {
					b.Fatal(len(got), err)
				}
			}
		})
	}
	b.Run("undescribed", func(b *testing.B) {
		for b.Loop() {
			if _, err := st.Undescribed(b.Context(), in, 32); err != nil {
				b.Fatal(err)
			}
		}
	})
}
