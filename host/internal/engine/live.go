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
	over   bool // dropped: takes no more messages

	state    *run.State
	scope    *pipeline.Scope
	meta     map[string]*pipeline.Node
	attempts map[*run.Instance]*attempt

	wakeAt time.Time // guarded by the engine's timers

	once sync.Once
	gone chan struct{} // closed when the run has ended durably, or was dropped
	err  error         // why it was dropped; read after gone
}

// message is something that happened to a run.
type message interface{}

type (
	submitted struct {
		event   run.Event
		durable chan<- error
	}
	told struct { // a person's decision
		event   run.Event
		durable chan<- error
	}
	recovered struct{}                     // after a crash
	wake      struct{}                     // a time has come
	granted   struct{ inst *run.Instance } // an executor has room
	saved     struct {
		inst    *run.Instance
		attempt int
		data    []byte
	}
	finished struct {
		inst    *run.Instance
		attempt int
		at      time.Time
		outputs sdk.Values
		ref     string
		err     *sdk.Error
	}
)

func (e *Engine) newLive(id run.ID, p *pipeline.Pipeline) *live {
	l := &live{id: id, pipe: p, state: run.New(shapeOf(p)), attempts: make(map[*run.Instance]*attempt), gone: make(chan struct{}),
		meta: make(map[string]*pipeline.Node, len(p.Nodes))}
	for _, n := range p.Nodes {
		l.meta[n.Name] = n
	}
	return l
}

func shapeOf(p *pipeline.Pipeline) run.Shape {
	s := run.Shape{Timeout: p.Timeout, Nodes: make([]run.NodeShape, len(p.Nodes))}
	for i, n := range p.Nodes {
		s.Nodes[i] = run.NodeShape{Name: n.Name, Type: n.Type.Name, Needs: n.Needs, Attempts: n.Retry.Attempts, Backoff: n.Retry.Backoff,
			Timeout: n.Timeout, OnFailure: n.OnFailure, Idempotent: n.Type.Idempotent}
	}
	return s
}

// drop forgets the run without an end.
func (l *live) drop(err error) {
	l.mu.Lock()
	l.over = true
	inbox := l.inbox
	l.inbox = nil
	l.mu.Unlock()
	for _, m := range inbox {
		answer(m, err)
	}
	l.once.Do(func() { l.err = err; close(l.gone) })
}

func answer(m message, err error) {
	switch m := m.(type) {
	case submitted:
		m.durable <- err
	case told:
		m.durable <- err
	}
}

// post hands a message to the run and has it driven.
func (e *Engine) post(l *live, m message) {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		answer(m, ErrClosed)
		return
	}
	l.inbox = append(l.inbox, m)
	if l.driven {
		l.mu.Unlock()
		return
	}
	l.driven = true
	e.busy.Add(1)
	l.mu.Unlock()
	go e.drive(l)
}

// drive advances the run until its inbox is empty.
func (e *Engine) drive(l *live) {
	defer e.busy.Done()
	var inbox []message
	for {
		l.mu.Lock()
		if l.over || len(l.inbox) == 0 {
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

// pass is one advance of a run: the events it adds, and what may happen once they are durable.
type pass struct {
	e      *Engine
	l      *live
	now    time.Time
	first  uint64
	events []run.Event
	head   bool // the index row changes
	then   []func()
}

func (e *Engine) advance(l *live, inbox []message) {
	p := &pass{e: e, l: l, now: e.cfg.Now(), first: l.state.Seq}
	var answers []message
	for _, m := range inbox {
		p.take(m)
		switch m.(type) {
		case submitted, told:
			answers = append(answers, m)
		}
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
	for _, m := range answers {
		answer(m, err)
	}
	if err != nil {
		return
	}
	for _, fn := range p.then {
		fn()
	}
	if at := l.state.Wake(); !at.IsZero() {
		e.timers.set(l, at)
	}
	if l.state.Status.Ended() {
		e.forget(l)
	}
}

// take turns a message into events.
func (p *pass) take(m message) {
	switch m := m.(type) {
	case submitted:
		p.add(m.event)
		p.head = true
	case told:
		if m.event.Kind == run.RunResumed || !p.l.state.Status.Ended() {
			p.add(m.event)
			p.head = true
		}
	case recovered:
		for _, i := range p.l.state.Interrupted() {
			p.add(run.Event{Kind: run.AttemptEnded, Node: i.Node.Name, Key: i.Key, Attempt: i.Attempt,
				Error: &sdk.Error{Cause: sdk.CauseLost, Message: "the host stopped while it ran"}})
		}
	case granted:
		p.start(m.inst)
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
	p.events = append(p.events, ev)
	p.settle(ev)
}

// settle tells the evaluation scope when an event ended a node.
func (p *pass) settle(ev run.Event) {
	if ev.Node == "" {
		return
	}
	if n := p.l.state.Node(ev.Node); n != nil && n.State.Ended() {
		p.l.settle(n)
	}
}

func (l *live) settle(n *run.Node) {
	if n.State == run.NodeFailed || n.State == run.NodeCancelled {
		return
	}
	x := pipeline.Expansion{Skip: n.State == run.NodeSkipped, Each: n.Each, Map: n.Map, Keys: n.Keys}
	outputs := make([]sdk.Values, len(n.Instances))
	for k, i := range n.Instances {
		outputs[k] = i.Values()
	}
	if len(n.Instances) == 0 && !n.Each {
		outputs = []sdk.Values{nil}
	}
	if err := l.scope.SetNode(n.Name, x, outputs); err != nil {
		n.Error = sdk.AsError(err)
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
			p.e.fail(err)
			return err
		}
		a.Events[k] = b
	}
	if p.head {
		a.Head = headOf(p.l.state)
	}
	if err := p.e.cfg.Journal.Append(context.Background(), a); err != nil {
		p.e.fail(err)
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

// forget lets go of a run that has ended durably.
func (e *Engine) forget(l *live) {
	e.mu.Lock()
	if e.live[l.id] == l {
		delete(e.live, l.id)
	}
	e.mu.Unlock()
	l.mu.Lock()
	l.over = true
	inbox := l.inbox
	l.inbox = nil
	l.mu.Unlock()
	for _, m := range inbox {
		answer(m, ErrEnded)
	}
	l.once.Do(func() { close(l.gone) })
}
