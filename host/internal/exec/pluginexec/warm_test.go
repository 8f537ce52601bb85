package pluginexec

import (
	"context"
	"errors"
	"fmt"
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

// only gives the one process there is, once it is as wanted.
func only(t *testing.T, e *Executor, what string, ok func(Warm) bool) Warm {
	t.Helper()
	var w Warm
	until(t, what, func() bool {
		all := e.Warm()
		if len(all) != 1 {
			return false
		}
		w = all[0]
		return ok(w)
	})
	return w
}

func models(w Warm) string {
	var out []string
	for _, m := range w.Models {
		out = append(out, fmt.Sprint(m.Name, m.InUse))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestWarm(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	if w := e.Warm(); len(w) != 0 {
		t.Errorf("at first: %+v", w)
	}
	began := time.Now()
	out := load(t, e, sdk.Values{"model": "m"}, "fake-b", "fake-a")
	w := only(t, e, "its model known", func(w Warm) bool { return models(w) == "mfalse" })
	if w.Plugin != "test" || !slices.Equal(w.Devices, []string{"fake-a", "fake-b"}) || len(w.Tasks) != 0 || w.Starting || w.Ending ||
		w.Started.Before(began) || w.LastUsed.Before(w.Started) || w.ModelsAt.Before(w.LastUsed) || w.Models[0].Memory != 6<<30 {
		t.Errorf("got %+v", w)
	}
	if fmt.Sprint(w.PIDs) != fmt.Sprintf("[%v]", out["pid"]) {
		t.Errorf("processes %v of plugin %v", w.PIDs, out["pid"])
	}
	load(t, e, sdk.Values{"model": "m", "then": "spawn"}, "fake-a", "fake-b")
	if w := only(t, e, "its children", func(w Warm) bool { return len(w.PIDs) == 4 }); fmt.Sprint(w.PIDs[0]) != fmt.Sprint(out["pid"]) {
		t.Errorf("processes %v", w.PIDs)
	}
	stop := holding(t, e, t.Context(), sdk.Values{"model": "n"}, "fake-a", "fake-b")
	if w := only(t, e, "busy", func(w Warm) bool { return len(w.Tasks) == 1 }); w.Tasks[0] != "run_1/node.a/1" {
		t.Errorf("tasks %v", w.Tasks)
	}
	stop()
	only(t, e, "both idle", func(w Warm) bool { return models(w) == "mfalse nfalse" && len(w.Tasks) == 0 })
	load(t, e, nil, "fake-c")
	if all := e.Warm(); len(all) != 2 || all[0].Devices[0] != "fake-a" || all[1].Devices[0] != "fake-c" {
		t.Errorf("the one used longest ago is not first: %+v", all)
	}
}

func TestUnload(t *testing.T) {
	t.Parallel()
	e := holds(t, func(c *Config) { c.UnloadTimeout = 2 * time.Second })
	on := []string{"fake-a"}
	unload := func(model string) error { return e.Unload(t.Context(), "test", on, model) }
	if err := unload("m"); err != nil {
		t.Errorf("without a process: %v", err)
	}
	pid := load(t, e, sdk.Values{"model": "m"}, on...)["pid"]
	load(t, e, sdk.Values{"model": "n"}, on...)
	if err := unload("m"); err != nil {
		t.Error(err)
	}
	if w := e.Warm()[0]; models(w) != "nfalse" {
		t.Errorf("afterwards it holds %s", models(w))
	}
	stop := holding(t, e, t.Context(), sdk.Values{"model": "p"}, on...)
	if err := unload("p"); err == nil || !strings.Contains(err.Error(), "model p is in use") || !strings.Contains(err.Error(), "plugin test on fake-a") {
		t.Errorf("unloaded under its task: %v", err)
	}
	var busy *BusyError
	if err := unload(""); !errors.As(err, &busy) || !strings.Contains(err.Error(), "run_1/node.a/1") {
		t.Errorf("everything unloaded under a task: %v", err)
	}
	if err := unload("n"); err != nil {
		t.Errorf("another model, while a task runs: %v", err)
	}
	stop()
	if err := unload(""); err != nil || models(e.Warm()[0]) != "" {
		t.Errorf("got %v, %s", err, models(e.Warm()[0]))
	}
	if again := load(t, e, sdk.Values{"model": "stuck"}, on...)["pid"]; again != pid {
		t.Errorf("the process changed from %v to %v", pid, again)
	}
	if err := unload("stuck"); err == nil || !strings.Contains(err.Error(), "did not unload model stuck within 2s: evict it") {
		t.Errorf("got %v", err)
	}
}

func TestCannotUnload(t *testing.T) {
	t.Parallel()
	e := open(t, as(t, "plugin"), nil)
	mustRun(t, e, "test.echo", nil2())
	if err := e.Unload(t.Context(), "test", nil, ""); !errors.Is(err, ErrCannotUnload) {
		t.Errorf("got %v", err)
	}
	w := only(t, e, "warm", func(Warm) bool { return true })
	if !w.ModelsAt.IsZero() {
		t.Errorf("got %+v", w)
	}
	if err := e.Evict(t.Context(), "test", nil); err != nil || len(e.Warm()) != 0 {
		t.Errorf("got %v, %+v", err, e.Warm())
	}
}

func TestEvict(t *testing.T) {
	t.Parallel()
	e := holds(t, func(c *Config) { c.UnloadTimeout = 200 * time.Millisecond })
	on := []string{"fake-a"}
	if err := e.Evict(t.Context(), "test", on); err != nil {
		t.Errorf("without a process: %v", err)
	}
	stop := holding(t, e, t.Context(), sdk.Values{}, on...)
	var busy *BusyError
	if err := e.Evict(t.Context(), "test", on); !errors.As(err, &busy) || !slices.Equal(busy.Tasks, []string{"run_1/node.a/1"}) {
		t.Errorf("evicted under a task: %v", err)
	}
	if err := sdk.AsError(stop()); err.Cause != sdk.CauseCancelled {
		t.Errorf("the task: %v", err)
	}
	for _, model := range []string{"m", "stuck"} {
		load(t, e, sdk.Values{"model": model, "then": "spawn"}, on...)
		pids := only(t, e, "children", func(w Warm) bool { return len(w.PIDs) == 4 }).PIDs
		if err := e.Evict(t.Context(), "test", on); err != nil {
			t.Errorf("model %s: %v", model, err)
		}
		for _, p := range pids {
			if alive(p) {
				t.Errorf("model %s: process %d is alive after Evict", model, p)
			}
		}
		if w := e.Warm(); len(w) != 0 {
			t.Errorf("still warm: %+v", w)
		}
	}
	load(t, e, nil, on...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Evict(ctx, "test", on); err != nil || len(e.Warm()) != 0 {
		t.Errorf("in a hurry: %v", err)
	}
}

// TestEvictStopped: a process that answers nothing at all is killed all the same.
func TestEvictStopped(t *testing.T) {
	t.Parallel()
	e := holds(t, func(c *Config) { c.UnloadTimeout = 50 * time.Millisecond })
	load(t, e, nil, "fake-a")
	pid := e.Warm()[0].PIDs[0]
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := e.Evict(t.Context(), "test", []string{"fake-a"}); err != nil || alive(pid) {
		t.Errorf("got %v, alive: %v", err, alive(pid))
	}
	load(t, e, nil, "fake-a")
}

// clock holds the timers of an executor and lets a test say when they are due.
type clock struct {
	mu     sync.Mutex
	timers []*clockTimer
}

type clockTimer struct {
	d       time.Duration
	fire    func()
	stopped bool
}

func (c *clock) after(d time.Duration, fn func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &clockTimer{d: d, fire: fn}
	c.timers = append(c.timers, k)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		k.stopped = true
		return true
	}
}

// last gives the newest timer and how many run.
func (c *clock) last() (k *clockTimer, running int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.timers {
		if !t.stopped {
			k = t
			running++
		}
	}
	return k, running
}

// TestLook: a plugin is asked what it holds without a task, which starts its process where there is none.
func TestLook(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	b, err := e.config.Resolve("test.hold")
	if err != nil {
		t.Fatal(err)
	}
	e.Look(b, []string{"fake-b", "fake-a"})
	first := only(t, e, "asked", func(w Warm) bool { return !w.ModelsAt.IsZero() })
	if models(first) != "" || !slices.Equal(first.Devices, []string{"fake-a", "fake-b"}) {
		t.Errorf("%+v", first)
	}
	until(t, "asked again", func() bool {
		e.Look(b, []string{"fake-a", "fake-b"})
		return e.Warm()[0].ModelsAt.After(first.ModelsAt)
	})
	if pid := load(t, e, nil, "fake-a", "fake-b")["pid"]; fmt.Sprint(pid) != fmt.Sprint(first.PIDs[0]) {
		t.Errorf("a task got process %v, beside %v", pid, first.PIDs)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	e.Look(b, []string{"fake-c"}) // does nothing
}

func TestIdleEnds(t *testing.T) {
	t.Parallel()
	var c clock
	e := holds(t, nil)
	e.after = c.after
	pid := load(t, e, nil, "fake-a")["pid"]
	stale, n := c.last()
	if n != 1 || stale.d != 10*time.Minute {
		t.Fatalf("%d timers run, %+v", n, stale)
	}
	stop := holding(t, e, t.Context(), sdk.Values{}, "fake-a")
	if _, n := c.last(); n != 0 {
		t.Errorf("%d timers run while it is at work", n)
	}
	stale.fire() // it was due just before the task came
	stop()
	stale.fire()
	if now := load(t, e, nil, "fake-a")["pid"]; now != pid {
		t.Errorf("a timer of an earlier pause ended it")
	}
	due, n := c.last()
	if n != 1 {
		t.Fatalf("%d timers run", n)
	}
	w := e.Warm()[0]
	due.fire()
	until(t, "the process gone", func() bool { return len(e.Warm()) == 0 && !alive(w.PIDs[0]) })
	if now := load(t, e, nil, "fake-a")["pid"]; now == pid {
		t.Error("it lives on")
	}
}

func TestIdleWithoutDevices(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"no devices": 0, "switched off": -1} {
		var c clock
		e := holds(t, func(c *Config) { c.IdleTimeout = off })
		e.after = c.after
		if off < 0 {
			load(t, e, nil, "fake-a")
		} else {
			load(t, e, nil)
		}
		if _, n := c.last(); n != 0 {
			t.Errorf("%s: %d timers run", name, n)
		}
	}
}

// TestFresh: the memory that a process holds proves that the new one began after the end of the old one.
func TestFresh(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	in := sdk.Values{"memory": filepath.Join(t.TempDir(), "memory")}
	first := load(t, e, in, "fake-a")["pid"]
	run := func(ctx context.Context) any {
		r, err := e.Execute(exec.WithFresh(ctx), loading(in, "fake-a"))
		if err != nil {
			t.Errorf("fresh: %v", err)
		}
		return r.Outputs["pid"]
	}
	second := run(t.Context())
	if second == first || second == nil {
		t.Errorf("pid %v after %v", second, first)
	}
	if again := load(t, e, in, "fake-a")["pid"]; again != second {
		t.Errorf("the fresh process did not stay warm: %v after %v", again, second)
	}
	stop := holding(t, e, t.Context(), sdk.Values{"memory": in["memory"]}, "fake-a")
	third := make(chan any)
	go func() { third <- run(t.Context()) }()
	only(t, e, "the busy one to take no more", func(w Warm) bool { return w.Ending && len(w.Tasks) == 1 })
	if err := sdk.AsError(stop()); err.Cause != sdk.CauseCancelled {
		t.Errorf("the task that was in the way: %v", err)
	}
	if pid := <-third; pid == second {
		t.Errorf("pid %v again", pid)
	}
	var wg sync.WaitGroup
	seen := make(chan any, 4)
	for range 4 {
		wg.Go(func() { seen <- run(t.Context()) })
	}
	wg.Wait()
	close(seen)
	distinct := map[any]bool{}
	for pid := range seen {
		distinct[pid] = true
	}
	if len(distinct) != 4 {
		t.Errorf("4 fresh tasks at once in %d processes", len(distinct))
	}
}

// TestNewBinaryOnDevices: also after an update there is one process on a device at a time.
func TestNewBinaryOnDevices(t *testing.T) {
	t.Parallel()
	old, now := as(t, "holder"), as(t, "holder")
	var mu sync.Mutex
	current := old
	e := open(t, old, func(c *Config) {
		c.Resolve = func(string) (Binary, error) { mu.Lock(); defer mu.Unlock(); return current, nil }
	})
	in := sdk.Values{"memory": filepath.Join(t.TempDir(), "memory")}
	stop := holding(t, e, t.Context(), sdk.Values{"memory": in["memory"]}, "fake-a")
	mu.Lock()
	current = now
	mu.Unlock()
	done := make(chan error)
	go func() { _, err := e.Execute(t.Context(), loading(in, "fake-a")); done <- err }()
	only(t, e, "the old one to take no more", func(w Warm) bool { return w.Ending })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestTwoPlugins: two that do not fit together alternate on one device, and each finds its memory free.
func TestTwoPlugins(t *testing.T) {
	t.Parallel()
	plugins := map[string]Binary{"test": as(t, "holder"), "other": as(t, "other-holder")}
	for name, b := range plugins {
		b.Name, b.UsesDevices = name, true
		plugins[name] = b
	}
	e := open(t, plugins["test"], func(c *Config) {
		c.Resolve = func(nodeType string) (Binary, error) {
			name, _, _ := strings.Cut(nodeType, ".")
			return plugins[name], nil
		}
	})
	in := sdk.Values{"memory": filepath.Join(t.TempDir(), "memory"), "model": "m"}
	run := func(plugin string) error {
		task := loading(in, "fake-a")
		task.Type = plugin + ".load"
		_, err := e.Execute(t.Context(), task)
		return err
	}
	if err := run("test"); err != nil {
		t.Fatal(err)
	}
	if err := sdk.AsError(run("other")); err == nil || err.Cause != sdk.CauseOOM {
		t.Fatalf("both fit: %+v", err)
	}
	free := []func(plugin string) error{
		func(p string) error { return e.Unload(t.Context(), p, []string{"fake-a"}, "") },
		func(p string) error { return e.Unload(t.Context(), p, []string{"fake-a"}, "m") },
		func(p string) error { return e.Evict(t.Context(), p, []string{"fake-a"}) },
	}
	has, wants := "test", "other"
	for i := range 24 {
		if err := free[i%len(free)](has); err != nil {
			t.Fatalf("task %d: free %s: %v", i, has, err)
		}
		if err := run(wants); err != nil {
			t.Fatalf("task %d: %s after %s: %v", i, wants, has, err)
		}
		has, wants = wants, has
	}
}
