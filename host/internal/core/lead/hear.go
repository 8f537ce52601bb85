package lead

import (
	"maps"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Hear takes in what an owner says.
func (l *Leader) Hear(a Ask, now time.Time) {
	if l.book == nil || a.Epoch != l.term.Epoch {
		return
	}
	p := l.peer(a.Host)
	if a.Session < p.session { // of a process that is gone; should it live, it hears which session is known
		p.shown = false
		return
	}
	l.away(p, a.Away, now)
	next := p.n
	if len(a.Changes) > 0 {
		next++
	}
	switch {
	case a.Whole && (a.Session > p.session || a.N > p.n):
		l.whole(p, a, now)
		p.session, p.told, p.again = a.Session, true, false
	case a.Session == p.session && p.told && a.N == next:
		for _, c := range a.Changes {
			l.change(a.Host, c, true, now)
		}
	default:
		p.again = p.again || a.Session > p.session || a.N > p.n || !p.told
		return
	}
	p.n = a.N
}

// away takes in which agents people have taken out of use at a host.
func (l *Leader) away(p *peer, agents map[string]string, now time.Time) {
	if maps.Equal(p.away, agents) {
		return
	}
	p.away = agents
	for _, id := range slices.Sorted(maps.Keys(l.agents)) {
		l.show(l.agents[id], now)
	}
}

// whole takes in all that a host has. What is not in it is no more; but what an agent works on still the host may have let go, or
// not have found yet.
func (l *Leader) whole(p *peer, a Ask, now time.Time) {
	listed := map[string]bool{}
	for _, c := range a.Changes {
		switch {
		case c.Want != nil:
			listed[c.Want.Task.ID] = true
		case c.Held != nil:
			listed[c.Held.Task.ID] = true
		}
	}
	another := a.Session != p.session
	for _, id := range l.of(a.Host) {
		switch t := l.tasks[id]; {
		case listed[id] && !another:
		case t.given != nil && (l.runs(t) || another && now.Sub(t.since) < young):
			t.orphan = true
			delete(l.loose, id)
		default:
			l.remove(t, Done{ID: id}, now)
		}
	}
	for _, c := range a.Changes {
		l.change(a.Host, c, false, now)
	}
	p.shown = false
}

// change takes in what has become of one attempt. fresh: it has just become so, and is not only told anew.
func (l *Leader) change(host string, c Change, fresh bool, now time.Time) {
	switch {
	case c.Want != nil:
		l.want(host, *c.Want, fresh, now)
	case c.Held != nil:
		l.hold(host, *c.Held, fresh, now)
	case c.Took != "":
		if t := l.tasks[c.Took]; t != nil && t.host == host {
			delete(l.loose, c.Took)
		}
	case c.Done != nil:
		switch t := l.tasks[c.Done.ID]; {
		case t == nil || t.host != host:
		case c.Done.Left && t.given != nil && l.runs(t):
			t.orphan = true
		default:
			l.remove(t, *c.Done, now)
		}
	}
}

// want enters what waits. What was given to this turn of it is on its way.
func (l *Leader) want(host string, w Want, fresh bool, now time.Time) {
	id := w.Task.ID
	if t := l.tasks[id]; t != nil {
		if l.others(t, host, fresh) || t.host == host && t.turn == w.Turn && t.given != nil && !t.orphan {
			return
		}
		l.remove(t, Done{ID: id}, now)
	}
	t := &theirs{host: host, turn: w.Turn, task: w.Task}
	l.tasks[id] = t
	if l.open {
		l.book.Add(w.Task, now)
	} else {
		l.wanted[id] = t
	}
}

// hold enters what has something.
func (l *Leader) hold(host string, h Held, fresh bool, now time.Time) {
	id := h.Task.ID
	t := l.tasks[id]
	if t != nil && l.others(t, host, fresh) {
		return
	}
	if t != nil && t.given != nil && t.given.Agent == h.Given.Agent && slices.Equal(t.given.Devices, h.Given.Devices) {
		t.host, t.orphan = host, false
		delete(l.loose, id)
		return
	}
	if t != nil {
		l.remove(t, Done{ID: id}, now)
	}
	l.tasks[id] = &theirs{host: host, task: h.Task, since: now, given: &placement.Assignment{Task: h.Task, Agent: h.Given.Agent, Devices: h.Given.Devices}}
	l.book.Adopt(h.Task, h.Given, now)
}

// others says whether an attempt is another host's, which lives. Who has just adopted its run goes before that one; who only tells
// anew what it has may not have heard yet that it lost it.
func (l *Leader) others(t *theirs, host string, fresh bool) bool {
	if p := l.peer(t.host); t.host == host || fresh || !p.died.IsZero() || !p.told {
		return false
	}
	t.claimed = host
	return true
}

// remove takes an attempt out.
func (l *Leader) remove(t *theirs, d Done, now time.Time) {
	delete(l.tasks, d.ID)
	delete(l.loose, d.ID)
	delete(l.wanted, d.ID)
	delete(l.yields, d.ID)
	switch {
	case t.given == nil:
		l.book.Remove(d.ID)
	case d.Refused != "":
		l.book.Refused(d.ID, d.Refused, now)
		l.book.Remove(d.ID) // it comes again as another attempt; what refused it is remembered
	default:
		l.book.Ended(d.ID, d.Kept, now)
	}
	if t.claimed != "" {
		l.peer(t.claimed).again = true
	}
}
