package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// live is a run in memory. Its state, scope and attempts belong to whichever goroutine drives it; mu guards the
// inbox and whether one does.
type live struct {
	id   run.ID
	pipe *pipeline.Pipeline

	mu     sync.Mutex
	inbox  []message
	driven bool
	over   error // why it takes no more messages; nil while it does. Not written again once gone is closed

	state    *run.State
	scopes   *scopes.Scopes // what expressions see; none has begun where nothing is evaluated
	attempts map[*run.Instance]*attempt
	before   *before // the run that it repeats

	resting atomic.Bool  // all that is left waits for a person
	inline  atomic.Int64 // bytes of the larger values in its events
	ticket  *ticket      // what it holds of the queue; set before it is live

	wake wakeAt        // guarded by the engine's timers
	gone chan struct{} // closed when the run has ended durably, or was dropped
}

// message is something that happened to a run.
type message any

type (
	told struct { // a person's word: say checks it against the run's state and adds its events
		say     func(*pass) error
		durable chan error // holds one
	}
	recovered struct{} // after a crash
	wake      struct{} // a time has come
	granted   place    // an executor has room
	saved     struct {
		inst    *run.Instance
		iter    int
		attempt int
		data    []byte
	}
	finished struct {
		inst    *run.Instance
		iter    int
		attempt int
		key     string // of the flight that it was; empty: none
		outputs sdk.Values
		ref     string // where they are kept when they are too big for an event
		err     *sdk.Error
	}
)

func (e *Engine) newLive(id run.ID, p *pipeline.Pipeline) *live {
	s := run.New(scopes.Shape(p))
	return &live{id: id, pipe: p, state: s, scopes: scopes.New(p, s, e.sealer()), attempts: make(map[*run.Instance]*attempt), gone: make(chan struct{})}
}

// scope gives what the expressions around a node see.
func (l *live) scope(n *run.Node) *pipeline.Scope { return l.scopes.Of(n.Frame) }

// node gives the node as its pipeline declares it.
func (l *live) node(n *run.Node) *pipeline.Node {
	node, _ := l.scope(n).Pipeline().Node(n.Name)
	return node
}

// turnAway answers a message that its run will not take.
func (e *Engine) turnAway(m message, why error) {
	switch m := m.(type) {
	case told:
		m.durable <- why
	case granted:
		e.slots.release(m.class)
	case finished:
		if m.key != "" {
			e.landed(m.key)
		}
	}
}

// post hands a message to the run and has it driven.
func (e *Engine) post(l *live, m message) {
	l.mu.Lock()
	why := l.over
	if why == nil && !l.driven {
		if l.driven = e.begin(); l.driven {
			go e.drive(l)
		} else {
			why = ErrClosed
		}
	}
	if why == nil {
		l.inbox = append(l.inbox, m)
	}
	l.mu.Unlock()
	if why != nil {
		e.turnAway(m, why)
	}
}

// drive advances the run until its inbox is empty.
func (e *Engine) drive(l *live) {
	defer e.done()
	var inbox []message
	for {
		l.mu.Lock()
		if len(l.inbox) == 0 {
			l.driven = false
			l.mu.Unlock()
			return
		}
		inbox, l.inbox = l.inbox, inbox[:0]
		l.mu.Unlock()
		e.advance(l, inbox)
		clear(inbox)
	}
}

// pass is one advance of a run: the events it adds, and what happens once they are durable.
type pass struct {
	e      *Engine
	l      *live
	now    time.Time
	first  uint64
	events []run.Event
	head   bool // the index row changes
	starts []*attempt
	stops  []func()
	heard  []chan error // who waits for the events to be durable
	kept   []kept       // flights that have ended
}

func (e *Engine) advance(l *live, inbox []message) {
	p := &pass{e: e, l: l, now: e.cfg.Now(), first: l.state.Seq}
	was := l.state.Status
	for _, m := range inbox {
		p.take(m)
	}
	var cmds []run.Command
	for {
		cmds = l.state.Decide(p.now, cmds[:0])
		if len(cmds) == 0 {
			break
		}
		for _, c := range cmds {
			p.do(c)
		}
	}
	p.head = l.state.Status != was
	err := p.commit()
	if err != nil {
		p.abandon()
		e.refused(l, err)
	} else {
		defer p.act() // after those who wait have been told
	}
	for _, durable := range p.heard {
		durable <- err
	}
}

