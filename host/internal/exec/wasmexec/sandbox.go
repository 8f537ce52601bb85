package wasmexec

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/myspinbot/spinbot/sdk"
)

// A sandbox is all that one instance can see of the world. It belongs to one task at a time.
type sandbox struct {
	memory memory
	stdin  bytes.Reader
	stdout capped
	stderr tail
	random rand.ChaCha8

	// task is the current one; nil between tasks.
	task    *sdk.Task
	files   *artifacts
	reports budget
	// now is the guest's clock in Unix nanoseconds, uptime its monotonic clock; both move only while it sleeps.
	now, uptime int64
	// door is the current task's way out, or the last one's.
	door door
	// cancel ends the current task of a guest without a meter.
	cancel context.CancelCauseFunc
	fuel
	kernel kernel // of an Extism plug-in
	// ctx is what a metered guest is called with: it tells host functions whose sandbox they are in, and never ends.
	ctx context.Context
	// calls of host functions, and how many there may be; bytes of the task and of its outcome.
	calls, mostCalls, in, out int64
	// spoiled: the guest changed what only a new instance can undo.
	spoiled bool
}

func newSandbox(l sdk.Limits) *sandbox {
	s := &sandbox{uptime: 1}
	s.stdout.full = func() { s.end(errOutput) }
	s.stderr.line = func(line string) { s.report(sdk.Report{Kind: sdk.ReportLog, Level: "info", Message: line}) }
	s.ctx = context.WithValue(context.Background(), sandboxKey{}, s)
	s.reset(nil, l, nil)
	return s
}

// reset gives the sandbox to a task, or takes it back with nil.
func (s *sandbox) reset(t *sdk.Task, l sdk.Limits, files *artifacts) {
	s.task, s.files = t, files
	s.memory.limit, s.memory.refused, s.memory.most = uint64(l.Memory), 0, uint64(len(s.memory.buf))
	s.stdout.limit = int(l.Output)
	s.calls, s.mostCalls, s.in, s.out = 0, l.Calls, 0, 0
	s.reports = budget(l.Log)
	s.stdout.Reset()
	s.stderr.reset()
	var seed [32]byte
	s.now = 0
	if t != nil {
		binary.LittleEndian.PutUint64(seed[:], t.Seed)
		if !t.Time.IsZero() {
			s.now = t.Time.UnixNano()
		}
	}
	s.random.Seed(seed)
}

// end stops the guest as soon as it can be.
func (s *sandbox) end(cause error) {
	if s.cause == nil {
		s.cause = cause
	}
	if s.cancel != nil {
		s.cancel(cause)
	}
}

// config is how an instance is made around the sandbox.
func (s *sandbox) config(args ...string) wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithName("").WithStartFunctions().WithArgs(args...).
		WithStdin(&s.stdin).WithStdout(&s.stdout).WithStderr(&s.stderr).
		WithRandSource(&s.random).
		WithWalltime(func() (int64, int32) {
			return floorDiv(s.now, 1e9), int32(s.now - floorDiv(s.now, 1e9)*1e9)
		}, sys.ClockResolution(1)).
		WithNanotime(func() int64 { return s.uptime }, sys.ClockResolution(1)).
		WithNanosleep(s.sleep).
		WithFSConfig(wazero.NewFSConfig().WithFSMount(view{s}, artifactsDir))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// sleep moves the guest's clock on and returns at once.
func (s *sandbox) sleep(ns int64) {
	if ns > 0 && ns < math.MaxInt64-max(s.now, s.uptime) {
		s.now += ns
		s.uptime += ns
	}
}

// withMemory makes an instance made under ctx take its memory from the sandbox.
func (s *sandbox) withMemory(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		return &s.memory
	}))
}

// report passes a report on while the task's budget lasts.
func (s *sandbox) report(r sdk.Report) {
	if s.task == nil {
		return
	}
	switch s.reports.take(len(r.Message)) {
	case allowed:
		s.task.Report(r)
	case justSpent:
		s.task.Report(sdk.Report{Kind: sdk.ReportLog, Level: "warn", Message: "this node reports too much: the rest is left out"})
	case refused:
	}
}

// budget is how many bytes one task may still report; each report counts a few more than it says.
type budget int

const reportSize = 128

type verdict int

const (
	allowed verdict = iota
	justSpent
	refused
)

func (b *budget) take(n int) verdict {
	if *b <= 0 {
		return refused
	}
	if *b -= budget(n + reportSize); *b <= 0 {
		return justSpent
	}
	return allowed
}

// capped keeps what is written up to a limit.
type capped struct {
	bytes.Buffer
	limit int
	full  func()
}

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.limit {
		c.full()
		return 0, io.ErrShortWrite
	}
	return c.Buffer.Write(p)
}

// tail passes lines on as they come and keeps the last few KiB.
type tail struct {
	kept []byte
	part []byte // of the current line
	line func(string)
}

const (
	tailSize = 4 << 10
	lineSize = 4 << 10
)

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-tailSize):]...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	for rest := p; len(rest) > 0; {
		line, more, whole := bytes.Cut(rest, []byte{'\n'})
		t.part = append(t.part, line[:min(len(line), lineSize-len(t.part))]...)
		if whole {
			t.flush()
		}
		rest = more
	}
	return len(p), nil
}

func (t *tail) flush() {
	if len(t.part) > 0 {
		t.line(string(bytes.ToValidUTF8(t.part, []byte("\uFFFD"))))
		t.part = t.part[:0]
	}
}

func (t *tail) reset() { t.kept, t.part = t.kept[:0], t.part[:0] }

func (t *tail) text() string {
	return string(bytes.ToValidUTF8(bytes.TrimSpace(t.kept), []byte("\uFFFD")))
}

// clockOf is the zero time's stand-in where a guest needs one.
func clockOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
