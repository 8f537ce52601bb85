package placement

import (
	"cmp"
	"slices"
)

// defaultTasks is how many tasks without devices an agent takes at once that does not say.
const defaultTasks = 256

// most is how many tasks without devices the agent takes at once.
func (g *agent) most() int { return cmp.Or(g.Tasks, defaultTasks) }

// crew is agents that offer the same: what one could carry out without a device, all could.
type crew struct {
	offers  []string
	any     bool // offers is everything
	agents  []*agent
	rosters []*roster
}

// roster is the agents of a crew that could begin a task of a plugin that needs no device. It is a heap: an agent first whose
// process of the plugin is warm and idle, then the one that has the least to do.
type roster struct {
	plugin *plug
	heap   []*seat
	lines  []*line // that look at it
}

// seat is an agent's place on a roster.
type seat struct {
	roster  *roster
	agent   *agent
	process *process
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
func (b *Book) enlist(g *agent) {
	b.discharge(g)
	at := slices.IndexFunc(b.crews, func(c *crew) bool { return c.any == (g.Offers == nil) && slices.Equal(c.offers, g.Offers) })
	if at < 0 {
		at = len(b.crews)
		b.crews = append(b.crews, &crew{offers: g.Offers, any: g.Offers == nil})
	}
	g.crew = b.crews[at]
	g.crew.agents = append(g.crew.agents, g)
	for _, r := range g.crew.rosters {
		g.seat(r)
	}
}

// discharge takes an agent out of its crew.
func (b *Book) discharge(g *agent) {
	if g.crew == nil {
		return
	}
	for _, s := range g.seats {
		s.rise()
	}
	g.crew.agents = slices.DeleteFunc(g.crew.agents, func(other *agent) bool { return other == g })
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

func (g *agent) seat(r *roster) {
	s := &seat{roster: r, agent: g, process: g.process(Process(r.plugin.name, nil)), at: -1}
	g.seats = append(g.seats, s)
	s.sit()
}

// sit puts the agent where it belongs on its rosters, after something about its tasks has changed.
func (g *agent) sit() {
	for _, s := range g.seats {
		s.sit()
	}
}

func (s *seat) sit() {
	g := s.agent
	if g.Away != "" || g.tasks >= g.most() || s.process.saturated() {
		s.rise()
		return
	}
	s.cold, s.load = !s.process.warm || s.process.running > 0, float64(g.tasks)/float64(g.most())
	if s.at >= 0 {
		s.roster.fix(s.at)
		return
	}
	r := s.roster
	s.at = len(r.heap)
	r.heap = append(r.heap, s)
	r.fix(s.at)
	for _, l := range r.lines {
		if l.blocked {
			l.look()
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

// first gives the best agent for a task of the line. Only for who needs RAM, disk or model files, or was refused, it looks at
// all of them.
func (r *roster) first(l *line) (best *seat) {
	q := &l.task.Request
	if len(r.heap) > 0 && q.RAM == 0 && q.Disk == 0 && len(l.task.Files) == 0 && len(l.avoid) == 0 {
		return r.heap[0]
	}
	for _, s := range r.heap {
		if (best == nil || s.before(best)) && !l.avoid[s.agent] && s.agent.stocks(l) && s.agent.short(l) == "" {
			best = s
		}
	}
	return best
}

// rosters are those of all crews that could serve the line.
func (b *Book) rosters(l *line) []*roster {
	for ; l.mustered < len(b.crews); l.mustered++ {
		c := b.crews[l.mustered]
		if !c.offer(l.task.offer()) {
			continue
		}
		r := c.rosterFor(l.plugin)
		l.rosters = append(l.rosters, r)
		if b.byKey[l.key] == l { // it is there to stay
			r.lines = append(r.lines, l)
		}
	}
	return l.rosters
}

func (c *crew) offer(nodeType string) bool {
	if c.any {
		return true
	}
	_, ok := slices.BinarySearch(c.offers, nodeType)
	return ok
}

// crowded says that no agent could begin a task of the line, which needs no device.
func (b *Book) crowded(l *line) bool {
	return !slices.ContainsFunc(b.rosters(l), func(r *roster) bool { return len(r.heap) > 0 })
}

// anywhere is for what needs no device.
func (b *Book) anywhere(l *line) (choice, bool) {
	var best *seat
	for _, r := range b.rosters(l) {
		if s := r.first(l); s != nil && (best == nil || s.before(best)) {
			best = s
		}
	}
	if best == nil {
		return choice{}, false
	}
	return choice{agent: best.agent, proc: best.process, id: best.process.id(l)}, true
}
