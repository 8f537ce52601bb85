// Package engine is the only loop: decide, append the intent, execute, append the result. It turns the commands of
// core/run into effects and their outcomes into events. Recovery is the same code: read the journal, fold, decide.
//
// A run is advanced by at most one goroutine at a time, started when something happens to it and gone when
// nothing is left to do, so a waiting run costs no goroutine. Nothing derived from an event that is not durable
// leaves the engine. It imports no adapter.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Vault is where secrets come from, and what keeps sensitive values out of the journal.
type Vault interface {
	pipeline.Vault
	// Resolve makes sure that secrets are there; it may ask for them, and wait. Its error is for people.
	Resolve(ctx context.Context, secrets []string) error
}

// Config is what an engine works with.
type Config struct {
	// Vault may be nil: then no pipeline may have secrets or sensitive variables.
	Vault Vault
	// Mask takes sensitive text out of errors before they are recorded; nil: they are recorded as they are.
	Mask      func(string) string
	Journal   store.Journal
	Index     store.Index // not read; whoever lists runs asks it directly
	Artifacts artifacts.Store
	Executor  exec.Executor
	Placer    Placer // nil: there are no devices, and nobody waits for one
	// Elsewhere says whether an agent is on another machine: what it works at goes on when this host stops, and is asked for
	// when it begins again. nil: none is.
	Elsewhere func(agent string) bool
	// Spread says whether tasks of a node type that need no device go to any agent that offers it, as the Placer decides.
	// Those that run ahead never do. nil: none does, and they are carried out here.
	Spread func(sdk.NodeType) bool
	Cache  cache.Store // of results; nil: none is kept
	// RunsAhead says whether tasks of a node type may start before their intent is durable: control nodes
	// without grants, which can be repeated without harm. nil: none.
	RunsAhead func(sdk.NodeType) bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Reports, when set, gets every report of an attempt whose start is durable, as it comes in. It must not block.
	Reports func(sdk.Address, sdk.Report)
	// Observe, when set, gets every event once it is durable, in order within a run. It must not block.
	Observe func(run.ID, run.Event)
	// Left, when set, is told of each run that another host goes on with, once this one has let go of it. It must not block.
	Left func(run.ID)
	// MaxControl and MaxTasks bound how many tasks that run ahead, and how many others, are under way at once.
	// 0: one per core, and 256. A node type's own Concurrency bounds it further.
	MaxControl, MaxTasks int
	// MaxRuns bounds how many runs go on at once; others wait in a queue, on disk. 0: 1024.
	MaxRuns int
}

// The errors an engine gives, besides those of its store.
var (
	// ErrClosed: the engine is shutting down.
	ErrClosed = errors.New("the host is shutting down; the run will be resumed at its next start")
	// ErrNotResumable: the run has not failed and was not cancelled.
	ErrNotResumable = errors.New("only a failed or cancelled run can be resumed")
	// ErrEnded: the run has ended already.
	ErrEnded = errors.New("the run has ended")
)

// Engine advances runs. It is safe for concurrent use.
type Engine struct {
	cfg    Config
	slots  *slotTable
	timers *timers
	pipes  pipeCache

	flights flights
	queue   *queue

	// tasks ends when running attempts are to stop; its cause says why.
	tasks     context.Context
	stopTasks context.CancelCauseFunc
	// afar ends when attempts on other machines are to be let go.
	afar  context.Context
	letGo context.CancelCauseFunc

	// taking is held from reading a run's journal until the run is live: in between nobody may append to it.
	taking sync.Mutex
	// naming is held from looking for a run whose ID was given until its first event is durable.
	naming sync.Mutex

	mu      sync.Mutex
	live    map[run.ID]*live
	failed  error // set once the store took no more appends
	closing bool
	busy    int           // drives and attempts under way
	idle    chan struct{} // closed when closing and busy is 0: none begins any more
}

// New makes an engine. It resumes nothing by itself: see Adopt. Close it in the end.
func New(cfg Config) *Engine {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Mask == nil {
		cfg.Mask = func(s string) string { return s }
	}
	if cfg.RunsAhead == nil {
		cfg.RunsAhead = func(sdk.NodeType) bool { return false }
	}
	if cfg.MaxControl == 0 {
		cfg.MaxControl = runtime.GOMAXPROCS(0)
	}
	if cfg.MaxTasks == 0 {
		cfg.MaxTasks = 256
	}
	if cfg.MaxRuns == 0 {
		cfg.MaxRuns = 1024
	}
	e := &Engine{cfg: cfg, queue: newQueue(cfg.MaxRuns), live: make(map[run.ID]*live), idle: make(chan struct{})}
	e.tasks, e.stopTasks = context.WithCancelCause(context.Background())
	e.afar, e.letGo = context.WithCancelCause(context.Background())
	e.slots = newSlotTable(cfg.MaxControl, cfg.MaxTasks, func(l *live, p place) { e.post(l, granted(p)) })
	e.timers = newTimers(cfg.Now, func(l *live) { e.post(l, wake{}) })
	return e
}

