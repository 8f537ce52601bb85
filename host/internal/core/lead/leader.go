package lead

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// The patience of a leader.
const (
	// gatherMost is how long a new one waits for what hosts have before it places anything. Who was taken for dead until then
	// has been adopted.
	gatherMost = 20 * time.Second
	// orphanMost is how long what a dead host has is kept for who adopts it.
	orphanMost = 20 * time.Second
)

// Agent is an agent as it was heard last.
type Agent struct {
	placement.Agent
	Devices   []device.Device
	RAM, Disk int64 // in all; below zero: nobody knows
	Warm      []device.Warm
	// Running are the attempts that it works on, by host.
	Running map[string][]string
}

// Term is what the store says of who leads.
type Term struct {
	Leader string
	Epoch  int64
	// Until is how long this host leads; zero: it does not.
	Until time.Time
	// Living are the hosts that live, this one among them; Dead those that do not.
	Living, Dead []string
}

// Leader places the tasks of all hosts while its host leads, and else only knows the agents. One goroutine owns it.
type Leader struct {
	id     string
	policy placement.Policy
	agents map[string]Agent

	term   Term
	began  time.Time
	open   bool // it has gathered what hosts have and want
	book   *placement.Book
	hosts  map[string]*peer
	tasks  map[string]*theirs
	loose  map[string]*theirs // given, and not taken yet
	wanted map[string]*theirs // by whom they are not taken out again: to be placed once open
	yields map[string]bool    // told to give back what they have, and have not yet
	board  Board
}

// peer is a host as the leader knows it.
type peer struct {
	session, n int64
	told       bool // all that it has
	again      bool // it has to tell all anew
	shown      bool // it knows the board
	died       time.Time
}

// theirs is an attempt of a host.
type theirs struct {
	host    string
	task    placement.Task
	given   *placement.Assignment // nil: it waits
	claimed string                // another host that says it has it
}

// To is an answer for a host.
type To struct {
	Host   string
	Answer Answer
}

// NewLeader makes a host's end.
func NewLeader(id string, p placement.Policy) *Leader {
	return &Leader{id: id, policy: p, agents: map[string]Agent{}}
}

// Lead takes in what the store says.
func (l *Leader) Lead(t Term, now time.Time) {
	was := l.term
	l.term = t
	if t.Until.IsZero() {
		l.book = nil
		return
	}
	if l.book == nil || t.Epoch != was.Epoch {
		l.book, l.began, l.open, l.board = placement.New(l.policy), now, false, Board{}
		l.hosts, l.tasks, l.loose, l.wanted, l.yields = map[string]*peer{}, map[string]*theirs{}, map[string]*theirs{}, map[string]*theirs{}, map[string]bool{}
		for _, id := range slices.Sorted(maps.Keys(l.agents)) {
			l.show(l.agents[id], now)
		}
	}
	l.bury(now)
}

// leads says whether it may place anything.
func (l *Leader) leads(now time.Time) bool { return l.book != nil && now.Before(l.term.Until) }

// Agent takes in what an agent says of itself.
func (l *Leader) Agent(a Agent, now time.Time) {
	l.agents[a.ID] = a
	if l.book != nil {
		l.show(a, now)
	}
}

func (l *Leader) show(a Agent, now time.Time) {
	l.book.SetAgent(a.Agent)
	l.book.Observe(a.ID, a.Devices, a.RAM, a.Disk)
	l.book.Warm(a.ID, a.Warm, now)
}

// Forget removes an agent that a person has taken out.
func (l *Leader) Forget(id string) {
	delete(l.agents, id)
	if l.book != nil {
		l.book.Forget(id)
	}
}

func (l *Leader) peer(host string) *peer {
	p := l.hosts[host]
	if p == nil {
		p = &peer{}
		l.hosts[host] = p
	}
	return p
}

// bury takes out what dead hosts want: whoever adopts their runs wants it anew. What they have is kept for a while.
func (l *Leader) bury(now time.Time) {
	for _, host := range l.term.Living {
		l.peer(host).died = time.Time{}
	}
	for _, host := range l.term.Dead {
		p := l.hosts[host]
		if p == nil {
			continue
		}
		if p.died.IsZero() {
			p.died, p.told, p.again = now, false, true // should it wake
		}
		for _, id := range l.of(host) {
			if t := l.tasks[id]; t.given == nil || now.Sub(p.died) >= orphanMost {
				l.remove(t, Done{ID: id}, now)
			}
		}
	}
}

