// Package wasmexec carries out the tasks of control nodes: WASM modules in a sandbox, under wazero.
//
// A module takes one of three forms, found out from its imports and exports:
//
//   - a reactor speaks the ABI of sdk/guest; its instances are pooled, reused for the same owner and pipeline, and reset
//     for others;
//   - an Extism plug-in imports extism:host/env: each export without parameters is a node type, or what its export
//     describe says is; its instances are reset for each task;
//   - a WASI command (_start) is started afresh for each task, reads the task as JSON from stdin and prints the result
//     as JSON: {"outputs": {…}} or {"error": {"message", "hint", "cause", "permanent", "detail"}}. The task is
//     {"type", "address", "owner", "pipeline", "time", "seed" (text), "deadline", "checkpoint" (base64), "inputs"}.
//     Started with the argument "describe" it prints its manifest. Each line on stderr is a line of log.
//
// Each module is given a meter when it is loaded: see the package meter. One that cannot be runs slower, and has no budget.
//
// The sandbox: limits on memory, time, work, output, reports and calls of the host; no file system but the task's input
// artifacts, read-only, under /artifacts; a clock that stands still at the task's time but for what the guest sleeps, which takes no real
// time; randomness seeded with the task's seed; no environment, no network. What goes beyond is behind grants: a node
// type declares what it asks for, a person gives it on this machine, and each use is checked and recorded. The package
// refuses modules that import anything else than WASI preview 1 and the functions of sdk/guest, or of Extism.
package wasmexec

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/kv"
	"github.com/myspinbot/spinbot/host/internal/outbound"
	"github.com/myspinbot/spinbot/sdk"
)

// Config of an Executor. Zero values take the defaults.
type Config struct {
	// CacheDir keeps compiled modules between processes; empty keeps none. A damaged one is emptied.
	CacheDir string
	// Resolve finds the module that offers a node type.
	Resolve func(nodeType string) (Module, error)
	// Grants says what a node type may do beyond its sandbox; nil: nothing. It is asked once for each task that wants
	// something.
	Grants func(nodeType string) (Grants, error)
	// Secret gives the value of a secret to put into a request; nil: there are none.
	Secret func(ctx context.Context, name string) (string, error)
	// KV keeps the state of nodes that were granted kv; nil: none is kept. Whoever made it closes it.
	KV kv.Store
	// Limits of a task that asks for none. Zeros: 64 MiB of memory, 5 s, 16 MiB of output, 1 MiB of reports, a million
	// calls of the host, and any cost.
	Limits sdk.Limits
	// Ceilings are the most that a task may ask for: more is refused. Zeros: 1 GiB of memory, 10 min, 256 MiB of
	// output, 64 MiB of reports, and any cost and number of calls.
	Ceilings sdk.Limits
	// Running is how many guests compute at once; twice the processors, at least 4.
	Running int
	// ModuleMemory is about how many bytes compiled modules take that no task uses, and that are kept; 512 MiB.
	ModuleMemory int64
	// IdleMemory is how many bytes of memory idle instances may have together; 256 MiB.
	IdleMemory int64
	// Waiting is how many guests wait for others at once, as for an HTTP response; 64.
	Waiting int
	Log     *slog.Logger
}

// Module says where a module's bytes are and what they must be.
type Module struct {
	Path  string // read when there are neither Bytes nor Load
	Bytes []byte
	Load  func() []byte // gives the bytes, once they are needed
	// SHA256 in hexadecimal, also with "sha256:" before it. Bytes that differ are refused. When empty the bytes are
	// read and hashed for every task.
	SHA256 string
}

// Executor runs control nodes; it implements exec.Executor.
type Executor struct {
	config Config
	slots  chan struct{} // one token per guest that may compute
	// waiting has one token per guest that waits for others, and does not compute
	waiting chan struct{}
	web     *outbound.Client
	cache   *cache
	base    context.Context // ends with Close
	stop    context.CancelCauseFunc
	tasks   sync.WaitGroup
	kept    atomic.Int64 // idle instances
	idle    atomic.Int64 // bytes of memory of theirs

	mu      sync.Mutex
	closed  bool
	modules map[string]*module // by SHA-256
	resting *time.Timer        // closes those that nobody uses; nil when none waits
}

var errClosed = errors.New("the host is shutting down")

