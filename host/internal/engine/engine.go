// Package engine advances runs. It takes submissions, what people say, and what a restart left, and hands runs to its
// loop: decide, append the intent, execute, append the result. Recovery is the same code: read the journal, fold, decide.
//
// A run is advanced by at most one goroutine at a time, started when something happens to it and gone when
// nothing is left to do, so a waiting run costs no goroutine. Nothing derived from an event that is not durable
// leaves the engine. It imports no adapter.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/loop"
	"github.com/myspinbot/spinbot/host/internal/engine/queue"
	"github.com/myspinbot/spinbot/host/internal/engine/reuse"
	"github.com/myspinbot/spinbot/host/internal/engine/stored"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Vault is where secrets come from, and what keeps sensitive values out of the journal.
type Vault interface {
	eval.Vault
	// Resolve makes sure that secrets are there; it may ask for them, and wait. Its error is for people.
	Resolve(ctx context.Context, secrets []string) error
}

// Placer gives attempts the devices that they ask for.
type Placer = loop.Placer

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
	// Session names the process of an agent on another machine, which an intent notes; empty: nobody knows. nil: nobody does.
	Session func(agent string) string
	// Lived is when whoever advanced a run before this process last said that it lives; zero: nobody knows. nil: nobody ever does.
	Lived func(run.ID) time.Time
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
	ErrClosed = loop.ErrClosed
	// ErrNotResumable: the run has not failed and was not cancelled.
	ErrNotResumable = errors.New("only a failed or cancelled run can be resumed")
	// ErrEnded: the run has ended already.
	ErrEnded = loop.ErrEnded
	// ErrNotQueued says that a run does not wait for its turn here.
	ErrNotQueued = queue.ErrNotQueued
)

// Engine advances runs. It is safe for concurrent use.
type Engine struct {
	cfg     Config
	runs    *stored.Runs
	drafts  *draft.Config
	results *reuse.Results
	loop    *loop.Loop
	queue   *queue.Queue

	// taking is held from reading a run's journal until the run is live: in between nobody may append to it.
	taking sync.Mutex
	// naming is held from looking for a run whose ID was given until its first event is durable.
	naming sync.Mutex
	// moving is held while a run is moved in the queue, so that two do not get the same place.
	moving sync.Mutex
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
	e := &Engine{cfg: cfg, queue: queue.New(cfg.MaxRuns), runs: stored.New(cfg.Journal, cfg.Artifacts, cfg.Vault)}
	e.drafts = &draft.Config{Runs: e.runs, Vault: cfg.Vault, Mask: cfg.Mask, Log: cfg.Log}
	e.results = &reuse.Results{Cache: cfg.Cache, Artifacts: cfg.Artifacts, Now: cfg.Now, Log: cfg.Log}
	e.loop = loop.New(loop.Config{Drafts: e.drafts, Journal: cfg.Journal, Executor: cfg.Executor, Placer: cfg.Placer,
		Elsewhere: cfg.Elsewhere, Session: cfg.Session, Lived: cfg.Lived, Spread: cfg.Spread, Results: e.results, RunsAhead: cfg.RunsAhead, Now: cfg.Now, Reports: cfg.Reports,
		Observe: cfg.Observe, Left: cfg.Left, MaxControl: cfg.MaxControl, MaxTasks: cfg.MaxTasks, Rests: e.rests, Over: e.over})
	return e
}

// rests gives the place of a run back that only waits for a person, or takes it again.
func (e *Engine) rests(l *loop.Live, resting bool) {
	if l.Ticket == nil {
		return
	}
	if e.queue.Rest(resting); resting {
		e.pump()
	}
}

// over gives back what a run held that is not in memory any more.
func (e *Engine) over(l *loop.Live) {
	if l.Ticket != nil {
		e.queue.Leave(l.Ticket, l.Resting())
		e.pump()
	}
}

// Err says why the engine takes no more work: nil while it does.
func (e *Engine) Err() error { return e.loop.Err() }

// Live says how many runs are in memory.
func (e *Engine) Live() int { return e.loop.Live() }

// Working says how many runs go on or will do so by themselves: those that only wait for a person are not counted.
func (e *Engine) Working() int {
	_, n, paused := e.Queue(1)
	if paused {
		n = 0
	}
	return n + e.loop.Moving()
}

// Close stops claiming at once, lets running attempts finish until ctx ends, then stops them; they are recorded as
// drained and go on at the next start. Attempts on other machines are let go at once: they go on there. It returns when nothing of the engine runs any more.
func (e *Engine) Close(ctx context.Context) error { return e.loop.Close(ctx) }

// Keep stores what a pipeline needs, as Submit does, and gives its digest.
func (e *Engine) Keep(ctx context.Context, p *pipeline.Pipeline) (string, error) {
	_, digest, err := e.runs.Keep(ctx, p)
	return digest, err
}

// Bundled gives the pipeline of a digest that Keep gave.
func (e *Engine) Bundled(ctx context.Context, digest string) (*pipeline.Pipeline, error) {
	return e.runs.Bundled(ctx, digest)
}

// Document reads what was too big for an event, as the event refers to it.
func (e *Engine) Document(ctx context.Context, digest string, into any) error {
	return e.runs.Document(ctx, digest, into)
}

// Inputs gives the inputs of a run, also when they were too big for an event.
func (e *Engine) Inputs(ctx context.Context, s *progress.State) (sdk.Values, error) {
	return e.runs.Inputs(ctx, s)
}

// State gives the run as its durable events tell it: a private copy.
func (e *Engine) State(ctx context.Context, id run.ID) (*progress.State, error) {
	r, err := e.runs.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.State, nil
}

// Pipeline gives the pipeline of a run as it was when the run was made.
func (e *Engine) Pipeline(ctx context.Context, id run.ID) (*pipeline.Pipeline, error) {
	return e.runs.Pipeline(ctx, id)
}

// Known gives the result for a node of a key, and the attempt that gave it, when the cache has it.
func (e *Engine) Known(ctx context.Context, n *pipeline.Node, key string) (outputs sdk.Values, source string, ok bool) {
	if !e.results.Keeps(n) {
		return nil, "", false
	}
	found, ok := e.results.Find(ctx, n, key)
	return found.Outputs, found.Source, ok
}
