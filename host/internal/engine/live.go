package engine

import (
	"context"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
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
	scope    *pipeline.Scope
	attempts map[*run.Instance]*attempt

	wake wakeAt        // guarded by the engine's timers
	gone chan struct{} // closed when the run has ended durably, or was dropped
}

// message is something that happened to a run.
type message any

type (
	told struct { // a person's decision
		event   run.Event
		durable chan error // holds one
	}
	recovered struct{} // after a crash
	wake      struct{} // a time has come
	granted   place    // an executor has room
	saved     struct {
		inst    *run.Instance
		attempt int
		data    []byte
	}
	finished struct {
		inst    *run.Instance
		attempt int
		outputs sdk.Values
		ref     string // where they are kept when they are too big for an event
		err     *sdk.Error
	}
)

func newLive(id run.ID, p *pipeline.Pipeline) *live {
	return &live{id: id, pipe: p, state: run.New(shapeOf(p)), attempts: make(map[*run.Instance]*attempt), gone: make(chan struct{})}
}

// newScope begins what the run's expressions see.
func (l *live) newScope(inputs sdk.Values, owner string) {
	l.scope = l.pipe.NewScope(inputs)
	l.scope.SetRun(string(l.id), owner)
}

func shapeOf(p *pipeline.Pipeline) run.Shape {
	s := run.Shape{Timeout: p.Timeout, Nodes: make([]run.NodeShape, len(p.Nodes))}
	for i, n := range p.Nodes {
		s.Nodes[i] = run.NodeShape{Name: n.Name, Type: n.Type.Name, Needs: n.Needs, Attempts: n.Retry.Attempts, Backoff: n.Retry.Backoff,
			Timeout: n.Timeout, OnFailure: n.OnFailure, Idempotent: n.Type.Idempotent}
	}
	return s
}

// turnAway answers a message that its run will not take.
func (e *Engine) turnAway(m message, why error) {
	switch m := m.(type) {
	case told:
		m.durable <- why
	case granted:
		e.slots.release(m.class)
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
}

func (e *Engine) advance(l *live, inbox []message) {
	p := &pass{e: e, l: l, now: e.cfg.Now(), first: l.state.Seq}
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
	err := p.commit()
	for _, m := range inbox {
		if m, ok := m.(told); ok {
			m.durable <- err
		}
	}
	if err != nil {
		p.abandon()
		e.refused(l, err)
		return
	}
	p.act()
}

// act does what the pass's events say, now that they are durable.
func (p *pass) act() {
	for _, a := range p.starts {
		a.durable()
	}
	for _, stop := range p.stops {
		stop()
	}
	p.e.timers.set(p.l, p.l.state.Wake())
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
		}
	}
}

// take turns a message into events.
func (p *pass) take(m message) {
	switch m := m.(type) {
	case told:
		p.add(m.event)
		p.head = true
	case recovered:
		for _, i := range p.l.state.Interrupted() {
			p.add(run.Event{Kind: run.AttemptEnded, Node: i.Node.Name, Key: i.Key, Attempt: i.Attempt,
				Error: &sdk.Error{Cause: sdk.CauseLost, Message: "the host stopped while it ran"}})
		}
	case granted:
		p.start(place(m))
	case saved:
		p.add(run.Event{Kind: run.AttemptSaved, Node: m.inst.Node.Name, Key: m.inst.Key, Attempt: m.attempt, Checkpoint: m.data})
	case finished:
		p.finish(m)
	}
}

// add stamps an event and folds it into the state.
func (p *pass) add(ev run.Event) {
	s := p.l.state
	ev.V, ev.Seq, ev.Time = run.Version, s.Seq+1, p.now
	if ev.Time.Before(s.Updated) {
		ev.Time = s.Updated
	}
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
	p.events = append(p.events, ev)
	p.settle(ev)
}

// settle tells the evaluation scope when an event ended a node.
func (p *pass) settle(ev run.Event) {
	n := p.l.state.Node(ev.Node)
	if n == nil || !n.State.Ended() {
		return
	}
	if err := p.l.settle(n); err != nil {
		p.e.cfg.Log.Error("outputs not taken; what needs them will fail", "run", p.l.id, "node", n.Name, "error", err)
	}
}

func (l *live) settle(n *run.Node) error {
	if n.State == run.NodeFailed || n.State == run.NodeCancelled {
		return nil
	}
	x := pipeline.Expansion{Skip: n.State == run.NodeSkipped, Each: n.Each, Map: n.Map, Keys: n.Keys}
	outputs := make([]sdk.Values, len(n.Instances))
	for k, i := range n.Instances {
		outputs[k] = i.Values()
	}
	if len(n.Instances) == 0 && !n.Each {
		outputs = []sdk.Values{nil}
	}
	return l.scope.SetNode(n.Name, x, outputs)
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
