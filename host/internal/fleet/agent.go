package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/spool"
	"github.com/myspinbot/spinbot/host/internal/fleet/stream"
	"github.com/myspinbot/spinbot/sdk"
)

// ErrReplaced says that another process is this agent now.
var ErrReplaced = errors.New("another process runs as this agent; start each with a state directory of its own")

// AgentConfig is what an Agent works with.
type AgentConfig struct {
	Client    redis.UniversalClient
	Namespace string
	ID        string
	Session   string // of this process, never used before
	Pace      Pace
	// Notes is the file of what it holds; Boot names the machine's start, which tells whether notes may be missing.
	Notes, Boot string
	// Run carries out an attempt, and returns soon after ctx ends.
	Run func(ctx context.Context, t protocol.Task, report func(sdk.Report)) protocol.Result
	// Deliver brings artifacts to a host; it tries until ctx ends. Delivered says that a host has them. nil: there are none.
	Deliver   func(ctx context.Context, host string, digests []string) error
	Delivered func(host string, digests []string)
	// Status and Hello say how the agent is now.
	Status func() protocol.Status
	Hello  func() protocol.Hello
	// Order is told what a person wants of it.
	Order func(protocol.Order)
	// Answer says what a host asks about it: one of protocol's questions. nil: it has no answers.
	Answer     func(ctx context.Context, what string) (string, error)
	Connection func(error)
	Now        func() time.Time
	Log        *slog.Logger
}

// Agent is an agent's end of the fleet. It is safe for concurrent use.
type Agent struct {
	cfg  AgentConfig
	pace Pace
	keys Keys
	out  *stream.Writer

	mu       sync.Mutex
	end      *protocol.Agent
	notes    *spool.Spool
	rebooted bool
	mark     string // entries up to this one may have stood there when the machine had just started
	stops    map[string]context.CancelCauseFunc
	hosts    map[string]hostAsked
	caught   bool // it has read all that stood there
	beating  bool // a beat is on its way
	beat     time.Time
	read     time.Time
	revision int
	shown    int // revision that the hash has
	live     map[string][]said
	showing  map[string]bool // tasks of which a preview is on its way
	due      bool
	broken   error // why it cannot go on
	settled  chan struct{}
	trouble  error

	work   context.Context //nolint:containedctx // ends when Run does
	stop   context.CancelCauseFunc
	tasks  sync.WaitGroup
	asks   sync.WaitGroup // questions, to Redis and of hosts, that no task waits for
	change chan struct{}
}

// NewAgent makes an agent's end from what an earlier process has noted.
func NewAgent(c AgentConfig) (*Agent, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	notes, rebooted, err := spool.Open(c.Notes, c.Boot)
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: c, pace: c.Pace.filled(2), keys: KeysOf(c.Namespace), notes: notes, rebooted: rebooted, stops: map[string]context.CancelCauseFunc{},
		hosts: map[string]hostAsked{}, live: map[string][]said{}, showing: map[string]bool{}, settled: make(chan struct{}), change: make(chan struct{}, 1), revision: 1}
	a.end = protocol.NewAgent(c.ID, c.Session, notes.All())
	a.out = stream.NewWriter(c.Client, a.pace.backoff(), func(err error) { a.heard(false, err) })
	a.work, a.stop = context.WithCancelCause(context.Background())
	return a, nil
}

// Run works until ctx ends, or it cannot go on: ErrReplaced, or its notes cannot be written. Tasks that run then are stopped.
func (a *Agent) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() { a.out.Run(writing) })
	all.Go(func() { a.follow(ctx, cancel) })
	tasks, control := a.keys.Tasks(a.cfg.ID), a.keys.Control(a.cfg.ID)
	r := &stream.Reader{Client: a.cfg.Client, Namespace: a.cfg.Namespace, Block: a.pace.Block, Answer: a.pace.Beat, Pause: a.pace.backoff(), Streams: []string{control, tasks},
		Heard: a.heard, Batch: a.batch, Began: a.began}
	r.Run(ctx)
	a.stop(&sdk.Error{Cause: sdk.CauseDrained, Message: "its agent was shut down"})
	a.tasks.Wait()
	a.mu.Lock()
	a.act() // what ended with it
	a.sendBeat(true)
	a.mu.Unlock()
	until := time.Now().Add(a.pace.Beat / 5)
	for a.out.Waiting() > 0 && time.Now().Before(until) && a.Trouble() == nil {
		time.Sleep(time.Millisecond)
	}
	stop()
	within(a.pace.soon(), &all)
	within(a.pace.soon(), &a.asks)
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.broken, a.notes.Close())
}

