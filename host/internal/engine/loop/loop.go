// Package loop is the only loop: decide, append the intent, execute, append the result. It turns the commands of core/run/progress into
// effects and their outcomes into events. It knows the runs that are in memory; which those are, and what waits for its
// turn, is the engine's.
package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/alarm"
	"github.com/myspinbot/spinbot/host/internal/engine/crew"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/reuse"
	"github.com/myspinbot/spinbot/host/internal/engine/slots"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Config is what a loop works with. See engine.Config for what may be nil.
type Config struct {
	Drafts    *draft.Config
	Journal   store.Journal
	Executor  exec.Executor
	Placer    Placer
	Elsewhere func(agent string) bool
	Session   func(agent string) string
	Lived     func(run.ID) time.Time
	Spread    func(sdk.NodeType) bool
	Results   *reuse.Results
	RunsAhead func(sdk.NodeType) bool
	Now       func() time.Time
	Reports   func(sdk.Address, sdk.Report)
	Observe   func(run.ID, run.Event)
	Left      func(run.ID)
	// MaxControl and MaxTasks bound how many tasks that run ahead, and how many others, are under way at once.
	MaxControl, MaxTasks int
	// Rests is told when all that is left of a run waits for a person, and when that is over; Over when the run is not in
	// memory any more.
	Rests func(l *Live, resting bool)
	Over  func(*Live)
}

// The errors a loop gives, besides those of its store.
var (
	// ErrClosed: the engine is shutting down.
	ErrClosed = errors.New("the host is shutting down; the run will be resumed at its next start")
	// ErrEnded: the run has ended already.
	ErrEnded = errors.New("the run has ended")
)

// Loop advances runs. It is safe for concurrent use.
type Loop struct {
	cfg     Config
	slots   *slots.Table[*Live]
	timers  *alarm.Clock[*Live]
	flights reuse.Flights[*Live]
	crew    crew.Crew // drives and attempts
	rooms   sync.Pool // *[]run.Event: empty, with room
	teller  teller

	// tasks ends when running attempts are to stop; its cause says why.
	tasks     context.Context
	stopTasks context.CancelCauseFunc
	// afar ends when attempts on other machines are to be let go.
	afar  context.Context
	letGo context.CancelCauseFunc

	mu      sync.Mutex
	live    map[run.ID]*Live
	failed  error // set once the store took no more appends
	closing bool
	busy    int           // drives and attempts under way
	idle    chan struct{} // closed when closing and busy is 0: none begins any more
}

// New makes a loop. Close it in the end.
func New(cfg Config) *Loop {
	e := &Loop{cfg: cfg, live: make(map[run.ID]*Live), idle: make(chan struct{})}
	e.tasks, e.stopTasks = context.WithCancelCause(context.Background())
	e.afar, e.letGo = context.WithCancelCause(context.Background())
	e.slots = slots.New(cfg.MaxControl, cfg.MaxTasks, func(l *Live, p slots.Place) { e.Post(l, granted(p)) })
	e.timers = alarm.New(cfg.Now, func(l *Live) { e.Post(l, wake{}) })
	return e
}

// Register makes the run live with its first Message. It fails when the engine takes no more.
func (e *Loop) Register(l *Live, first Message) error {
	l.inbox = append(l.inbox, first) // before anybody else can find the run
	e.mu.Lock()
	err := e.err()
	if err == nil {
		e.live[l.ID] = l
	}
	e.mu.Unlock()
	if err == nil {
		e.Post(l, wake{})
	}
	return err
}

// Find gives a run that is in memory; nil when it is not.
func (e *Loop) Find(id run.ID) *Live {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.live[id]
}

// Begin counts a drive or an attempt in, unless the engine has closed.
func (e *Loop) Begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing && e.busy == 0 {
		return false
	}
	e.busy++
	return true
}

// Done counts it out.
func (e *Loop) Done() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy--; e.busy == 0 && e.closing {
		close(e.idle)
	}
}

// Err says why the engine takes no more work: nil while it does.
func (e *Loop) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err()
}

func (e *Loop) err() error {
	if e.failed == nil && e.closing {
		return ErrClosed
	}
	return e.failed
}

// refused lets go of a run whose events could not be appended: its state in memory is ahead of the journal. When
// the journal takes no more events of any run, all of them go.
func (e *Loop) refused(l *Live, err error) {
	switch {
	case errors.Is(err, store.ErrStopped) || errors.Is(err, store.ErrClosed):
		e.Fail(err)
	case errors.Is(err, store.ErrNotOwned):
		e.cfg.Drafts.Log.Warn(err.Error())
		e.drop(l, err)
		return
	default:
		e.cfg.Drafts.Log.Error("run set aside", "run", l.ID, "error", err)
	}
	e.drop(l, fmt.Errorf("%s: its journal took no more events: %w; resume it to go on from what is recorded", l.ID, err))
}

// Fail stops the loop: the journal took no more events.
func (e *Loop) Fail(err error) {
	e.mu.Lock()
	if e.failed != nil {
		e.mu.Unlock()
		return
	}
	e.failed = fmt.Errorf("the journal took no more events: %w; restart the host to go on from what it holds", err)
	why := e.failed
	e.mu.Unlock()
	e.cfg.Drafts.Log.Error("engine stopped", "error", err)
	e.slots.Close()
	e.timers.Close()
	e.letGo(exec.ErrLetGo)
	e.stopTasks(why)
	e.dropAll(why)
}

func (e *Loop) dropAll(why error) {
	e.mu.Lock()
	all := make([]*Live, 0, len(e.live))
	for _, l := range e.live {
		all = append(all, l)
	}
	e.mu.Unlock()
	for _, l := range all {
		e.drop(l, why)
	}
}

// drop lets go of a run: it has ended durably (ErrEnded), or cannot go on here.
func (e *Loop) drop(l *Live, why error) {
	e.mu.Lock()
	if e.live[l.ID] == l {
		delete(e.live, l.ID)
	}
	e.mu.Unlock()
	l.mu.Lock()
	if l.over != nil {
		l.mu.Unlock()
		return
	}
	l.over = why
	inbox := l.inbox
	l.inbox = slices.DeleteFunc(slices.Clone(inbox), func(m Message) bool { _, ok := m.(landed); return !ok }) // its driver has to see it
	l.mu.Unlock()
	for _, m := range inbox {
		e.turnAway(m, why)
	}
	e.slots.Leave(l)
	l.unwant(e, func(*progress.Instance) bool { return true })
	e.timers.Set(&l.wake, time.Time{})
	if errors.Is(why, store.ErrNotOwned) {
		e.left(l.ID)
	}
	close(l.gone)
	e.cfg.Over(l)
}

// Live says how many runs are in memory.
func (e *Loop) Live() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.live)
}

// Moving says how many of them go on or will do so by themselves: those that only wait for a person are not counted.
func (e *Loop) Moving() (n int) {
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
func (e *Loop) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closing {
		e.closing = true
		if e.busy == 0 {
			close(e.idle)
		}
	}
	e.mu.Unlock()
	e.slots.Close()
	e.timers.Close()
	e.letGo(exec.ErrLetGo)
	select {
	case <-e.idle:
	case <-ctx.Done():
		e.stopTasks(&sdk.Error{Cause: sdk.CauseDrained, Message: "the host shut down"})
		<-e.idle
	}
	e.stopTasks(ErrClosed)
	e.dropAll(ErrClosed)
	e.crew.Close()
	return nil
}
