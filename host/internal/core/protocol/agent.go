package protocol

import (
	"slices"

	"github.com/myspinbot/spinbot/sdk"
)

// Agent is an agent's end of the protocol. One goroutine owns it.
type Agent struct {
	id, session string
	tasks       map[string]*held
	// done with before they came: what has to become of attempts that this agent has not seen. The oldest go first.
	tombs    map[string]*tomb
	buried   []string
	draining bool
	acts     AgentActs
}

// held is an attempt that the agent works on, or has the result of.
type held struct {
	host    string
	result  *Result // nil: it works on it
	entries []string
	stopped bool
	dropped bool // the host wants it no more
}

// tomb is what became of an attempt that is not here.
type tomb struct {
	stop *sdk.Error // nil: it is wanted no more
}

// maxTombs is how many are kept: an attempt that comes later than as many others is begun, and stopped at the next beat.
const maxTombs = 50_000

// AgentActs are what has to be done now, in this order.
type AgentActs struct {
	Start   []Task   // their start has to be noted first
	Adopted []Record // attempts under way that another host waits for now: that has to be noted
	Stop    []Stopping
	Results []ToHost
	Forget  []string // attempts that are done with, seen or not: a note of that outlives the process
	Trim    []string // entries of the task stream that nobody needs any more
	Orders  []Order
}

// Stopping is an attempt that has to stop, and why.
type Stopping struct {
	ID  string
	Why *sdk.Error
}

// ToHost is a result for a host.
type ToHost struct {
	Host string
	Msg  Result
}

// Record is what an agent has noted of an attempt in an earlier process.
type Record struct {
	ID, Host string
	Result   *Result // nil: it was under way
	Gone     bool    // the host is done with it
}

// NewAgent makes an agent's end. What it noted earlier it has the results of; what was under way then has none.
func NewAgent(id, session string, noted []Record) *Agent {
	a := &Agent{id: id, session: session, tasks: map[string]*held{}, tombs: map[string]*tomb{}}
	for _, r := range noted {
		if r.Gone {
			a.bury(r.ID, &tomb{})
			continue
		}
		h := &held{host: r.Host, result: r.Result}
		a.tasks[r.ID] = h
		if h.result == nil {
			a.finish(r.ID, h, Result{Error: lostHere()})
			continue
		}
		a.acts.Results = append(a.acts.Results, ToHost{r.Host, *h.result})
	}
	return a
}

func lostHere() *sdk.Error {
	return &sdk.Error{Cause: sdk.CauseLost, Message: "its agent stopped while it ran", Hint: "whether it took effect is unknown; it is tried again"}
}

// Acts gives what has to be done since it was asked last.
func (a *Agent) Acts() AgentActs {
	acts := a.acts
	a.acts = AgentActs{}
	return acts
}

// Task takes in an attempt that stands in the task stream as the entry. stale says that an earlier process may have begun it
// without a note of that.
func (a *Agent) Task(entry string, t Task, stale bool) {
	if h := a.tasks[t.ID]; h != nil {
		h.entries = append(h.entries, entry)
		return
	}
	if tomb := a.tombs[t.ID]; tomb != nil && tomb.stop == nil {
		a.acts.Trim = append(a.acts.Trim, entry)
		return
	}
	h := &held{host: t.Host, entries: []string{entry}}
	a.tasks[t.ID] = h
	switch tomb := a.tombs[t.ID]; {
	case tomb != nil:
		delete(a.tombs, t.ID)
		a.finish(t.ID, h, Result{Error: tomb.stop})
	case stale:
		a.finish(t.ID, h, Result{Error: lostHere()})
	case a.draining:
		a.finish(t.ID, h, Result{Error: &sdk.Error{Cause: sdk.CauseDrained, Message: "its agent drains"}})
	default:
		a.acts.Start = append(a.acts.Start, t)
	}
}

// Control takes in what a host says.
func (a *Agent) Control(c Control) {
	if c.Stop != "" {
		a.stop(c.Stop, c.Why)
	}
	for _, id := range c.Drop {
		a.drop(id)
	}
	for _, id := range c.Again {
		if h := a.tasks[id]; h != nil && h.result != nil {
			a.acts.Results = append(a.acts.Results, ToHost{h.host, *h.result})
		}
	}
	for _, id := range c.Adopt {
		a.adopt(id, c.Host)
	}
	if c.Order != nil {
		a.acts.Orders = append(a.acts.Orders, *c.Order)
	}
}

