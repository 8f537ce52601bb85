package pluginexec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// hammer does whatever it likes to an executor.
type hammer struct {
	*testing.T
	e    *Executor
	sets [][]string
	dir  string

	mu   sync.Mutex
	pids map[int]bool
}

// TestHammer: tasks, crashes, cancels, kills, evictions and fresh processes on many device sets at once. The memory of a
// set is never taken twice: a new process begins when the old one is gone.
func TestHammer(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 12
	}
	h := &hammer{T: t, dir: t.TempDir(), pids: map[int]bool{}, sets: [][]string{{"fake-a"}, {"fake-b"}, {"fake-a", "fake-b"}, {"fake-c"}}}
	h.e = holds(t, func(c *Config) {
		c.IdleTimeout, c.Grace, c.UnloadTimeout = 20*time.Millisecond, 2*time.Second, 5*time.Second
	})
	var wg sync.WaitGroup
	for worker := range 8 {
		rng := rand.New(rand.NewPCG(uint64(worker), 5))
		wg.Go(func() {
			for range rounds {
				h.round(rng)
			}
		})
	}
	wg.Wait()
	h.e.Close()
	noneLeft(t, slices.Collect(maps.Keys(h.pids)))
	if left := h.e.Warm(); len(left) > 0 {
		t.Errorf("known after Close: %+v", left)
	}
	if len(h.pids) < 5 {
		t.Errorf("only %d processes", len(h.pids))
	}
}

func (h *hammer) round(rng *rand.Rand) {
	on := h.sets[rng.IntN(len(h.sets))]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	then := ""
	switch rng.IntN(12) {
	case 0:
		then = "crash going down"
	case 1:
		then = "hold"
		stop := time.AfterFunc(time.Duration(rng.IntN(30))*time.Millisecond, cancel)
		defer stop.Stop()
	case 2:
		then = "spawn"
	case 3:
		ctx = exec.WithFresh(ctx)
	case 4:
		h.free(h.e.Evict(context.Background(), "test", on))
		return
	case 5:
		h.free(h.e.Unload(context.Background(), "test", on, [...]string{"", "m", "n"}[rng.IntN(3)]))
		return
	case 6:
		h.kill(rng)
		return
	case 7:
		cancel()
	}
	h.run(ctx, on, then, [...]string{"m", "n"}[rng.IntN(2)])
}

func (h *hammer) run(ctx context.Context, on []string, then, model string) {
	memory := filepath.Join(h.dir, strings.Join(on, "+"))
	_, err := h.e.Execute(ctx, loading(sdk.Values{"then": then, "model": model, "memory": memory}, on...))
	got := sdk.AsError(err)
	switch {
	case err == nil:
	case got.Cause == sdk.CauseFailed && strings.Contains(got.Message, "crashed: "):
	case got.Cause == sdk.CauseFailed && strings.HasSuffix(got.Message, " was killed at its start"):
	case got.Cause == sdk.CauseCancelled && ctx.Err() != nil:
	default:
		h.Errorf("on %v, then %q: %+v", on, then, got)
	}
}

func (h *hammer) free(err error) {
	var busy *BusyError
	if err != nil && !errors.As(err, &busy) && !strings.Contains(err.Error(), "is in use") {
		h.Errorf("free: %v", err)
	}
}

// kill notes what is there, and kills one of it.
func (h *hammer) kill(rng *rand.Rand) {
	all := h.e.Warm()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range all {
		for _, pid := range w.PIDs {
			h.pids[pid] = true
		}
		if w.Plugin != "test" || w.LastUsed.Before(w.Started) {
			h.Errorf("got %+v", w)
		}
	}
	if len(all) > 0 {
		if w := all[rng.IntN(len(all))]; len(w.PIDs) > 0 {
			syscall.Kill(w.PIDs[0], syscall.SIGKILL)
		}
	}
}

// TestCloseUnderLoad: whatever is under way, Close ends it.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			on := fmt.Sprint("fake-", i%3)
			for {
				_, err := e.Execute(context.Background(), loading(sdk.Values{"model": "m"}, on))
				if got := sdk.AsError(err); got != nil {
					if got.Cause != sdk.CauseDrained {
						t.Errorf("got %+v", got)
					}
					return
				}
				if i%4 == 0 {
					_ = e.Evict(context.Background(), "test", []string{on}) // busy, or done
				}
			}
		})
	}
	until(t, "processes", func() bool { return len(e.Warm()) == 3 })
	e.Close()
	wg.Wait()
	if left := e.Warm(); len(left) > 0 {
		t.Errorf("known after Close: %+v", left)
	}
}
