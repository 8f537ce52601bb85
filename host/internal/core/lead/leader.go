package lead

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
)

// The patience of a leader.
const (
	// gatherMost is how long a new one waits for what hosts have before it places anything. Who was taken for dead until then
	// has been adopted.
	gatherMost = 20 * time.Second
	// orphanMost is how long what a dead host has is kept for who adopts it, when no agent works on it.
	orphanMost = 20 * time.Second
	// young is for how long an agent may not have told yet that it works on what was given.
	young = 10 * time.Second
)

// Agent is an agent as it was heard last.
type Agent struct {
	placement.Agent
	Devices   []device.Device
	RAM, Disk int64 // in all; below zero: nobody knows
	Warm      []device.Warm
}

// Running are the attempts that agents work on, by agent and by the host that waits for them.
type Running map[string]map[string][]string

// Term is what the store says of who leads.
type Term struct {
	Epoch int64
	// Until is how long this host leads; zero: it does not.
	Until time.Time
	// Living are the hosts that live, this one among them; Dead those that do not.
	Living, Dead []string
}

// Leader places the tasks of all hosts while its host leads, and else only knows the agents. One goroutine owns it.
type Leader struct {
	id      string
	policy  placement.Policy
	agents  map[string]Agent
	running Running

	term   Term
	began  time.Time
	open   bool       // it has gathered what hosts have and want
	book   *book.Book // nil: it does not lead
	hosts  map[string]*peer
	tasks  map[string]*theirs
	loose  map[string]*theirs // given, and not taken yet
	wanted map[string]*theirs // to be placed once open
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
	away       map[string]string
}

// theirs is an attempt of a host.
type theirs struct {
	host    string
	turn    uint64
	task    placement.Task
	given   *placement.Assignment // nil: it waits
	since   time.Time             // it was given that
	claimed string                // another host that says it has it
	// orphan: who had it waits for it no more, and its agent works on it still.
	orphan bool
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
		l.book, l.began, l.open, l.board = book.New(l.policy), now, false, Board{}
		l.hosts, l.tasks, l.loose, l.wanted, l.yields = map[string]*peer{}, map[string]*theirs{}, map[string]*theirs{}, map[string]*theirs{}, map[string]bool{}
		for _, id := range slices.Sorted(maps.Keys(l.agents)) {
			l.show(l.agents[id], now)
		}
	}
	if !now.Before(was.Until) { // it could not hear
		l.began = now
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
	for _, host := range slices.Sorted(maps.Keys(l.hosts)) {
		a.Away = cmp.Or(a.Away, l.hosts[host].away[a.ID])
	}
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

// Runs takes in what agents work on.
func (l *Leader) Runs(r Running, now time.Time) {
	l.running = r
	if l.book == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(l.tasks)) {
		if t := l.tasks[id]; t.orphan && !l.runs(t) && now.Sub(t.since) >= young {
			l.remove(t, Done{ID: id}, now)
		}
	}
}

// runs says whether an attempt is under way where it was given something, whoever waits for it.
func (l *Leader) runs(t *theirs) bool {
	for _, ids := range l.running[t.given.Agent] {
		if slices.Contains(ids, t.task.ID) {
			return true
		}
	}
	return false
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
			p.died = now
		}
		p.told, p.again = false, true // should it wake
		for _, id := range l.of(host) {
			if t := l.tasks[id]; t.given == nil || now.Sub(p.died) >= orphanMost && !l.runs(t) {
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

// gathered says whether all is known of what hosts have, or will not be.
func (l *Leader) gathered(now time.Time) bool {
	return now.Sub(l.began) >= gatherMost || len(l.awaited()) == 0
}

// awaited are the hosts that have not told what they have, and what agents work on for them and nobody has told of.
func (l *Leader) awaited() (out []string) {
	for _, host := range l.term.Living {
		if !l.peer(host).told {
			out = append(out, "host "+host)
		}
	}
	for _, agent := range slices.Sorted(maps.Keys(l.running)) {
		for _, host := range slices.Concat(l.term.Living, l.term.Dead) {
			for _, id := range l.running[agent][host] {
				if l.tasks[id] == nil {
					out = append(out, id)
				}
			}
		}
	}
	return out
}

// Shortages gives the model files that are lacking for attempts that wait: see book.Book. Who does not lead knows of none.
func (l *Leader) Shortages() []placement.Shortage {
	if l.book == nil {
		return nil
	}
	return l.book.Shortages()
}