// of lists a host's attempts.
func (l *Leader) of(host string) (ids []string) {
	for id, t := range l.tasks {
		if t.host == host {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Hear takes in what an owner says.
func (l *Leader) Hear(a Ask, now time.Time) {
	if l.book == nil || a.Epoch != l.term.Epoch {
		return
	}
	p := l.peer(a.Host)
	next := p.n
	if len(a.Changes) > 0 {
		next++
	}
	switch {
	case a.Session < p.session: // of a process that is gone; this one, if it lives, hears of the session that is known
		return
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

// whole takes in all that a host has: what is not in it is no more.
func (l *Leader) whole(p *peer, a Ask, now time.Time) {
	listed := map[string]bool{}
	for _, c := range a.Changes {
		switch {
		case c.Want != nil:
			listed[c.Want.ID] = true
		case c.Held != nil:
			listed[c.Held.Task.ID] = true
		}
	}
	for _, id := range l.of(a.Host) {
		if !listed[id] || a.Session != p.session { // another process knows nothing of what was given to the one before
			l.remove(l.tasks[id], Done{ID: id}, now)
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
		if t := l.tasks[c.Done.ID]; t != nil && t.host == host {
			l.remove(t, *c.Done, now)
		}
	}
}

// want enters what waits. What was given to it is on its way, or was to a host that had its run before.
func (l *Leader) want(host string, task placement.Task, fresh bool, now time.Time) {
	if t := l.tasks[task.ID]; t != nil {
		if l.others(t, host, fresh) || t.host == host && t.given != nil {
			return
		}
		l.remove(t, Done{ID: task.ID}, now)
	}
	t := &theirs{host: host, task: task}
	l.tasks[task.ID] = t
	if l.open {
		l.book.Add(task, now)
	} else {
		l.wanted[task.ID] = t
	}
}

// hold enters what has something.
func (l *Leader) hold(host string, h Held, fresh bool, now time.Time) {
	t := l.tasks[h.Task.ID]
	if t != nil && l.others(t, host, fresh) {
		return
	}
	if t != nil && t.given != nil {
		t.host = host
		delete(l.loose, h.Task.ID)
		return
	}
	if t != nil {
		l.remove(t, Done{ID: h.Task.ID}, now)
	}
	l.tasks[h.Task.ID] = &theirs{host: host, task: h.Task, given: &placement.Assignment{Task: h.Task, Agent: h.Given.Agent, Devices: h.Given.Devices}}
	l.book.Adopt(h.Task, h.Given, now)
}

// others says whether an attempt is another host's, which lives. Who has just adopted its run goes before that one; who only tells
// anew what it has may not have heard yet that it lost it.
func (l *Leader) others(t *theirs, host string, fresh bool) bool {
	if t.host == host || fresh || l.peer(t.host).died != (time.Time{}) || !l.peer(t.host).told {
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

// Act places what can be placed, and gives what hosts are to be told. tick: it is time to repeat what was not confirmed, and to
// say what waits.
func (l *Leader) Act(tick bool, now time.Time) []To {
	if !l.leads(now) {
		return nil
	}
	if !l.open && l.gathered(now) {
		l.open = true
		for _, t := range slices.SortedFunc(maps.Values(l.wanted), func(x, y *theirs) int {
			return cmp.Or(x.task.Since.Compare(y.task.Since), cmp.Compare(x.task.ID, y.task.ID))
		}) {
			l.book.Add(t.task, now)
		}
		clear(l.wanted)
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

// Wake is when something may be placed though nothing happens; zero: at no time that is known.
func (l *Leader) Wake() time.Time {
	if l.book == nil || !l.open {
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
		t.given, l.loose[a.Task.ID] = &a, t
		l.give(say, t)
	}
	for _, id := range l.book.Yields() {
		l.yields[id] = true
		x := l.answer(say, l.tasks[id].host)
		x.Yield = append(x.Yield, id)
	}
}

func (l *Leader) give(say map[string]*Answer, t *theirs) {
	a, x := *t.given, l.answer(say, t.host)
	a.Task = placement.Task{ID: a.Task.ID}
	x.Given = append(x.Given, a)
}

// repeat says again what was not confirmed, and what waits when that is not known.
func (l *Leader) repeat(say map[string]*Answer, now time.Time) {
	clear(say)
	for _, id := range slices.Sorted(maps.Keys(l.loose)) {
		l.give(say, l.loose[id])
	}
	for _, id := range slices.Sorted(maps.Keys(l.yields)) {
		x := l.answer(say, l.tasks[id].host)
		x.Yield = append(x.Yield, id)
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
			b.Rest += ": " + strings.Join(awaited, ", ")
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

// gathered says whether all is known of what hosts have, or will not be.
func (l *Leader) gathered(now time.Time) bool {
	return now.Sub(l.began) >= gatherMost || len(l.awaited()) == 0
}

// awaited are the hosts that have not told what they have, and the attempts of dead ones that nobody has told of though agents work
// on them.
func (l *Leader) awaited() (out []string) {
	for _, host := range l.term.Living {
		if !l.peer(host).told {
			out = append(out, "host "+host)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(l.agents)) {
		for _, host := range l.term.Dead {
			for _, attempt := range l.agents[id].Running[host] {
				if l.tasks[attempt] == nil {
					out = append(out, attempt)
				}
			}
		}
	}
	return out
}