// act does what the pass's events say, now that they are durable.
func (p *pass) act() {
	for _, a := range p.starts {
		a.durable()
	}
	p.keep()
	for _, stop := range p.stops {
		stop()
	}
	p.e.timers.set(p.l, p.l.state.Wake())
	if resting := p.l.state.Resting(); p.l.resting.Swap(resting) != resting && p.l.ticket != nil {
		if p.e.queue.rest(resting); resting {
			p.e.pump()
		}
	}
	if p.l.state.Status.Ended() {
		p.e.drop(p.l, ErrEnded)
	}
}

// abandon stops the run's attempts, and takes back those that were to start.
func (p *pass) abandon() {
	for _, a := range p.l.attempts {
		a.cancel(ErrClosed)
	}
	for _, a := range p.starts {
		if !a.class.ahead {
			p.e.slots.release(a.class)
			if a.key != "" {
				p.e.landed(a.key)
			}
		}
	}
	for _, k := range p.kept {
		p.e.landed(k.key)
	}
}

// take turns a message into events.
func (p *pass) take(m message) {
	switch m := m.(type) {
	case told:
		if err := m.say(p); err != nil {
			m.durable <- err
			return
		}
		p.heard = append(p.heard, m.durable)
	case recovered:
		for _, i := range p.l.state.Interrupted() {
			ev := about(run.AttemptEnded, i)
			ev.Attempt, ev.Error = i.Attempt, &sdk.Error{Cause: sdk.CauseLost, Message: "the host stopped while it ran"}
			p.add(ev)
		}
	case granted:
		p.start(place(m))
	case flown:
		p.wanted(m.inst)
	case saved:
		ev := about(run.AttemptSaved, m.inst)
		ev.Iter, ev.Attempt, ev.Checkpoint = m.iter, m.attempt, m.data
		p.add(ev)
	case finished:
		p.finish(m)
	}
}

// add stamps an event and folds it into the state.
func (p *pass) add(ev run.Event) {
	s := p.l.state
	ev = p.e.masked(ev)
	ev.V, ev.Seq, ev.Time = run.Version, s.Seq+1, p.now
	if ev.Time.Before(s.Updated) {
		ev.Time = s.Updated
	}
	was := s.Status
	stale, err := s.Fold(ev)
	if err != nil {
		// Decide and the fold disagree: a defect. Refuse to write what could not be read back.
		p.e.cfg.Log.Error("event dropped", "run", p.l.id, "error", err)
		return
	}
	if stale {
		p.e.cfg.Log.Debug("late result ignored", "run", p.l.id, "event", ev.Kind, "node", ev.Node)
	}
	if ev.OutputsRef != "" {
		ev.Outputs = nil // the state has them, as after reading; the journal says where they are
	}
	if ev.InputsRef != "" {
		ev.Inputs = nil
	}
	if ev.Error != nil && !stale {
		n := s.Find(ev.In, ev.Node)
		if i := n.Instance(ev.Key); i != nil && i.State == run.NodeWaiting {
			ev.Waits = true
		}
		if s.Status == run.Paused && was != run.Paused {
			ev.Status = run.Paused
		}
	}
	p.events = append(p.events, ev)
	p.settle(ev)
}

// about begins an event of a node instance.
func about(kind run.Kind, i *run.Instance) run.Event {
	return run.Event{Kind: kind, In: i.Node.Frame.Path, Node: i.Node.Name, Key: i.Key, Iter: i.Iter}
}

// settle tells the scopes what an event ended.
func (p *pass) settle(ev run.Event) {
	if err := p.l.scopes.Settle(ev); err != nil {
		p.e.cfg.Log.Error("outputs not taken; what needs them will fail", "run", p.l.id, "node", ev.Node, "error", err)
	}
}

// commit makes the pass's events durable.
func (p *pass) commit() error {
	if len(p.events) == 0 {
		return nil
	}
	a := store.Append{Run: string(p.l.id), After: p.first, Events: make([][]byte, len(p.events))}
	for k := range p.events {
		b, err := p.events[k].Encode()
		if err != nil {
			return err
		}
		a.Events[k] = b
	}
	if p.head {
		a.Head = headOf(p.l.state)
	}
	if err := p.e.cfg.Journal.Append(context.Background(), a); err != nil {
		return err
	}
	if p.e.cfg.Observe != nil {
		for _, ev := range p.events {
			p.e.cfg.Observe(p.l.id, ev)
		}
	}
	return nil
}

func headOf(s *run.State) *store.Head {
	h := &store.Head{Run: string(s.ID), Pipeline: s.Pipeline, Digest: s.Digest, State: string(s.Status), Owner: s.Owner,
		Created: s.Created, Updated: s.Updated, Seq: s.Seq}
	if s.Error != nil {
		h.Error = s.Error.Message
	}
	return h
}