// began registers the agent: at the beginning, and again with a Redis that has lost its data.
func (a *Agent) began(ctx context.Context, again bool) error {
	if err := a.cfg.Client.Set(ctx, a.keys.Session(a.cfg.ID), a.cfg.Session, 0).Err(); err != nil {
		return err
	}
	a.mu.Lock()
	a.shown = 0
	rebooted := a.rebooted && !again
	a.mu.Unlock()
	if err := a.register(ctx); err != nil {
		return err
	}
	if rebooted {
		return a.setMark(ctx)
	}
	return nil
}

// setMark finds the last entry that an earlier process may have seen. One that Redis lost the deletion of comes back with
// its old name, so it is told by Redis' time.
func (a *Agent) setMark(ctx context.Context) error {
	now, err := a.cfg.Client.Time(ctx).Result()
	if err != nil {
		return err
	}
	last, err := stream.LastOf(ctx, a.cfg.Client, a.keys.Tasks(a.cfg.ID))
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mark = fmt.Sprintf("%d-%d", now.UnixMilli(), uint64(math.MaxUint64)); after(last, a.mark) {
		a.mark = last
	}
	return nil
}

// register says what the agent is.
func (a *Agent) register(ctx context.Context) error {
	a.mu.Lock()
	revision := a.revision
	a.mu.Unlock()
	h := a.cfg.Hello()
	h.V, h.Agent, h.Session, h.Revision = protocol.Version, a.cfg.ID, a.cfg.Session, revision
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := a.cfg.Client.HSet(ctx, a.keys.Agents(), a.cfg.ID, raw).Err(); err != nil {
		return err
	}
	a.mu.Lock()
	a.shown = revision
	a.mu.Unlock()
	return nil
}

// Changed says that Status has changed, or with hello what Hello says: hosts hear of it soon.
func (a *Agent) Changed(hello bool) {
	a.mu.Lock()
	if hello {
		a.revision++
	}
	a.mu.Unlock()
	poke(a.change)
}

// follow beats when there is something new, and looks whether this process is the agent still.
func (a *Agent) follow(ctx context.Context, end context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.change:
		}
		a.mu.Lock()
		broken, register := a.broken, a.revision != a.shown
		a.mu.Unlock()
		if broken != nil {
			end(broken)
			return
		}
		if register && a.Trouble() == nil {
			_ = a.register(ctx) // else at the next beat
		}
		a.mu.Lock()
		wait := a.pace.soon() - a.cfg.Now().Sub(a.beat)
		a.mu.Unlock()
		if wait > 0 && !(stream.Backoff{First: wait, Last: wait}).Wait(ctx, 0) {
			return
		}
		a.mu.Lock()
		if a.cfg.Now().Sub(a.read) < 2*a.pace.Block+a.pace.Beat { // the loop that reads is well
			a.sendBeat(false)
		}
		a.mu.Unlock()
	}
}

// Trouble says why Redis cannot be heard; nil: it can.
func (a *Agent) Trouble() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}

// heard is called after each round of the loop: the beat travels the same way as the work.
func (a *Agent) heard(ok bool, why error) {
	a.mu.Lock()
	was := a.trouble
	a.trouble = why
	if ok {
		a.read = a.cfg.Now()
		if was != nil || a.read.Sub(a.beat) >= a.pace.Beat-a.pace.Block/2 {
			a.sendBeat(false)
			a.asks.Go(func() { a.verify(a.work) })
		}
		if a.revision != a.shown {
			poke(a.change)
		}
	}
	a.mu.Unlock()
	if a.cfg.Connection != nil && !same(was, why) {
		a.cfg.Connection(why)
	}
}

