package protocol

import (
	"cmp"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// HostConfig is what a host's end works with.
type HostConfig struct {
	ID string
	// Beat is how often agents say that they are there; 0: 5 s. One that has said nothing for Lost is taken for lost; 0:
	// three beats.
	Beat, Lost time.Duration
}

// Host is a host's end of the protocol. One goroutine owns it. Times are of a clock that stands still while the host cannot
// hear: an agent is lost only while it could have been heard.
type Host struct {
	cfg   HostConfig
	peers map[string]*peer
	tasks map[string]*sent
	// early are results that nobody waits for, by attempt: whoever does may still be read from the journal.
	early map[string]early
	asked map[Unknown]bool
	dead  []string      // see Dead
	due   time.Duration // nobody has been silent for too long before then
	acts  HostActs
}

// peer is an agent as it was heard last.
type peer struct {
	id      string
	session string // that was heard; empty: none was
	noted   string // that was written down
	heard   time.Duration
	away    string // why it gets no tasks, as what it is; empty: it gets some
	offline bool   // it is not there
	tasks   map[string]*sent
	// gone are attempts of it that were committed since its last beat, before those since the one before it: it may still
	// list them, and the journal need not be read for that.
	gone, before map[string]bool
}

// sent is an attempt that an agent is to carry out.
type sent struct {
	task     Task // no Body: it cannot be sent again
	attached bool // it was sent by an earlier process of this host, or should have been
	peer     *peer
	session  string // of the agent when it was sent; empty: unknown
	missing  int    // beats in a row that did not list it
	late     int    // beats in a row that list it as done though its result is not here
	stop     *Control
	ended    bool     // whoever waits for it has been told
	entries  []string // of this host's stream that tell of its end
}

type early struct {
	result Result
	entry  string
}

// HostActs are what has to be done now.
type HostActs struct {
	Tasks   []ToAgent[Task]
	Control []ToAgent[Control]
	Ended   []Result
	Trim    []string // entries of this host's stream that nobody needs any more
	Changed []Change
	Ask     []Unknown // see Answer
}

// Unknown is an attempt that an agent holds for this host, which does not wait for it; or for a dead one, Host.
type Unknown struct{ Agent, ID, Host string }

// ToAgent is a message for an agent.
type ToAgent[T any] struct {
	Agent string
	Msg   T
}

// Change is an agent that has become another, or went away.
type Change struct {
	Agent   string
	Away    string  // why it gets no tasks, as what it is: draining; empty: it gets some
	Offline bool    // it is not there
	Status  *Status // nil: as it was
	Session string
}

// missingMost is how many beats in a row may not list an attempt before it is taken for one that never came: it may have
// been on its way while the first was written.
const missingMost = 2

// NewHost makes a host's end.
func NewHost(c HostConfig) *Host {
	if c.Beat == 0 {
		c.Beat = 5 * time.Second
	}
	if c.Lost == 0 {
		c.Lost = 3 * c.Beat
	}
	return &Host{cfg: c, peers: map[string]*peer{}, tasks: map[string]*sent{}, early: map[string]early{}, asked: map[Unknown]bool{}}
}

// Acts gives what has to be done since it was asked last.
func (h *Host) Acts() HostActs {
	a := h.acts
	h.acts = HostActs{}
	return a
}

// Know takes in an agent that was there before this process began: it counts as heard now, or is away from the beginning. session
// is the one that was written down for it last.
func (h *Host) Know(agent, session, away string, now time.Duration) {
	p := h.peer(agent)
	p.noted, p.heard, p.away = session, now, away
}

func (h *Host) peer(id string) *peer {
	p := h.peers[id]
	if p == nil {
		p = &peer{id: id, tasks: map[string]*sent{}, gone: map[string]bool{}}
		h.peers[id], h.due = p, 0
	}
	return p
}

// Attempt is what an agent is to carry out.
type Attempt struct {
	Agent string
	ID    string
	Body  []byte // JSON
	// Held says that it was sent before: it is waited for. One that never came to the agent's process, Session, is sent then;
	// without a Body, or where nobody knows the session, it is lost.
	Held    bool
	Session string
}

// Dispatch sends an attempt to an agent, or ends it at once where the agent is away.
func (h *Host) Dispatch(agent string, t Task) {
	t.Host = h.cfg.ID
	p := h.peer(agent)
	s := &sent{task: t, peer: p, session: p.session}
	h.tasks[t.ID], p.tasks[t.ID] = s, s
	if p.away != "" {
		h.end(s, Result{ID: t.ID, Agent: agent, Error: &sdk.Error{Cause: sdk.CauseRefused, Message: "its agent is " + p.away}})
		return
	}
	h.acts.Tasks = append(h.acts.Tasks, ToAgent[Task]{agent, t})
}

// Attach waits for an attempt that was sent before: by an earlier process of this host, or for somebody who has gone. One that
// was to go to a session of its agent and never came, since its host died too early, is sent then, if it has a Body.
func (h *Host) Attach(agent, session string, t Task) {
	p, id := h.peer(agent), t.ID
	if s := h.tasks[id]; s != nil && s.peer == p {
		h.Reopen(id)
		return
	}
	t.Host = h.cfg.ID
	s := &sent{task: t, attached: true, peer: p, session: session}
	h.tasks[id], p.tasks[id] = s, s
	if e, ok := h.early[id]; ok {
		delete(h.early, id)
		h.Hear(e.entry, e.result)
	}
	if p.away != "" && !s.ended {
		h.end(s, lost(s, "its agent is "+p.away))
	}
}

// Answer says whether an attempt is under way as the journal tells it: it will be attached then. Else what the agent holds of
// it is wanted no more.
func (h *Host) Answer(u Unknown, open bool) {
	delete(h.asked, u)
	if s := h.tasks[u.ID]; open || s != nil && s.peer.id == u.Agent {
		return
	}
	h.drop(u.Agent, u.ID)
	if e, ok := h.early[u.ID]; ok {
		delete(h.early, u.ID)
		h.acts.Trim = append(h.acts.Trim, e.entry)
	}
}

func (h *Host) ask(agent, id, host string) {
	if u := (Unknown{agent, id, host}); !h.asked[u] {
		h.asked[u] = true
		h.acts.Ask = append(h.acts.Ask, u)
	}
}

// Stop tells an agent that an attempt has to end. Its result is awaited all the same.
func (h *Host) Stop(id string, why *sdk.Error) {
	s := h.tasks[id]
	if s == nil || s.ended || s.stop != nil {
		return
	}
	s.stop = &Control{Stop: id, Why: why}
	h.control(s.peer, *s.stop)
}

// Session gives the newest known process of an agent; empty: none is.
func (h *Host) Session(agent string) string {
	if p := h.peers[agent]; p != nil {
		return cmp.Or(p.session, p.noted)
	}
	return ""
}

// Abandon says that nobody waits for an attempt any more; it ends when it is committed.
func (h *Host) Abandon(id string) {
	if s := h.tasks[id]; s != nil {
		s.ended = true
	}
}

// Reopen says that a result cannot be used as it is, since what belongs to it is missing here: the agent is to send it again.
func (h *Host) Reopen(id string) {
	if s := h.tasks[id]; s != nil && s.ended {
		s.ended, s.late = false, 0
		h.control(s.peer, Control{Again: []string{id}})
	}
}

// Committed says that the end of an attempt is durable: the agent may forget it.
func (h *Host) Committed(id string) {
	s := h.tasks[id]
	if s == nil {
		return
	}
	delete(h.tasks, id)
	delete(s.peer.tasks, id)
	s.peer.gone[id] = true
	h.drop(s.peer.id, id)
	h.acts.Trim = append(h.acts.Trim, s.entries...)
}

// committed says whether an attempt of an agent was committed lately.
func (p *peer) committed(id string) bool { return p != nil && (p.gone[id] || p.before[id]) }

// drop has an agent forget an attempt. What it is told in one turn is one message.
func (h *Host) drop(agent, id string) {
	for k := len(h.acts.Control) - 1; k >= 0; k-- {
		if c := &h.acts.Control[k]; c.Agent == agent && c.Msg.Drop != nil {
			c.Msg.Drop = append(c.Msg.Drop, id)
			return
		}
	}
	h.acts.Control = append(h.acts.Control, ToAgent[Control]{agent, Control{Drop: []string{id}}})
}

func (h *Host) control(p *peer, c Control) {
	h.acts.Control = append(h.acts.Control, ToAgent[Control]{p.id, c})
}

func (h *Host) end(s *sent, r Result) {
	s.ended = true
	h.acts.Ended = append(h.acts.Ended, r)
}

func lost(s *sent, why string) Result {
	return Result{ID: s.task.ID, Agent: s.peer.id, Error: &sdk.Error{Cause: sdk.CauseLost, Message: why,
		Hint: "whether it took effect is unknown; it is tried again elsewhere"}}
}

// Tasks lists the attempts that an agent is to carry out.
func (h *Host) Tasks(agent string) []string {
	out := []string{}
	if p := h.peers[agent]; p != nil {
		for _, id := range sorted(p.tasks) {
			if !p.tasks[id].ended {
				out = append(out, id)
			}
		}
	}
	return out
}

// Heard says that the host hears again after it could not: agents have had no way to be heard.
func (h *Host) Heard(now time.Duration) {
	for _, p := range h.peers {
		p.heard = max(p.heard, now)
	}
}

// Remove forgets an agent that will not come back.
func (h *Host) Remove(agent string) {
	if p := h.peers[agent]; p != nil {
		h.away(p, "removed")
		delete(h.peers, agent)
	}
}

func sorted[T any](m map[string]T) []string {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
