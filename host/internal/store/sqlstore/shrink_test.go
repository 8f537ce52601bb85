package sqlstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// history appends runs, eight at a time as they interleave in a host.
func history(t testing.TB, st *sqlstore.Store, runs int, events uint64, size int) {
	data := make([]byte, size)
	for first := 0; first < runs; first += 8 {
		for seq := range events {
			for i := first; i < first+8; i++ {
				a := store.Append{Run: fmt.Sprintf("run_%06d", i), After: seq, Events: [][]byte{data}}
				if seq == 0 || seq == events-1 {
					a.Head = &store.Head{Run: a.Run, Pipeline: "p", State: "running", Created: time.Unix(1, 0), Seq: seq + 1}
				}
				check(t, st.Append(t.Context(), a))
			}
		}
	}
}

// TestShrink: the file becomes as small as what is left in it, and what is left can be read.
func TestShrink(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	st, err := sqlstore.Open(t.Context(), path)
	check(t, err)
	const runs = 160
	history(t, st, runs, 4, 2000)
	check(t, st.Close())
	before, err := os.Stat(path)
	check(t, err)
	st, err = sqlstore.Open(t.Context(), path)
	check(t, err)
	for i := range runs - 16 {
		check(t, st.Remove(t.Context(), fmt.Sprintf("run_%06d", i), 4))
	}
	freed, err := st.Shrink(t.Context())
	check(t, err)
	after, err := os.Stat(path)
	check(t, err)
	t.Logf("%d runs of %d removed: the file went from %d to %d bytes, %d were freed", runs-16, runs, before.Size(), after.Size(), freed)
	if freed != before.Size()-after.Size() || after.Size() > before.Size()/5 {
		t.Errorf("the file went from %d to %d bytes, %d were freed", before.Size(), after.Size(), freed)
	}
	for i := range runs {
		got, err := st.Read(t.Context(), fmt.Sprintf("run_%06d", i), 0, 0)
		if want := i / (runs - 16) * 4; err != nil || len(got) != want {
			t.Errorf("run %d: %d events, %v, want %d", i, len(got), err, want)
		}
	}
	check(t, st.Close())
}

func BenchmarkEach(b *testing.B) {
	st, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"))
	check(b, err)
	history(b, st, 1000, 20, 400)
	for b.Loop() {
		check(b, st.Each(b.Context(), func(store.Event) error { return nil }))
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	check(b, st.Close())
}

func BenchmarkRemove(b *testing.B) {
	st, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"))
	check(b, err)
	history(b, st, (b.N+7)/8*8, 20, 400)
	b.ResetTimer()
	for i := range b.N {
		check(b, st.Remove(b.Context(), fmt.Sprintf("run_%06d", i), 20))
	}
	b.StopTimer()
	start := time.Now()
	freed, err := st.Shrink(b.Context())
	check(b, err, st.Close())
	b.ReportMetric(float64(freed)/float64(b.N), "bytes/run")
	b.ReportMetric(float64(time.Since(start).Microseconds())/float64(b.N), "shrink-µs/run")
}