// keptBeats is about how many beats stay in their stream.
const keptBeats = 10_000

// sendBeat has a beat written, as the agent is when it is. mu is held.
func (a *Agent) sendBeat(gone bool) {
	if !a.caught && !gone || a.beating && !gone {
		return
	}
	a.beating, a.beat = true, a.cfg.Now()
	a.out.Put(func(ctx context.Context, p redis.Pipeliner) {
		status := a.cfg.Status()
		a.mu.Lock()
		b := a.end.Beat()
		a.beating = false
		status.Draining, status.Revision = a.end.Draining(), a.shown
		a.mu.Unlock()
		b.Status, b.Gone = &status, gone && len(b.Held) == 0
		add := entry(a.keys.Beats(), kindBeat, b)
		add.MaxLen, add.Approx = keptBeats, true
		p.XAdd(ctx, add)
	})
}

// verify looks whether this process is the agent still.
func (a *Agent) verify(ctx context.Context) {
	session, err := a.cfg.Client.Get(ctx, a.keys.Session(a.cfg.ID)).Result()
	if err == nil && session != a.cfg.Session {
		a.mu.Lock()
		a.fail(ErrReplaced)
		a.mu.Unlock()
	}
}

// batch takes in what was read.
func (a *Agent) batch(streams []redis.XStream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.caught = true
	for _, s := range streams {
		a.caught = a.caught && len(s.Messages) < stream.MostRead
		for _, m := range s.Messages {
			a.take(s.Stream, m)
		}
	}
	a.act()
	if a.rebooted && a.caught && a.broken == nil { // all that an earlier process may have begun is noted now
		a.rebooted = false
		if err := a.notes.Add(false, spool.Note{Boot: a.cfg.Boot}); err != nil {
			a.fail(fmt.Errorf("the agent cannot note what it does: %w", err))
		}
	}
}

// take takes in one entry. mu is held.
func (a *Agent) take(stream string, m redis.XMessage) {
	var err error
	switch kind := kindOf(m); kind {
	case kindTask:
		var t protocol.Task
		if t, err = decode[protocol.Task](m); err == nil {
			a.end.Task(m.ID, t, a.mark != "" && !after(m.ID, a.mark))
			return
		}
	case kindControl:
		var c protocol.Control
		if c, err = decode[protocol.Control](m); err == nil && c.Ask != nil {
			a.asks.Go(func() { a.answer(*c.Ask) })
		} else if err == nil {
			a.end.Control(c)
		}
	default:
		err = errors.New("of a kind that is not known")
	}
	if err != nil {
		a.cfg.Log.Warn("a message of the fleet cannot be read", "entry", m.ID, "kind", kindOf(m), "error", err)
	}
	a.out.Del(stream, m.ID)
}

// Drain takes nothing more, or takes tasks again.
func (a *Agent) Drain(on bool) {
	a.mu.Lock()
	a.end.Drain(on)
	a.mu.Unlock()
	a.Changed(false)
}

// Draining says whether it takes nothing more.
func (a *Agent) Draining() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.end.Draining()
}

// HandBack stops what runs: it is handed back.
func (a *Agent) HandBack(why *sdk.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, stop := range a.stops {
		stop(why)
	}
}

// Idle waits until nothing is held: all that ran has ended, and its hosts are done with it.
func (a *Agent) Idle(ctx context.Context, andSettled bool) error {
	for {
		a.mu.Lock()
		running, done := a.end.Holds()
		settled := a.settled
		a.mu.Unlock()
		if running == 0 && (done == 0 || !andSettled) {
			return nil
		}
		wait, cancel := context.WithTimeout(ctx, a.pace.soon())
		select {
		case <-settled:
		case <-wait.Done():
		}
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// Holds says how many attempts are under way, and how many results hosts are not done with.
func (a *Agent) Holds() (running, done int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.end.Holds()
}
