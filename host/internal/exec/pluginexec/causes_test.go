package pluginexec

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// TestCauses: what can go wrong on a device, each with a real process.
func TestCauses(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	for name, c := range map[string]struct {
		then          string
		cause         sdk.Cause
		message, hint string // contained
		detail        string
		lives         bool // the process goes on
		noDevice      bool
		permanent     bool
	}{
		"typed":                     {then: "typed", cause: sdk.CauseOOM, message: "the picture does not fit", hint: "draw a smaller one", lives: true},
		"memory, in an error":       {then: "fail RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB", cause: sdk.CauseOOM, message: "CUDA out of memory", hint: "degrade", lives: true},
		"memory, refused":           {then: "refuse CUDA error: out of memory", cause: sdk.CauseOOM, message: "CUDA error: out of memory", hint: "degrade", lives: true},
		"memory, before a crash":    {then: "crash ggml_backend_cuda_buffer_type_alloc_buffer: allocating 183.73 MiB on device 0: cudaMalloc failed", cause: sdk.CauseOOM, message: "plugin test crashed: exit 3, after it said: ggml", hint: "degrade", detail: "183.73 MiB"},
		"the machine's memory":      {then: "fail std::bad_alloc", cause: sdk.CauseFailed, message: "std::bad_alloc", lives: true},
		"the machine's, in a crash": {then: "crash terminate called after throwing 'std::bad_alloc'", cause: sdk.CauseFailed, message: "plugin test crashed: exit 3", hint: "last lines", detail: "bad_alloc"},
		"a crash":                   {then: "crash going down", cause: sdk.CauseFailed, message: "plugin test crashed: exit 3", hint: "new process", detail: "going down"},
		"a signal":                  {then: "signal 6", cause: sdk.CauseFailed, message: "plugin test crashed: ", hint: "new process"},
		"killed":                    {then: "signal 9", cause: sdk.CauseFailed, message: "plugin test crashed: killed", hint: "somebody killed it"},
		"broken":                    {then: "fail CUDA error: an illegal memory access was encountered", cause: sdk.CauseFailed, message: "illegal memory access", hint: "its process is ended"},
		"broken for good":           {then: "refuse CUDA error: unspecified launch failure", cause: sdk.CauseFailed, message: "unspecified launch failure", hint: "its process is ended"},
		"lost":                      {then: "fail GPU is lost. Reboot the system", cause: sdk.CauseLost, message: "the task lost its device on fake-a: GPU is lost", hint: "spinbot devices"},
		"lost, before a crash":      {then: "crash CUDA error: all CUDA-capable devices are busy or unavailable", cause: sdk.CauseLost, message: "lost its device on fake-a: plugin test crashed: exit 3, after it said", hint: "spinbot devices", detail: "unavailable"},
		"none seen":                 {then: "fail no CUDA-capable device is detected", cause: sdk.CauseLost, message: "lost its device on fake-a", hint: "spinbot devices"},
		"none given":                {then: "fail no CUDA-capable device is detected", cause: sdk.CauseFailed, message: "no CUDA-capable", hint: "give its node a device block", lives: true, noDevice: true},
		"none given, refused":       {then: "refuse no CUDA-capable device is detected", cause: sdk.CauseFailed, message: "no CUDA-capable", hint: "give its node a device block", lives: true, noDevice: true, permanent: true},
		"refused":                   {then: "refuse no such voice", cause: sdk.CauseFailed, message: "no such voice", hint: "no way", lives: true, permanent: true},
	} {
		t.Run(name, func(t *testing.T) {
			devices := []string{"fake-a"}
			if c.noDevice {
				devices = nil
			}
			before := load(t, e, nil, devices...)["pid"]
			_, err := e.Execute(t.Context(), loading(sdk.Values{"then": c.then}, devices...))
			got := sdk.AsError(err)
			if got == nil || got.Cause != c.cause || got.Permanent != c.permanent || !strings.Contains(got.Message, c.message) ||
				!strings.Contains(got.Hint, c.hint) || !strings.Contains(got.Detail, c.detail) {
				t.Errorf("got %+v", got)
			}
			var lost *exec.DeviceLostError
			if errors.As(err, &lost) != (c.cause == sdk.CauseLost) || lost != nil && !slices.Equal(lost.Devices, devices) {
				t.Errorf("device lost: %+v", lost)
			}
			if after := load(t, e, nil, devices...)["pid"]; (after == before) != c.lives {
				t.Errorf("process %v, then %v", before, after)
			}
		})
	}
}

