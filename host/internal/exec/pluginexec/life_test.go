package pluginexec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

func fails(t *testing.T, e *Executor, ctx context.Context, nodeType string) *sdk.Error {
	t.Helper()
	_, err := e.Execute(ctx, &sdk.Task{Type: nodeType, Inputs: sdk.Values{}})
	var got *sdk.Error
	if !errors.As(err, &got) {
		t.Fatalf("%s: got %v, want an *sdk.Error", nodeType, err)
	}
	return got
}

func gone(t *testing.T, pids []int) {
	t.Helper()
	if len(pids) < 3 {
		t.Fatalf("processes: %v", pids)
	}
	noneLeft(t, pids)
}

// TestNothingLeft: whatever ends a plugin, its children end too.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, e *Executor, pids []int){
		"close":       func(t *testing.T, e *Executor, _ []int) { e.Close() },
		"plugin kill": func(_ *testing.T, _ *Executor, pids []int) { syscall.Kill(pids[0], syscall.SIGKILL) },
		"plugin term": func(_ *testing.T, _ *Executor, pids []int) { syscall.Kill(pids[0], syscall.SIGTERM) },
		"crash": func(t *testing.T, e *Executor, _ []int) {
			fails(t, e, t.Context(), "test.crash")
		},
		"hang": func(t *testing.T, e *Executor, _ []int) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			hang := (&sdk.Task{Type: "test.hang", Inputs: sdk.Values{}}).WithReporter(func(sdk.Report) { cancel(context.DeadlineExceeded) })
			if _, err := e.Execute(ctx, hang); err == nil || sdk.AsError(err).Cause != sdk.CauseHung {
				t.Errorf("got %+v", err)
			}
		},
		"stopped process": func(t *testing.T, e *Executor, pids []int) {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := e.Execute(ctx, &sdk.Task{Type: "test.stop_self", Inputs: sdk.Values{}})
				ended <- err
			}()
			until(t, "the plugin stopped", func() bool { return stopped(pids[0]) })
			cancel(context.DeadlineExceeded)
			if err := <-ended; err == nil || sdk.AsError(err).Cause != sdk.CauseHung {
				t.Errorf("got %+v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t, as(t, "plugin"), nil)
			pids := pidsOf(mustRun(t, e, "test.spawn", nil))
			for _, p := range pids {
				if !alive(p) {
					t.Fatalf("%d is not alive to begin with", p)
				}
			}
			end(t, e, pids)
			gone(t, pids)
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", pids[0])); err == nil {
				until(t, "the plugin reaped", func() bool { _, err := os.Stat(fmt.Sprintf("/proc/%d", pids[0])); return err != nil })
			}
		})
	}
}

// TestHostKilled: SIGKILL of the host leaves nothing behind, idle, working or stopped.
func TestHostKilled(t *testing.T) {
	t.Parallel()
	for _, busy := range []string{"", "hang", "stop_self"} {
		t.Run("busy "+busy, func(t *testing.T) {
			t.Parallel()
			b, host := as(t, "plugin"), as(t, "host")
			sockets, err := os.MkdirTemp("", "sb")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(sockets) })
			cmd := exec.Command(host.Path)
			cmd.Env = append(os.Environ(), "TEST_PLUGIN="+b.Path, "TEST_SUM="+b.SHA256, "TEST_SOCKETS="+sockets, "TEST_BUSY="+busy)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var pids []int
			if err := json.NewDecoder(out).Decode(&pids); err != nil {
				t.Fatal(err)
			}
			if busy == "stop_self" {
				until(t, "the plugin stopped", func() bool { return stopped(pids[0]) })
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			gone(t, pids)
			e := open(t, b, func(c *Config) { c.SocketDir = sockets })
			if left, _ := filepath.Glob(sockets + "/*"); len(left) != 0 {
				t.Errorf("the next host left %v of the one before", left)
			}
			mustRun(t, e, "test.echo", sdk.Values{"value": "again"})
		})
	}
}

// stopped says whether every thread is: the kernel wakes the orphans of a dead host only once all of it has stopped.
func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range threads {
		if b, _ := os.ReadFile(path); !strings.Contains(string(b), ") T ") {
			return false
		}
	}
	return len(threads) > 0
}

// TestMarks: host and plugin look for the same mark.
func TestMarks(t *testing.T) {
	t.Parallel()
	if group.EnvMark != wire.EnvMark {
		t.Errorf("the host marks by %s, plugins look for %s", group.EnvMark, wire.EnvMark)
	}
}

