package lead

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// To is an answer for a host.
type To struct {
	Host   string
	Answer Answer
}

// Act places what can be placed, and gives what hosts are to be told. tick: it is time to repeat what was not confirmed, and to
// say what waits.
func (l *Leader) Act(tick bool, now time.Time) []To {
	if !l.leads(now) {
		return nil
	}
	if !l.open && l.gathered(now) {
		l.begin(now)
	}
	say := map[string]*Answer{}
	if l.open {
		l.decide(say, now)
	}
	if tick {
		l.repeat(say, now)
	}
	for host, p := range l.hosts {
		if p.again && p.died.IsZero() && (tick || p.told) { // at once what was just missed, and then at each tick
			l.answer(say, host).Again = true
			p.told = false
		}
	}
	out := make([]To, 0, len(say))
	for _, host := range slices.Sorted(maps.Keys(say)) {
		out = append(out, To{host, *say[host]})
	}
	return out
}

// begin places from now on. Who came first is first, whichever host told of it first.
func (l *Leader) begin(now time.Time) {
	l.open = true
	for _, t := range slices.SortedFunc(maps.Values(l.wanted), func(x, y *theirs) int {
		return cmp.Or(x.task.Since.Compare(y.task.Since), cmp.Compare(x.task.ID, y.task.ID))
	}) {
		l.book.Add(t.task, now)
	}
	clear(l.wanted)
}

// Wake is when something may be placed though nothing happens; zero: at no time that is known.
func (l *Leader) Wake(now time.Time) time.Time {
	if !l.leads(now) || !l.open {
		return time.Time{}
	}
	return l.book.Wake()
}

func (l *Leader) answer(say map[string]*Answer, host string) *Answer {
	if say[host] == nil {
		say[host] = &Answer{Leader: l.id, Epoch: l.term.Epoch, Session: l.peer(host).session}
	}
	return say[host]
}

func (l *Leader) decide(say map[string]*Answer, now time.Time) {
	for _, a := range l.book.Decide(now, nil) {
		t := l.tasks[a.Task.ID]
		t.given, t.since, l.loose[a.Task.ID] = &a, now, t
		l.give(say, t)
	}
	for _, id := range l.book.Yields() {
		l.yields[id] = true
		l.yield(say, id)
	}
}

func (l *Leader) give(say map[string]*Answer, t *theirs) {
	a, x := t.given, l.answer(say, t.host)
	x.Given = append(x.Given, Given{ID: t.task.ID, Turn: t.turn, Agent: a.Agent, Devices: a.Devices, Warm: a.Warm, Unload: a.Unload, Bypassed: a.Bypassed})
}

func (l *Leader) yield(say map[string]*Answer, id string) {
	x := l.answer(say, l.tasks[id].host)
	x.Yield = append(x.Yield, id)
}

// repeat says again what was not confirmed, and what waits when that is not known.
func (l *Leader) repeat(say map[string]*Answer, now time.Time) {
	clear(say) // it is among that
	for _, id := range slices.Sorted(maps.Keys(l.loose)) {
		l.give(say, l.loose[id])
	}
	for _, id := range slices.Sorted(maps.Keys(l.yields)) {
		l.yield(say, id)
	}
	board := l.waiting(now)
	changed := board.Rest != l.board.Rest || !slices.Equal(board.Waiting, l.board.Waiting)
	l.board = board
	for _, host := range l.term.Living {
		p := l.peer(host)
		p.again = p.again || !p.told
		if changed || !p.shown {
			l.answer(say, host).Board = &board
		}
		p.shown = p.told // one that has not answered may not have heard
	}
}

func (l *Leader) waiting(now time.Time) (b Board) {
	if !l.open {
		b.Rest = "host " + l.id + " has just begun to place tasks for all hosts, and waits until it knows what they have"
		if awaited := l.awaited(); len(awaited) > 0 {
			b.Rest += ": " + strings.Join(awaited[:min(len(awaited), 3)], ", ")
		}
		return b
	}
	ids := l.book.Waiting()
	if len(ids) > Shown {
		ids = ids[:Shown]
		b.Rest = "many tasks go before it"
	}
	for _, id := range ids {
		r := l.book.Why(id, now)
		b.Waiting = append(b.Waiting, Waits{ID: id, Why: r.Said(now), Never: r.Never})
	}
	return b
}