// TestOldWords: what a process said before the task is not why it crashed.
func TestOldWords(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	load(t, e, sdk.Values{"then": "say CUDA out of memory, so I tried again with less"}, "fake-a")
	until(t, "its words in the log", func() bool {
		for _, p := range e.family(familyOf("test", []string{"fake-a"})) {
			return strings.Contains(p.tail.String(), "CUDA out of memory")
		}
		return false
	})
	_, err := e.Execute(t.Context(), loading(sdk.Values{"then": "crash something else"}, "fake-a"))
	if got := sdk.AsError(err); got.Cause != sdk.CauseFailed || !strings.Contains(got.Detail, "out of memory") {
		t.Errorf("got %+v", got)
	}
}

// TestHung: silence ends a task, whether it listens or not, and its process with it.
func TestHung(t *testing.T) {
	t.Parallel()
	for _, then := range []string{"hold", "deaf"} {
		t.Run(then, func(t *testing.T) {
			t.Parallel()
			e := holds(t, func(c *Config) { c.Grace = 500 * time.Millisecond })
			before := load(t, e, nil, "fake-a")["pid"]
			limited := exec.Deadline(e, func(string) time.Duration { return 2 * time.Second })
			_, err := limited.Execute(t.Context(), loading(sdk.Values{"then": then}, "fake-a"))
			if got := sdk.AsError(err); got.Cause != sdk.CauseHung || !strings.Contains(got.Message, "said nothing for 2s") {
				t.Errorf("got %+v", got)
			}
			if after := load(t, e, nil, "fake-a")["pid"]; after == before {
				t.Error("the next task runs in the same process")
			}
			only(t, e, "one process", func(Warm) bool { return true })
		})
	}
}

// TestPluginRingsFirst: at the deadline the host's reason holds and the plugin's word stays beside it, whoever's clock rang first.
func TestPluginRingsFirst(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	load(t, e, nil, "fake-a") // its process is there in time
	task := loading(sdk.Values{"then": "hold"}, "fake-a")
	task.Deadline = time.Now().Add(100 * time.Millisecond)
	why := &sdk.Error{Cause: sdk.CauseHung, Message: "out of time"}
	ctx, cancel := context.WithDeadlineCause(t.Context(), task.Deadline.Add(500*time.Millisecond), why)
	defer cancel()
	_, err := e.Execute(ctx, task)
	if got := sdk.AsError(err); got.Cause != sdk.CauseHung || got.Message != "out of time" || got.Detail != "the task was still running at its deadline" {
		t.Errorf("got %+v, detail %q", got, got.Detail)
	}
}

// TestCancelKeepsProcess: a cancelled task that listens costs nobody a warm process.
func TestCancelKeepsProcess(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	before := load(t, e, nil, "fake-a")["pid"]
	stop := holding(t, e, t.Context(), sdk.Values{}, "fake-a")
	if got := sdk.AsError(stop()); got.Cause != sdk.CauseCancelled {
		t.Errorf("got %+v", got)
	}
	if after := load(t, e, nil, "fake-a")["pid"]; after != before {
		t.Errorf("process %v, then %v", before, after)
	}
}

// TestKernelKill: the kernel's out-of-memory killer is named when there is evidence of it.
func TestKernelKill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after int64
		known bool
		want  string
	}{
		"evidence":    {1, true, "was killed by the kernel, it seems: the machine"},
		"no evidence": {0, true, "crashed: killed"},
		"unknown":     {1, false, "crashed: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := holds(t, nil)
			kills := int64(0)
			e.oomKills = func() (int64, bool) { return kills, c.known }
			load(t, e, nil, "fake-a")
			kills = c.after
			_, err := e.Execute(context.Background(), loading(sdk.Values{"then": "signal 9"}, "fake-a"))
			if got := sdk.AsError(err); got.Cause != sdk.CauseFailed || !strings.Contains(got.Message, c.want) || got.Hint == "" {
				t.Errorf("got %+v", got)
			}
		})
	}
}