func TestCrash(t *testing.T) {
	t.Parallel()
	e := open(t, as(t, "plugin"), nil)
	got := fails(t, e, t.Context(), "test.crash")
	if got.Cause != sdk.CauseFailed || got.Permanent || !strings.Contains(got.Message, "plugin test crashed: exit 3") ||
		!strings.Contains(got.Detail, "going down") {
		t.Errorf("got %+v", got)
	}
	got = fails(t, e, t.Context(), "test.late_panic")
	if got.Cause != sdk.CauseFailed || !strings.Contains(got.Message, "crashed: exit 2") || !strings.Contains(got.Detail, "panic: in a goroutine") {
		t.Errorf("got %+v", got)
	}
	mustRun(t, e, "test.echo", sdk.Values{"value": "alive"})
}

// TestHangTakesOthers: when a process must be killed, the innocent tasks in it are lost, not failed.
func TestHangTakesOthers(t *testing.T) {
	t.Parallel()
	e := open(t, as(t, "plugin"), nil)
	mustRun(t, e, "test.echo", nil2())
	var wg sync.WaitGroup
	started := make(chan struct{})
	var innocent *sdk.Error
	wg.Go(func() {
		close(started)
		_, err := e.Execute(context.Background(), &sdk.Task{Type: "test.wait", Inputs: sdk.Values{"for": "1h"}})
		innocent = sdk.AsError(err)
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	until(t, "the innocent task in the process", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, s := range e.slots {
			if s.process != nil {
				s.process.mu.Lock()
				n := len(s.process.tasks)
				s.process.mu.Unlock()
				return n == 1
			}
		}
		return false
	})
	guilty := &sdk.Task{Type: "test.hang", Inputs: sdk.Values{}, Address: sdk.Address{Run: "run_guilty"}}
	_, err := e.Execute(ctx, guilty.WithReporter(func(sdk.Report) { cancel() })) // it says that it hangs
	if got := sdk.AsError(err); got == nil || got.Cause != sdk.CauseCancelled {
		t.Errorf("the guilty one: %+v", got)
	}
	wg.Wait()
	if innocent == nil || innocent.Cause != sdk.CauseLost || !strings.Contains(innocent.Message, "run_guilty") {
		t.Errorf("the innocent one: %+v", innocent)
	}
	mustRun(t, e, "test.echo", sdk.Values{"value": "alive"})
}

func nil2() sdk.Values { return sdk.Values{"value": "x"} }

// TestCauseOfContext: whoever cancels may say why, as an *sdk.Error.
func TestCauseOfContext(t *testing.T) {
	t.Parallel()
	e := open(t, as(t, "plugin"), nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := &sdk.Error{Cause: sdk.CauseHung, Message: "no report for 2m"}
	timer := time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	defer timer.Stop()
	_, err := e.Execute(ctx, &sdk.Task{Type: "test.wait", Inputs: sdk.Values{"for": "1h"}})
	if got := sdk.AsError(err); got == nil || got.Cause != why.Cause || got.Message != why.Message {
		t.Errorf("got %+v, want %+v", got, why)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hidden")
	t.Setenv("SPINBOT_PLUGIN_COLOUR", "green")
	t.Setenv("MINE", "shown")
	e := open(t, as(t, "plugin"), func(c *Config) { c.Env = []string{"MINE"} })
	seen := func(devices ...string) string {
		r, err := e.Execute(t.Context(), &sdk.Task{Type: "test.environ", Inputs: sdk.Values{}, Devices: devices})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(r.Outputs["environ"])
	}
	env := seen()
	for _, want := range []string{"PATH=", "SPINBOT_PLUGIN_COLOUR=green", "MINE=shown"} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is missing in %s", want, env)
		}
	}
	for _, leak := range []string{"hidden", "CUDA_VISIBLE_DEVICES"} {
		if strings.Contains(env, leak) {
			t.Errorf("%s is in %s", leak, env)
		}
	}
	if env := seen("GPU-b", "GPU-a"); !strings.Contains(env, "CUDA_VISIBLE_DEVICES=GPU-a,GPU-b") {
		t.Errorf("devices are not pinned: %s", env)
	}
}

func TestOneProcessPerDeviceSet(t *testing.T) {
	t.Parallel()
	e := open(t, as(t, "plugin"), nil)
	pid := func(devices ...string) string {
		r, err := e.Execute(t.Context(), &sdk.Task{Type: "test.spawn", Inputs: sdk.Values{}, Devices: devices})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(r.Outputs["plugin"])
	}
	none, a, again, ab, ba := pid(), pid("a"), pid("a"), pid("a", "b"), pid("b", "a")
	if none == a || a != again || ab == a || ab != ba {
		t.Errorf("processes: none %s, a %s and %s, ab %s, ba %s", none, a, again, ab, ba)
	}
}

// TestNewBinary: a plugin that was replaced ends once its tasks have.
func TestNewBinary(t *testing.T) {
	t.Parallel()
	old, now := as(t, "plugin"), as(t, "second")
	current := old
	var mu sync.Mutex
	e := open(t, old, func(c *Config) {
		c.Resolve = func(string) (Binary, error) { mu.Lock(); defer mu.Unlock(); return current, nil }
	})
	pids := pidsOf(mustRun(t, e, "test.spawn", nil))
	mu.Lock()
	current = now
	mu.Unlock()
	mustRun(t, e, "test.echo", nil2())
	gone(t, pids)
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *safeBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

func TestLog(t *testing.T) {
	t.Parallel()
	var out safeBuffer
	e := open(t, as(t, "plugin"), func(c *Config) { c.Log = slog.New(slog.NewJSONHandler(&out, nil)) })
	a := sdk.Address{Run: "run_1", Node: sdk.Step{Kind: "node", Name: "a"}, Attempt: 1}
	if _, err := e.Execute(t.Context(), &sdk.Task{Type: "test.print", Inputs: sdk.Values{}, Address: a}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"said on stdout", "said on stderr", "said on descriptor 1", "said by slog"} {
		until(t, want, func() bool { return strings.Contains(out.String(), want) })
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "said by slog") && (!strings.Contains(line, `"task":"run_1/node.a/1"`) || !strings.Contains(line, `"size":7`) ||
			!strings.Contains(line, `"level":"WARN"`) || !strings.Contains(line, `"plugin":"test"`)) {
			t.Errorf("got %s", line)
		}
	}
}

func TestConcurrencyOfNodeType(t *testing.T) {
	t.Parallel()
	for nodeType, one := range map[string]bool{"test.one": true, "test.many": false} {
		t.Run(nodeType, func(t *testing.T) {
			t.Parallel()
			e := open(t, as(t, "plugin"), nil)
			var wg sync.WaitGroup
			for range 12 {
				wg.Go(func() { mustRun(t, e, nodeType, nil) })
			}
			wg.Wait()
			if got := fmt.Sprint(mustRun(t, e, nodeType, nil)["most"]); (got == "1") != one {
				t.Errorf("%s ran at once", got)
			}
		})
	}
}

// TestFlood: under load reports are dropped, but for the last checkpoint, and the rest keep their order.
func TestFlood(t *testing.T) {
	t.Parallel()
	e := open(t, as(t, "plugin"), nil)
	var got []sdk.Report
	task := sdk.Task{Type: "test.flood", Inputs: sdk.Values{"count": json.Number("20000")}}.WithReporter(func(r sdk.Report) { got = append(got, r) })
	if _, err := e.Execute(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	last := -1.0
	for _, r := range got[:len(got)-1] {
		if r.Fraction <= last {
			t.Fatalf("%v after %v", r.Fraction, last)
		}
		last = r.Fraction
	}
	if string(got[len(got)-1].Checkpoint) != "at the end" {
		t.Errorf("the last report is %+v", got[len(got)-1])
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	e := open(t, as(t, "plugin"), nil)
	mustRun(t, e, "test.echo", nil2())
	done := make(chan *sdk.Error)
	go func() {
		_, err := e.Execute(context.Background(), &sdk.Task{Type: "test.wait", Inputs: sdk.Values{"for": "1h"}})
		done <- sdk.AsError(err)
	}()
	until(t, "the task in the process", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, s := range e.slots {
			s.process.mu.Lock()
			n := len(s.process.tasks)
			s.process.mu.Unlock()
			if n == 1 {
				return true
			}
		}
		return false
	})
	e.Close()
	if got := <-done; got == nil || got.Cause != sdk.CauseDrained {
		t.Errorf("got %+v", got)
	}
	if got := fails(t, e, t.Context(), "test.echo"); got.Cause != sdk.CauseDrained {
		t.Errorf("after Close: %+v", got)
	}
	if _, err := os.Stat(e.dir); err == nil {
		t.Errorf("%s is still there", e.dir)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
