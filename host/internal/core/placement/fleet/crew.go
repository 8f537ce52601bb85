package fleet

import (
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// crew is agents that offer the same: what one could carry out without a device, all could.
type crew struct {
	offers  []string
	agents  []*Agent
	rosters []*roster
}

// roster is the agents of a crew that could begin a task of a plugin that needs no device. It is a heap: an agent first whose
// process of the plugin is warm and idle, then the one that has the least to do.
type roster struct {
	plugin *plug
	heap   []*seat
	needs  []*Need // that look at it
}

// seat is an agent's place on a roster.
type seat struct {
	roster  *roster
	agent   *Agent
	process *Process
	at      int // in the heap; -1: it could begin no task now
	cold    bool
	load    float64 // tasks, of those that the agent takes
}

func (s *seat) before(t *seat) bool {
	switch {
	case s.cold != t.cold:
		return t.cold
	case s.load != t.load:
		return s.load < t.load
	}
	return s.agent.seq < t.agent.seq
}

// enlist finds the crew of an agent.
func (f *Fleet) enlist(g *Agent) {
	f.discharge(g)
	at := slices.IndexFunc(f.crews, func(c *crew) bool { return (c.offers == nil) == (g.Offers == nil) && slices.Equal(c.offers, g.Offers) })
	if at < 0 {
		at = len(f.crews)
		f.crews = append(f.crews, &crew{offers: g.Offers})
	}
	g.crew = f.crews[at]
	g.crew.agents = append(g.crew.agents, g)
	for _, r := range g.crew.rosters {
		g.seat(r)
	}
}

// discharge takes an agent out of its crew.
func (f *Fleet) discharge(g *Agent) {
	if g.crew == nil {
		return
	}
	for _, s := range g.seats {
		s.rise()
	}
	g.crew.agents = slices.DeleteFunc(g.crew.agents, func(other *Agent) bool { return other == g })
	g.crew, g.seats = nil, nil
}

// rosterFor gives the roster that tasks of a plugin look at.
func (c *crew) rosterFor(plugin *plug) *roster {
	for _, r := range c.rosters {
		if r.plugin == plugin {
			return r
		}
	}
	r := &roster{plugin: plugin}
	c.rosters = append(c.rosters, r)
	for _, g := range c.agents {
		g.seat(r)
	}
	return r
}

func (g *Agent) seat(r *roster) {
	s := &seat{roster: r, agent: g, process: g.Process(placement.Process(r.plugin.name, nil)), at: -1}
	g.seats = append(g.seats, s)
	s.sit()
}

// sit puts the agent where it belongs on its rosters, after something about its tasks has changed.
func (g *Agent) sit() {
	for _, s := range g.seats {
		s.sit()
	}
}

func (s *seat) sit() {
	g := s.agent
	if g.Away != "" || g.Running >= g.Most() || s.process.Saturated() {
		s.rise()
		return
	}
	s.cold, s.load = !s.process.warm || s.process.running > 0, float64(g.Running)/float64(g.Most())
	if s.at >= 0 {
		s.roster.fix(s.at)
		return
	}
	r := s.roster
	s.at = len(r.heap)
	r.heap = append(r.heap, s)
	r.fix(s.at)
	for _, n := range r.needs {
		if n.Blocked {
			n.Look()
		}
	}
}

// rise takes the seat off the roster.
func (s *seat) rise() {
	if s.at < 0 {
		return
	}
	r, at := s.roster, s.at
	last := len(r.heap) - 1
	r.swap(at, last)
	r.heap[last] = nil
	r.heap, s.at = r.heap[:last], -1
	if at < last {
		r.fix(at)
	}
}

// fix puts a seat right in the heap.
func (r *roster) fix(at int) {
	for at > 0 && r.heap[at].before(r.heap[(at-1)/2]) {
		r.swap(at, (at-1)/2)
		at = (at - 1) / 2
	}
	for {
		least := at
		for k := 2*at + 1; k <= 2*at+2 && k < len(r.heap); k++ {
			if r.heap[k].before(r.heap[least]) {
				least = k
			}
		}
		if least == at {
			return
		}
		r.swap(at, least)
		at = least
	}
}

func (r *roster) swap(i, j int) {
	h := r.heap
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// first gives the best agent for a task of the need. Only for who needs RAM, disk or model files or node classes, or was refused, it looks at
// all of them.
func (r *roster) first(n *Need) (best *seat) {
	q := &n.Task.Request
	if len(r.heap) > 0 && q.RAM == 0 && q.Disk == 0 && len(n.Task.Files)+len(n.Task.Classes) == 0 && len(n.Avoid) == 0 {
		return r.heap[0]
	}
	for _, s := range r.heap {
		if (best == nil || s.before(best)) && !n.Avoid[s.agent] && s.agent.Stocks(n) && s.agent.Short(n) == "" {
			best = s
		}
	}
	return best
}

// rosters are those of all crews that could serve the need.
func (f *Fleet) rosters(n *Need) []*roster {
	for ; n.mustered < len(f.crews); n.mustered++ {
		c := f.crews[n.mustered]
		if !placement.Offer(c.offers, n.Task.Offered()) {
			continue
		}
		r := c.rosterFor(n.Plugin)
		n.rosters = append(n.rosters, r)
		if n.listed {
			r.needs = append(r.needs, n)
		}
	}
	return n.rosters
}

// Crowded says that no agent could begin a task of the need, which needs no device.
func (f *Fleet) Crowded(n *Need) bool {
	return !slices.ContainsFunc(f.rosters(n), func(r *roster) bool { return len(r.heap) > 0 })
}

// Anywhere is for what needs no device.
func (f *Fleet) Anywhere(n *Need) (Choice, bool) {
	var best *seat
	for _, r := range f.rosters(n) {
		if s := r.first(n); s != nil && (best == nil || s.before(best)) {
			best = s
		}
	}
	if best == nil {
		return Choice{}, false
	}
	return Choice{Agent: best.agent, Proc: best.process, ID: best.process.ID(n)}, true
}