// register makes the run live with its first message. It fails when the engine takes no more.
func (e *Engine) register(l *live, first message) error {
	l.inbox = append(l.inbox, first) // before anybody else can find the run
	e.mu.Lock()
	err := e.err()
	if err == nil {
		e.live[l.id] = l
	}
	e.mu.Unlock()
	if err == nil {
		e.post(l, wake{})
	}
	return err
}

func (e *Engine) find(id run.ID) *live {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.live[id]
}

// begin counts a drive or an attempt in, unless the engine has closed.
func (e *Engine) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing && e.busy == 0 {
		return false
	}
	e.busy++
	return true
}

func (e *Engine) done() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy--; e.busy == 0 && e.closing {
		close(e.idle)
	}
}

// Err says why the engine takes no more work: nil while it does.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err()
}

func (e *Engine) err() error {
	if e.failed == nil && e.closing {
		return ErrClosed
	}
	return e.failed
}

// refused lets go of a run whose events could not be appended: its state in memory is ahead of the journal. When
// the journal takes no more events of any run, all of them go.
func (e *Engine) refused(l *live, err error) {
	switch {
	case errors.Is(err, store.ErrStopped) || errors.Is(err, store.ErrClosed):
		e.fail(err)
	case errors.Is(err, store.ErrNotOwned):
		e.cfg.Log.Warn(err.Error())
		e.drop(l, err)
		return
	default:
		e.cfg.Log.Error("run set aside", "run", l.id, "error", err)
	}
	e.drop(l, fmt.Errorf("%s: its journal took no more events: %w; resume it to go on from what is recorded", l.id, err))
}

func (e *Engine) fail(err error) {
	e.mu.Lock()
	if e.failed != nil {
		e.mu.Unlock()
		return
	}
	e.failed = fmt.Errorf("the journal took no more events: %w; restart the host to go on from what it holds", err)
	why := e.failed
	e.mu.Unlock()
	e.cfg.Log.Error("engine stopped", "error", err)
	e.slots.close()
	e.timers.close()
	e.letGo(exec.ErrLetGo)
	e.stopTasks(why)
	e.dropAll(why)
}

func (e *Engine) dropAll(why error) {
	e.mu.Lock()
	all := make([]*live, 0, len(e.live))
	for _, l := range e.live {
		all = append(all, l)
	}
	e.mu.Unlock()
	for _, l := range all {
		e.drop(l, why)
	}
}

// drop lets go of a run: it has ended durably (ErrEnded), or cannot go on here.
func (e *Engine) drop(l *live, why error) {
	e.mu.Lock()
	if e.live[l.id] == l {
		delete(e.live, l.id)
	}
	e.mu.Unlock()
	l.mu.Lock()
	if l.over != nil {
		l.mu.Unlock()
		return
	}
	l.over = why
	inbox := l.inbox
	l.inbox = slices.DeleteFunc(slices.Clone(inbox), func(m message) bool { _, ok := m.(landed); return !ok }) // its driver has to see it
	l.mu.Unlock()
	for _, m := range inbox {
		e.turnAway(m, why)
	}
	e.slots.leave(l)
	l.unwant(e, func(*run.Instance) bool { return true })
	e.timers.set(l, time.Time{})
	if errors.Is(why, store.ErrNotOwned) {
		e.left(l.id)
	}
	close(l.gone)
	if l.ticket != nil {
		e.queue.leave(l.ticket, l.resting.Load())
		e.pump()
	}
}

// Live says how many runs are in memory.
func (e *Engine) Live() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.live)
}

// Working says how many runs go on or will do so by themselves: those that only wait for a person are not counted.
func (e *Engine) Working() int {
	_, n, paused := e.Queue(1)
	if paused {
		n = 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.live {
		if !l.resting.Load() {
			n++
		}
	}
	return n
}

// Close stops claiming at once, lets running attempts finish until ctx ends, then stops them; they are recorded as
// drained and go on at the next start. Attempts on other machines are let go at once: they go on there. It returns when nothing of the engine runs any more.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closing {
		e.closing = true
		if e.busy == 0 {
			close(e.idle)
		}
	}
	e.mu.Unlock()
	e.slots.close()
	e.timers.close()
	e.letGo(exec.ErrLetGo)
	select {
	case <-e.idle:
	case <-ctx.Done():
		e.stopTasks(&sdk.Error{Cause: sdk.CauseDrained, Message: "the host shut down"})
		<-e.idle
	}
	e.stopTasks(ErrClosed)
	e.dropAll(ErrClosed)
	return nil
}
