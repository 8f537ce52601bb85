package sqlstore_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// BenchmarkList lists 50 of 100,000 runs, of which one in a thousand failed and one in ten thousand is somebody else's.
func BenchmarkList(b *testing.B) {
	st, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "spinbot.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	const runs = 100_000
	var group sync.WaitGroup
	for w := range 64 {
		group.Go(func() {
			for k := w; k < runs; k += 64 {
				h := &store.Head{Run: fmt.Sprintf("run_%06d", k), Pipeline: fmt.Sprintf("p%d", k%20), State: "succeeded", Owner: "anna", Seq: 1, Created: time.Unix(int64(k), 0)}
				if k%1000 == 7 {
					h.State, h.Error = "failed", "out of device memory"
				}
				if k%10_000 == 7 {
					h.Owner = "bert"
				}
				if err := st.Append(b.Context(), store.Append{Run: h.Run, Events: [][]byte{[]byte("{}")}, Head: h}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	for name, q := range map[string]store.Query{
		"all": {}, "state": {States: []string{"failed"}}, "states": {States: []string{"failed", "running"}}, "pipeline": {Pipeline: "p7"}, "no pipeline": {Pipeline: "none"},
		"owner": {Owner: "bert"}, "since": {From: "run_099990"}, "until": {Before: "run_000020"}, "text": {Text: "device"}, "no text": {Text: "nothing"},
	} {
		b.Run(name, func(b *testing.B) {
			q.Limit = 50
			for b.Loop() {
				if _, err := st.List(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