// adopt has another host be told of an attempt from now on.
func (a *Agent) adopt(id, host string) {
	h := a.tasks[id]
	if h == nil || h.host == host || host == "" {
		return
	}
	if h.host = host; h.result != nil {
		a.acts.Results = append(a.acts.Results, ToHost{host, *h.result})
		return
	}
	a.acts.Adopted = append(a.acts.Adopted, Record{ID: id, Host: host})
}

// HostOf gives the host that waits for an attempt; empty: it is not here.
func (a *Agent) HostOf(id string) string {
	if h := a.tasks[id]; h != nil {
		return h.host
	}
	return ""
}

func (a *Agent) stop(id string, why *sdk.Error) {
	if why == nil {
		why = &sdk.Error{Cause: sdk.CauseCancelled, Message: "it was stopped"}
	}
	switch h := a.tasks[id]; {
	case h == nil:
		if a.tombs[id] == nil {
			a.bury(id, &tomb{stop: why})
		}
	case h.result == nil && !h.stopped:
		h.stopped = true
		a.acts.Stop = append(a.acts.Stop, Stopping{id, why})
	}
}

func (a *Agent) drop(id string) {
	h, was := a.tasks[id], a.tombs[id]
	a.bury(id, &tomb{})
	switch {
	case h == nil && (was == nil || was.stop != nil):
		a.acts.Forget = append(a.acts.Forget, id)
	case h == nil || h.dropped:
	case h.result != nil:
		a.forget(id, h)
	default:
		h.dropped = true
		if !h.stopped {
			h.stopped = true
			a.acts.Stop = append(a.acts.Stop, Stopping{id, &sdk.Error{Cause: sdk.CauseLost, Message: "another attempt has taken its place"}})
		}
	}
}

func (a *Agent) bury(id string, t *tomb) {
	if a.tombs[id] == nil {
		a.buried = append(a.buried, id)
	}
	a.tombs[id] = t
	if len(a.buried) > maxTombs {
		delete(a.tombs, a.buried[0])
		a.buried = a.buried[1:]
	}
}

func (a *Agent) forget(id string, h *held) {
	delete(a.tasks, id)
	a.acts.Forget = append(a.acts.Forget, id)
	a.acts.Trim = append(a.acts.Trim, h.entries...)
}

// Finished takes in how an attempt ended that was started.
func (a *Agent) Finished(id string, r Result) {
	switch h := a.tasks[id]; {
	case h == nil || h.result != nil:
	case h.dropped:
		a.forget(id, h)
	default:
		a.finish(id, h, r)
	}
}

func (a *Agent) finish(id string, h *held, r Result) {
	r.ID, r.Agent = id, a.id
	h.result = &r
	a.acts.Results = append(a.acts.Results, ToHost{h.host, r})
}

// Drain takes nothing more from now on, or takes tasks again.
func (a *Agent) Drain(on bool) { a.draining = on }

// Draining says whether it takes nothing more.
func (a *Agent) Draining() bool { return a.draining }

// Holds says how many attempts are under way, and how many have ended that the host is not done with.
func (a *Agent) Holds() (running, done int) {
	for _, h := range a.tasks {
		if h.result == nil {
			running++
		} else {
			done++
		}
	}
	return running, done
}

// Running lists the attempts under way.
func (a *Agent) Running() (ids []string) {
	for _, id := range sorted(a.tasks) {
		if a.tasks[id].result == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Beat says what is held now.
func (a *Agent) Beat() Beat {
	b := Beat{V: Version, Agent: a.id, Session: a.session, Held: map[string]Holding{}}
	for id, h := range a.tasks {
		if h.dropped {
			continue
		}
		x := b.Held[h.host]
		if h.result == nil {
			x.Running = append(x.Running, id)
		} else {
			x.Done = append(x.Done, id)
		}
		b.Held[h.host] = x
	}
	for _, x := range b.Held {
		slices.Sort(x.Running)
		slices.Sort(x.Done)
	}
	return b
}
