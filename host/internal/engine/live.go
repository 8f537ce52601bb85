package engine

import (
	"slices"
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
	over   error                    // why it takes no more messages; nil while it does. Not written again once gone is closed
	wants  map[*run.Instance]string // that wait for devices: under which ID

	state    *run.State
	scopes   *scopes.Scopes // what expressions see; none has begun where nothing is evaluated
	attempts map[*run.Instance]*attempt
	before   *before // the run that it repeats

	next   *pass         // what comes after the events that are becoming durable
	flying bool          // events are becoming durable
	held   []message     // that have to wait for them
	cmds   []run.Command // for use again

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
	recovered struct{}            // after a crash
	wake      struct{}            // a time has come
	leaving   struct{ why error } // another host goes on with it
	landed    struct {            // events have become durable, or could not
		pass *pass
		err  error
	}
	granted place // an executor has room
	saved   struct {
		inst    *run.Instance
		iter    int
		attempt int
		data    []byte
	}
	finished struct {
		usage   *sdk.Usage
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
		e.giveBack(place(m), nil)
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

// drive advances the run until its inbox is empty. While events are being made durable somebody else may drive: what
// happens meanwhile is taken in, and becomes durable after them.
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
		p := e.advance(l, inbox)
		clear(inbox)
		if p == nil {
			continue
		}
		a, err := p.pack()
		l.mu.Lock()
		if l.driven = len(l.inbox) > 0; l.driven {
			e.begin()
			go e.drive(l)
		}
		l.mu.Unlock()
		if err == nil {
			err = p.append(a)
		}
		for _, durable := range p.heard {
			durable <- err
		}
		l.mu.Lock()
		l.inbox = append(l.inbox, landed{p, err})
		if l.driven {
			l.mu.Unlock()
			return
		}
		l.driven = true
		l.mu.Unlock()
	}
}

// maxAhead is how many events of a run may wait for those before them to be durable.
const maxAhead = 4096

// pass is one advance of a run: the events it adds, and what happens once they are durable.
type pass struct {
	e      *Engine
	l      *live
	now    time.Time
	first  uint64
	events []run.Event
	files  []store.File // that the events name
	head   bool         // the index row changes
	ends   bool         // the run has ended with it
	starts []*attempt
	stops  []func()
	heard  []chan error // who waits for the events to be durable
	kept   []kept       // flights that have ended
}

// advance takes messages in, and gives the events that are to become durable now; nil when there are none, or others
// are on their way.
func (e *Engine) advance(l *live, inbox []message) *pass {
	if l.next == nil {
		l.next = &pass{e: e, l: l, first: l.state.Seq}
	}
	p := l.next
	p.now = e.cfg.Now()
	if len(inbox) > 1 {
		p.events = slices.Grow(p.events, len(inbox)) // most become one
	}
	was := l.state.Status
	for k := 0; k < len(inbox); k++ {
		switch m := inbox[k].(type) {
		case landed:
			l.flying = false
			inbox = append(inbox, l.held...)
			clear(l.held)
			l.held = l.held[:0]
			if !e.land(m) {
				for _, late := range inbox[k+1:] {
					e.turnAway(late, l.over)
				}
				return nil
			}
		case leaving:
			if l.flying { // what is on its way may have been stored before the run went
				l.held = append(l.held, m)
				continue
			}
			e.leave(l, m.why)
			for _, late := range inbox[k+1:] {
				e.turnAway(late, l.over)
			}
			return nil
		default:
			if l.flying && (l.state.Status.Ended() || len(p.events) >= maxAhead) {
				l.held = append(l.held, m)
			} else {
				p.take(m)
			}
		}
	}
	for cmds := l.cmds; ; {
		cmds = l.state.Decide(p.now, cmds[:0])
		if l.cmds = cmds; len(cmds) == 0 {
			break
		}
		for _, c := range cmds {
			p.do(c)
		}
	}
	p.head = p.head || l.state.Status != was
	switch {
	case l.flying:
		return nil
	case len(p.events) > 0:
		l.next, l.flying, p.ends = nil, true, l.state.Status.Ended()
		return p
	}
	for _, durable := range p.heard {
		durable <- nil
	}
	p.heard = nil
	p.act()
	return nil
}

// land does what follows when events have become durable, or could not. It says whether the run goes on.
func (e *Engine) land(m landed) bool {
	l := m.pass.l
	if m.err == nil {
		m.pass.act()
		return !m.pass.ends
	}
	m.pass.abandon(m.err)
	e.leave(l, m.err)
	return false
}

// leave lets go of a run, with what was to be recorded next.
func (e *Engine) leave(l *live, why error) {
	l.next.abandon(why)
	for _, durable := range l.next.heard {
		durable <- why
	}
	l.next = nil
	e.refused(l, why)
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
	if p.ends {
		p.e.drop(p.l, ErrEnded)
	}
	p.starts, p.stops, p.kept = nil, nil, nil
}

// abandon stops the run's attempts, and takes back those that were to start.
func (p *pass) abandon(why error) {
	for _, a := range p.l.attempts {
		a.leave(why)
	}
	for _, a := range p.starts {
		if !a.at.class.ahead {
			p.e.giveBack(a.at, nil)
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
		p.recover()
	case granted:
		p.start(place(m))
	case yielded:
		p.yield(m)
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
	if !stale {
		p.files = append(p.files, filesOf(p.l.id, ev)...)
	}
	if ev.OutputsRef != "" {
		ev.Outputs = nil // the state has them, as after reading; the journal says where they are
	}
	if ev.InputsRef != "" {
		ev.Inputs = nil
	}
	if ev.Kind == run.CancelRequested || ev.Kind == run.DeadlinePassed {
		p.l.unwant(p.e, func(i *run.Instance) bool { return !i.Due(p.now) || i.Node.Frame.Halted() })
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
