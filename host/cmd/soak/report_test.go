package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// soaked is a soak that was measured so often, each time with these values.
func soaked(rounds int, values func(n int) map[string]float64) *soak {
	s := &soak{book: newBook(), flags: flags{seed: 7}}
	for n := range rounds {
		s.samples = append(s.samples, sample{Runs: 100 * (n + 1), Host: 1 + min(n, 3), Agent: 1, Values: values(n)})
	}
	return s
}

// TestTell: what grows, what is too short to be judged and what was violated fails a soak, and is told.
func TestTell(t *testing.T) {
	t.Parallel()
	steady := func(n int) map[string]float64 {
		return map[string]float64{"host goroutines": float64(100 + n%3), "tmp files": 0, "host heap": float64(35<<20 + n%3*200<<10), "host/spinbot.db*": float64(1<<20 + 250*100*n)}
	}
	for name, c := range map[string]struct {
		s    *soak
		want string // of the error; empty: none
	}{
		"steady": {soaked(16, steady), ""},
		"a file in each round": {soaked(16, func(n int) map[string]float64 {
			m := steady(n)
			m["tmp files"] = float64(n)
			return m
		}), "tmp files grows"},
		"goroutines of the last process of the host": {soaked(16, func(n int) map[string]float64 {
			m := steady(n)
			m["host goroutines"] += float64(4 * n)
			return m
		}), "host goroutines grows"},
		"300 KiB of heap in each round": {soaked(16, func(n int) map[string]float64 {
			m := steady(n)
			m["host heap"] += float64(n * 300 << 10)
			return m
		}), "host heap grows"},
		"more than is remembered of a run": {soaked(24, func(n int) map[string]float64 {
			m := steady(n)
			m["host/spinbot.db*"] += float64(1500 * 100 * n)
			return m
		}), "host/spinbot.db* grows"},
		"too short": {soaked(8, steady), "too seldom"},
	} {
		file := filepath.Join(t.TempDir(), "report.json")
		err := c.s.tell(time.Minute, file)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		var told struct {
			Seed     uint64
			Measured []struct{ State string }
		}
		raw, err := os.ReadFile(file)
		if err = orElse(err, func() error { return json.Unmarshal(raw, &told) }); err != nil || told.Seed != 7 || len(told.Measured) != 4 {
			t.Errorf("%s: the report is %s, %v", name, raw, err)
		}
	}
	s := soaked(16, steady)
	s.book.violated("run x is lost")
	if err := s.tell(time.Minute, ""); err == nil || !strings.Contains(err.Error(), "run x is lost") {
		t.Error(err)
	}
}

// TestTold: sandboxes that are made because so many control nodes compute at once are no heap that grows.
func TestTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ live, sandboxes, memory, heap float64 }{{50 << 20, 0, 0, 50}, {63 << 20, 4, 20 << 20, 36}, {1 << 20, 1, 7 << 20, 0}} {
		out := map[string]float64{}
		err := told(out, fmt.Appendf(nil, "# TYPE go_gc_heap_live_bytes gauge\ngo_gc_heap_live_bytes %g\nspinbot_sandboxes_idle %g\nspinbot_sandboxes_idle_bytes %g\n", c.live, c.sandboxes, c.memory))
		if err != nil || out["host heap"] != c.heap*(1<<20) || out["host sandboxes"] != c.sandboxes || out["host sandboxes' memory"] != c.memory {
			t.Errorf("%+v: %v, %v", c, out, err)
		}
	}
}

func orElse(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

// TestEffects: what ended well took effect once, and nothing did twice.
func TestEffects(t *testing.T) {
	t.Parallel()
	b := newBook()
	for n, name := range []string{"once", "twice", "never", "killed", "killed too"} {
		id := fmt.Sprint("run_", n)
		if !b.accept(id, &order{kind: "effect", name: name, effect: true}) {
			t.Error("it was not accepted")
		}
		state := "succeeded"
		if strings.HasPrefix(name, "killed") {
			state = "failed"
		}
		b.end(id, state)
	}
	if b.accept("run_0", &order{name: "another"}) {
		t.Error("one run was made for two orders")
	}
	file := filepath.Join(t.TempDir(), "effects")
	if err := os.WriteFile(file, []byte("once\ntwice\nkilled\ntwice\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.checkEffects(file)
	got := strings.Join(b.Violations, "; ")
	for _, want := range []string{"made for once, and again for another", "twice took effect 2 times", "never ended well, and took no effect"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if len(b.Violations) != 3 {
		t.Error(got)
	}
}

// TestPick: every kind of run comes, and the same seed gives the same ones.
func TestPick(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (out []int) {
		w := newWorker(nil, newBook(), seed, 3)
		for range 5000 {
			out = append(out, pick(w.r))
		}
		return out
	}
	first, second := draw(9), draw(9)
	seen := map[int]bool{}
	for n, k := range first {
		seen[k] = true
		if k != second[n] {
			t.Fatal("a seed gives this once, that another time")
		}
	}
	if len(seen) != len(kinds) {
		t.Errorf("%d of %d kinds came", len(seen), len(kinds))
	}
}