// New makes an executor; it compiles nothing yet.
func New(c Config) *Executor {
	c.Ceilings = fill(c.Ceilings, sdk.Limits{
		Memory: 1 << 30, Time: 10 * time.Minute, Output: 256 << 20, Log: 64 << 20, Budget: math.MaxInt64, Calls: math.MaxInt64,
	})
	c.Limits = lower(fill(c.Limits, sdk.Limits{
		Memory: 64 << 20, Time: 5 * time.Second, Output: 16 << 20, Log: 1 << 20, Budget: math.MaxInt64, Calls: 1_000_000,
	}), c.Ceilings)
	c.Running = orElse(c.Running, max(4, 2*runtime.GOMAXPROCS(0)))
	c.ModuleMemory = orElse(c.ModuleMemory, 512<<20)
	c.IdleMemory = orElse(c.IdleMemory, 256<<20)
	c.Waiting = orElse(c.Waiting, 64)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e := &Executor{config: c, slots: make(chan struct{}, c.Running), modules: map[string]*module{}}
	e.waiting, e.web = make(chan struct{}, c.Waiting), outbound.New(outbound.Config{Secret: c.Secret})
	e.cache = newCache(c.CacheDir, c.Log)
	e.base, e.stop = context.WithCancelCause(context.Background())
	return e
}

func orElse[T int | int64 | time.Duration](v, fallback T) T {
	if v == 0 {
		return fallback
	}
	return v
}

// Execute runs one task to its end. See exec.Executor.
func (e *Executor) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	if !e.begin() {
		return sdk.Result{}, stopped(t.Type, errClosed)
	}
	defer e.tasks.Done()
	where, err := e.config.Resolve(t.Type)
	if err != nil {
		return sdk.Result{}, refuse(t.Type + ": " + err.Error())
	}
	limits, err := e.limits(t)
	if err != nil {
		return sdk.Result{}, err
	}
	m, err := e.module(ctx, where)
	if err != nil {
		return sdk.Result{}, err
	}
	defer m.release()
	if err := e.enter(ctx, t.Type); err != nil {
		return sdk.Result{}, err
	}
	defer func() { <-e.slots }()
	files := newArtifacts(t.Inputs)
	out, err := m.execute(ctx, t, limits, files)
	if err != nil {
		return sdk.Result{}, err
	}
	if err := files.giveBack(out); err != nil {
		return sdk.Result{}, err
	}
	return sdk.Result{Outputs: out}, nil
}

// Describe asks a module what it offers. The manifest is valid.
func (e *Executor) Describe(ctx context.Context, where Module) (sdk.Manifest, error) {
	if !e.begin() {
		return sdk.Manifest{}, stopped("describe", errClosed)
	}
	defer e.tasks.Done()
	m, err := e.module(ctx, where)
	if err != nil {
		return sdk.Manifest{}, err
	}
	defer m.release()
	if err := e.enter(ctx, m.name+": describe"); err != nil {
		return sdk.Manifest{}, err
	}
	defer func() { <-e.slots }()
	data, err := m.describe(ctx)
	if err != nil {
		return sdk.Manifest{}, err
	}
	manifest, err := sdk.ParseManifest(data)
	if err != nil {
		return sdk.Manifest{}, refuse(m.name + ": its manifest cannot be used: " + err.Error())
	}
	if m.unmetered != nil {
		for i := range manifest.NodeTypes {
			manifest.NodeTypes[i].Description += " (It runs slowly and without a budget, since it cannot be metered: " + m.unmetered.Error() + ".)"
		}
	}
	return manifest, nil
}

// Idle is how many instances are kept for the next task, and how many bytes of memory they hold.
func (e *Executor) Idle() (instances, bytes int64) { return e.kept.Load(), e.idle.Load() }

func (e *Executor) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.tasks.Add(1)
	}
	return !e.closed
}

// enter waits for leave to compute.
func (e *Executor) enter(ctx context.Context, what string) error {
	if ctx.Err() != nil {
		return stopped(what, context.Cause(ctx))
	}
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return stopped(what, context.Cause(ctx))
	case <-e.base.Done():
		return stopped(what, errClosed)
	}
}

// Close stops running guests, waits for them and frees every module.
func (e *Executor) Close() error {
	e.mu.Lock()
	e.closed = true
	if e.resting != nil {
		e.resting.Stop()
	}
	e.mu.Unlock()
	e.stop(errClosed)
	e.tasks.Wait()
	var errs []error
	for _, m := range e.modules {
		errs = append(errs, m.close())
	}
	clear(e.modules)
	e.web.Close()
	return errors.Join(errs...)
}

func refuse(message string) *sdk.Error {
	return &sdk.Error{Cause: sdk.CauseRefused, Message: message, Permanent: true}
}

// stopped tells why a guest was not run, or not to its end, by its context's cause.
func stopped(what string, cause error) *sdk.Error {
	var e *sdk.Error
	switch {
	case errors.As(cause, &e):
		return e
	case errors.Is(cause, errClosed):
		return &sdk.Error{Cause: sdk.CauseDrained, Message: what + ": stopped: " + cause.Error()}
	case errors.Is(cause, context.DeadlineExceeded):
		return &sdk.Error{Cause: sdk.CauseHung, Message: what + ": did not end before its deadline"}
	case errors.Is(cause, context.Canceled):
		return &sdk.Error{Cause: sdk.CauseCancelled, Message: what + ": cancelled"}
	}
	return &sdk.Error{Cause: sdk.CauseCancelled, Message: what + ": cancelled: " + cause.Error()}
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
}
