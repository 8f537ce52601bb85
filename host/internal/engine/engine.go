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
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Config is what an engine works with.
type Config struct {
	Journal   store.Journal
	Index     store.Index
	Artifacts artifacts.Store
	Executor  exec.Executor
	// RunsAhead says whether tasks of a node type may start before their intent is durable: control nodes
	// without grants, which can be repeated without harm. nil: none.
	RunsAhead func(sdk.NodeType) bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Reports, when set, gets every report as it comes in. It must not block.
	Reports func(sdk.Address, sdk.Report)
	// Observe, when set, gets every event once it is durable, in order within a run. It must not block.
	Observe func(run.ID, run.Event)
	// MaxControl and MaxTasks bound how many tasks that run ahead, and how many others, are under way at once.
	// 0: one per core, and 256. A node type's own Concurrency bounds it further.
	MaxControl, MaxTasks int
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
	rings  rings

	// tasks ends when running attempts are to stop; its cause says why.
	tasks     context.Context
	stopTasks context.CancelCauseFunc

	mu      sync.Mutex
	live    map[run.ID]*live
	closing bool
	failed  error          // set once the store took no more appends
	busy    sync.WaitGroup // drives and attempts under way
}

// New makes an engine. Call Start to resume what its journal holds, and Close in the end.
func New(cfg Config) *Engine {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
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
	e := &Engine{cfg: cfg, live: make(map[run.ID]*live)}
	e.tasks, e.stopTasks = context.WithCancelCause(context.Background())
	e.slots = newSlotTable(cfg.MaxControl, cfg.MaxTasks)
	e.timers = newTimers(cfg.Now, func(l *live) { e.post(l, wake{}) })
	return e
}

// Start resumes every run of the journal that has not ended. A run that cannot be resumed is logged and left as it
// is; the others go on.
func (e *Engine) Start(ctx context.Context) error {
	heads, err := e.cfg.Index.List(ctx, store.Query{States: []string{string(run.Created), string(run.Running), string(run.Paused)}})
	if err != nil {
		return fmt.Errorf("list unfinished runs: %w", err)
	}
	for k := len(heads) - 1; k >= 0; k-- { // oldest first
		if err := e.Adopt(ctx, run.ID(heads[k].Run)); err != nil && !errors.Is(err, ErrEnded) {
			e.cfg.Log.Error("run not resumed", "run", heads[k].Run, "error", err)
		}
	}
	return nil
}

// Adopt resumes one unfinished run of the journal. Attempts that were under way when its host died end as lost.
func (e *Engine) Adopt(ctx context.Context, id run.ID) error {
	l, err := e.load(ctx, id)
	if err != nil {
		return err
	}
	if l.state.Status.Ended() {
		return ErrEnded
	}
	if !e.register(l) {
		return nil // it is live already
	}
	e.post(l, recovered{})
	return nil
}

// register makes the run live; false when it is already, or the engine is closing.
func (e *Engine) register(l *live) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing || e.live[l.id] != nil {
		return false
	}
	e.live[l.id] = l
	return true
}

func (e *Engine) find(id run.ID) *live {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.live[id]
}

// Err says why the engine takes no more work: nil while it does.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed == nil && e.closing {
		return ErrClosed
	}
	return e.failed
}

// fail stops the engine after the store refused an append: what is in memory may be ahead of the journal.
func (e *Engine) fail(err error) {
	e.mu.Lock()
	first := e.failed == nil
	if first {
		e.failed = fmt.Errorf("the journal took no more events: %w; restart the host to go on from what it holds", err)
	}
	lives := e.takeAll()
	e.mu.Unlock()
	if first {
		e.cfg.Log.Error("engine stopped", "error", err)
		e.slots.close()
		e.stopTasks(e.failed)
	}
	for _, l := range lives {
		l.drop(e.failed)
	}
}

func (e *Engine) takeAll() []*live {
	all := make([]*live, 0, len(e.live))
	for _, l := range e.live {
		all = append(all, l)
	}
	clear(e.live)
	return all
}

// Live says how many runs are in memory.
func (e *Engine) Live() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.live)
}

// Close stops claiming at once, lets running attempts finish until ctx ends, then stops them; they are recorded as
// drained and go on at the next start.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.slots.close()
	e.timers.close()
	idle := make(chan struct{})
	go func() { e.busy.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
		e.stopTasks(&sdk.Error{Cause: sdk.CauseDrained, Message: "the host shut down"})
		<-idle
	}
	e.stopTasks(ErrClosed)
	e.mu.Lock()
	lives := e.takeAll()
	e.mu.Unlock()
	for _, l := range lives {
		l.drop(ErrClosed)
	}
	return nil
}
