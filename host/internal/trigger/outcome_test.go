package trigger

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
)

// TestOutcomes: what becomes of each fire is told once, however the trigger was set off.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2026-03-01T00:30:00Z", hooks)
		var mu sync.Mutex
		got := map[string]int{}
		r.cfg.Observe = func(pipeline, trigger string, o Outcome) {
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprintf("%s/%s %s", pipeline, trigger, o)]++
		}
		r.Triggers = New(r.cfg)
		check := func(when string, want map[string]int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if !maps.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", when, got, want)
			}
			clear(got)
		}
		deliver := func(name string, q Request) { _, _ = r.Deliver(t.Context(), "film", name, q) }
		body := `{"at": "x"}`
		deliver("text", github(body, "idempotency-key", "a"))
		deliver("text", github(body, "idempotency-key", "a"))
		check("a delivery that comes twice", map[string]int{"film/text fired": 1, "film/text skipped": 1})
		deliver("text", request(body))
		deliver("text", github(`{}`))
		deliver("lost", github(body))
		deliver("nobody", github(body))
		deliver("c", github(body))
		check("what is no request", map[string]int{"film/text refused": 2, "film/lost refused": 1})
		if _, err := r.Fire(t.Context(), "film", "c", "ada", eval.TriggerEvent{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Fire(t.Context(), "film", "gone", "ada", eval.TriggerEvent{}); err == nil {
			t.Error("a file that is gone made a run")
		}
		check("by hand", map[string]int{"film/c fired": 1, "film/gone refused": 1})

		r.end("run_2")
		r.serve()
		time.Sleep(2 * time.Hour) // the run of 1:00 goes on at 2:00
		synctest.Wait()
		check("a schedule", map[string]int{"film/c fired": 1, "film/c skipped": 1})
		r.runs.set(func(f *fakeRuns) { f.over["run_4"], f.fail = true, errors.New("full") })
		time.Sleep(time.Hour)
		synctest.Wait()
		r.halt()
		if mu.Lock(); got["film/c refused"] == 0 || len(got) != 1 {
			t.Errorf("no run could be made: %v", got)
		}
		mu.Unlock()
	})
}
