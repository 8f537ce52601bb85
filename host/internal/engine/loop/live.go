package loop

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/alarm"
	"github.com/myspinbot/spinbot/host/internal/engine/draft"
	"github.com/myspinbot/spinbot/host/internal/engine/queue"
	"github.com/myspinbot/spinbot/host/internal/engine/reuse"
	"github.com/myspinbot/spinbot/host/internal/engine/slots"
	"github.com/myspinbot/spinbot/host/internal/engine/stored"
)

// Live is a run in memory. Its state, scopes and attempts belong to whichever goroutine drives it; mu guards the
// inbox and whether one does.
type Live struct {
	*stored.Run
	before *reuse.Before // the run that it repeats

	mu     sync.Mutex
	inbox  []Message
	driven bool
	over   error                         // why it takes no more messages; nil while it does. Not written again once gone is closed
	wants  map[*progress.Instance]string // that wait for devices: under which ID

	attempts map[*progress.Instance]*attempt

	next   *Pass              // what comes after the events that are becoming durable
	flying bool               // events are becoming durable
	held   []Message          // that have to wait for them
	cmds   []progress.Command // for use again

	resting atomic.Bool // all that is left waits for a person

	// Ticket is what it holds of the queue; set before it is live.
	Ticket *queue.Ticket

	wake alarm.Wake[*Live]
	gone chan struct{} // closed when the run has ended durably, or was dropped
}

// NewLive makes a run that can be registered. before is the run that it repeats; nil: none.
func NewLive(r *stored.Run, before *reuse.Before) *Live {
	l := &Live{Run: r, before: before, attempts: make(map[*progress.Instance]*attempt), gone: make(chan struct{})}
	l.wake.Of = l
	return l
}

// Resting says whether all that is left of the run waits for a person.
func (l *Live) Resting() bool { return l.resting.Load() }

// Gone is closed when the run is not in memory any more; then Over says why: ErrEnded, or what keeps it from going on here.
func (l *Live) Gone() <-chan struct{} { return l.gone }

// Over says why the run is not in memory any more, once Gone is closed.
func (l *Live) Over() error { return l.over }

// Post hands a message to the run and has it driven.
func (e *Loop) Post(l *Live, m Message) {
	if e.give(l, m) {
		e.crew.Go(func() { e.drive(l) })
	}
}

// give hands a message to the run, and says whether the caller is the one to have it driven.
func (e *Loop) give(l *Live, m Message) (drive bool) {
	l.mu.Lock()
	why := l.over
	if why == nil && !l.driven {
		if drive = e.Begin(); drive {
			l.driven = true
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
	return drive
}

// drive advances the run until its inbox is empty. It does not wait for events to be durable: what happens meanwhile is taken in,
// and becomes durable after them.
func (e *Loop) drive(l *Live) {
	defer e.Done()
	var inbox []Message
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
		if p != nil {
			e.Begin()
			e.append(&p.Draft, func(err error) { e.settle(p, err) })
		}
	}
}

// maxAhead is how many events of a run may wait for those before them to be durable.
const maxAhead = 4096

// Pass is one advance of a run: the events it adds, and what happens once they are durable.
type Pass struct {
	draft.Draft
	e      *Loop
	l      *Live
	ends   bool // the run has ended with it
	starts []*attempt
	stops  []func()
	heard  []chan error // who waits for the events to be durable
	kept   []kept       // flights that have ended
	slots  []time.Time  // since when the run has had the slots of attempts that have ended: others may begin with them
}

// advance takes messages in, and gives the events that are to become durable now; nil when there are none, or others
// are on their way.
func (e *Loop) advance(l *Live, inbox []Message) *Pass {
	if l.next == nil {
		l.next = &Pass{Draft: e.cfg.Drafts.New(l.Run, l.before, time.Time{}), e: e, l: l}
	}
	p := l.next
	if p.Events == nil {
		if room, ok := e.rooms.Get().(*[]run.Event); ok {
			p.Events = *room
		}
	}
	p.Now = e.cfg.Now()
	defer p.freeSlots()
	if len(inbox) > 1 {
		p.Events = slices.Grow(p.Events, len(inbox)) // most become one
	}
	was := l.State.Status
	for k := 0; k < len(inbox); k++ {
		if f, ok := inbox[k].(*finished); ok && !f.slot.IsZero() {
			p.slots, f.slot = append(p.slots, f.slot), time.Time{}
		}
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
			if l.flying && (l.State.Status.Ended() || len(p.Events) >= maxAhead) {
				l.held = append(l.held, m)
			} else {
				p.take(m)
				p.unwant()
			}
		}
	}
	for cmds := l.cmds; ; {
		cmds = l.State.Decide(p.Now, cmds[:0])
		if l.cmds = cmds; len(cmds) == 0 && !p.nextSlot() {
			break
		}
		for _, c := range cmds {
			p.do(c)
			p.unwant()
		}
	}
	p.Head = p.Head || l.State.Status != was
	switch {
	case l.flying:
		return nil
	case len(p.Events) > 0:
		l.next, l.flying, p.ends = nil, true, l.State.Status.Ended()
		return p
	}
	for _, durable := range p.heard {
		durable <- nil
	}
	p.heard = nil
	p.act()
	e.spare(p) // a run that waits for long needs none
	return nil
}

// land does what follows when events have become durable, or could not. It says whether the run goes on.
func (e *Loop) land(m landed) bool {
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
func (e *Loop) leave(l *Live, why error) {
	l.next.abandon(why)
	for _, durable := range l.next.heard {
		durable <- why
	}
	l.next = nil
	e.refused(l, why)
}

// act does what the pass's events say, now that they are durable.
func (p *Pass) act() {
	for _, a := range p.starts {
		a.durable()
	}
	p.keep()
	for _, stop := range p.stops {
		stop()
	}
	p.e.timers.Set(&p.l.wake, p.State.Wake())
	if resting := p.State.Resting(); p.l.resting.Swap(resting) != resting {
		p.e.cfg.Rests(p.l, resting)
	}
	if p.ends {
		p.e.drop(p.l, ErrEnded)
	}
	p.starts, p.stops, p.kept = nil, nil, nil
}

// abandon stops the run's attempts, and takes back those that were to start.
func (p *Pass) abandon(why error) {
	for _, a := range p.l.attempts {
		a.leave(why)
	}
	for _, a := range p.starts {
		if !a.at.Class.Ahead {
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
func (p *Pass) take(m Message) {
	switch m := m.(type) {
	case Said:
		if err := m.say(p); err != nil {
			m.durable <- err
			return
		}
		p.heard = append(p.heard, m.durable)
	case Recovered:
		p.recover()
	case granted:
		p.start(slots.Place(m))
	case yielded:
		p.yield(m)
	case reuse.Flown[*Live]:
		p.wanted(m.Inst)
	case saved:
		ev := draft.About(run.AttemptSaved, m.inst)
		ev.Iter, ev.Attempt, ev.Checkpoint = m.iter, m.attempt, m.data
		p.Add(ev)
	case *finished:
		p.finish(m)
	}
}

// unwant takes out what waits for devices in vain, when an event may have made it so.
func (p *Pass) unwant() {
	if p.Halts {
		p.Halts = false
		p.l.unwant(p.e, func(i *progress.Instance) bool { return !i.Due(p.Now) || i.Node.Frame.Halted() })
	}
}
