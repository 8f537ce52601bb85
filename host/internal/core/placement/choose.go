package placement

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/btree"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// choice is where a task could go.
type choice struct {
	spots  []*spot
	agent  *agent // when there are no spots
	proc   *process
	id     string // what is kept warm there
	warm   bool
	unload []string
}

// Decide places what can be placed, and appends it to out. What has to give way for that is told by Yields.
func (b *Book) Decide(now time.Time, out []Assignment) []Assignment {
	b.now = now
	b.decides++
	b.age(now)
	for _, l := range b.lines {
		if l.blocked && !l.until.IsZero() && !l.until.After(now) {
			l.look()
		}
	}
	for {
		b.unblock()
		first, warm := b.next()
		if first == nil {
			return out
		}
		if warm != nil && warm != first && b.ahead(warm) < lookAhead {
			placed, ok := b.try(warm, true)
			if placed != nil {
				out = append(out, *placed)
			}
			if !ok {
				warm.cold = b.decides
			}
			continue
		}
		placed, ok := b.try(first, false)
		switch {
		case placed != nil:
			out = append(out, *placed)
		case !ok && b.policy.Order == FirstCome:
			return out
		}
	}
}

// Yields gives the tasks that have to give way, once: they are to be stopped and given back with Yielded.
func (b *Book) Yields() []string {
	out := b.evicted
	b.evicted = nil
	return out
}

// Wake says when Decide is worth another call though nothing happens; zero: never.
func (b *Book) Wake() time.Time {
	var at time.Time
	for _, l := range b.lines {
		if l.size > 0 && !l.until.IsZero() && (at.IsZero() || l.until.Before(at)) {
			at = l.until
		}
	}
	return at
}

// unblock has those lines looked at again to which it could make a difference what was given back.
func (b *Book) unblock() {
	if b.freed {
		b.freed = false
		for _, l := range b.lines {
			if r := &l.task.Request; r.Count == 0 || r.RAM > 0 || r.Disk > 0 {
				l.look()
			}
		}
	}
	for _, x := range b.gained {
		x.gained = false
		for _, l := range b.lines {
			if l.size > 0 && (l.blocked || len(l.hopes) > 0) && x.hope(l) {
				l.blocked = false
				l.hopes = append(l.hopes, x)
			}
		}
	}
	b.gained = b.gained[:0]
}

// look has the line's first looked at, wherever there may be something for it.
func (l *line) look() { l.blocked, l.hopes = false, l.hopes[:0] }

// block leaves the line alone until something is given back.
func (l *line) block() { l.blocked, l.hopes = true, l.hopes[:0] }

// hope says whether the device gives what a task of the line needs of one.
func (x *spot) hope(l *line) bool {
	switch {
	case !x.serves(l) || l.picky && device.Misfit(&x.unit.Device, &l.task.Request) != "":
		return false
	case l.task.Request.Count == 1:
		return x.gives(l)
	}
	return slices.ContainsFunc(x.keeps, func(k *keep) bool { return k.model == l.model && x.room(l, k.process) }) || x.room(l, &process{})
}

// hopeless says whether there is nothing for the line: nothing was there before, and what was given back since is taken.
func (l *line) hopeless() bool {
	return len(l.hopes) > 0 && !slices.ContainsFunc(l.hopes, func(x *spot) bool { return x.hope(l) })
}

// warmer says whether the line's model may be found loaded and free.
func (l *line) warmer() bool {
	return l.model != nil && (len(l.hopes) == 0 || slices.ContainsFunc(l.hopes, func(x *spot) bool {
		return slices.ContainsFunc(x.keeps, func(k *keep) bool { return k.model == l.model })
	}))
}

// serves says whether the device could ever serve a task of the line.
func (x *spot) serves(l *line) bool {
	c := x.class
	for len(l.fits) <= c.seq {
		l.fits = append(l.fits, unknown)
	}
	if l.fits[c.seq] == unknown {
		l.fits[c.seq] = never
		if c.serves(&l.task) {
			l.fits[c.seq] = could
		}
	}
	return l.fits[c.seq] == could
}

type fits byte

const (
	unknown fits = iota
	could
	never
)

// next gives the line whose first task is the best that may have a device waiting for it, and the best one whose model is
// loaded somewhere and idle.
func (b *Book) next() (first, warm *line) {
	var firstRank, warmRank rank
	for _, l := range b.lines {
		if l.blocked || l.size == 0 {
			continue
		}
		p, r := b.top(l)
		if p == nil || b.heldBy[l.task.Plugin] != "" || l.hopeless() {
			l.block()
			continue
		}
		if first == nil || r.before(firstRank) {
			first, firstRank = l, r
		}
		if b.policy.Order == Fair && b.policy.Affinity == Warmest && l.cold != b.decides && (warm == nil || r.before(warmRank)) &&
			l.warmer() && len(l.model.idle) > 0 {
			warm, warmRank = l, r
		}
	}
	return first, warm
}

// ahead counts the lines whose first task goes before that of l.
func (b *Book) ahead(l *line) int {
	_, r := b.top(l)
	n := 0
	for _, other := range b.lines {
		if other != l && other.size > 0 {
			if q, s := b.top(other); q != nil && s.before(r) {
				n++
			}
		}
	}
	return n
}

// try places the first task of the line. Not ok: there is nothing for it now. With onlyWarm it goes nowhere but where its
// model is loaded. Neither placed nor not ok: somebody else has to be looked at first.
func (b *Book) try(l *line, onlyWarm bool) (*Assignment, bool) {
	p, _ := b.top(l)
	c, ok := b.choose(l, onlyWarm)
	switch {
	case !ok && onlyWarm:
		return nil, false
	case !ok:
		l.block()
		b.makeWay(l, p)
		return nil, false
	}
	passed := b.passed(l, p, c.spots)
	if b.owed(passed, c.spots) {
		return nil, true
	}
	for _, q := range passed {
		// At the bound, and nothing was there to reserve: no agent has as many usable devices as it wants. That is no bypass.
		if len(q.line.spots) == 0 && q.bypassed < maxBypassed {
			q.bypassed++
		}
	}
	a := b.place(l, p, c)
	return &a, true
}

// choose finds where a task goes: what was reserved for it; where its model is loaded and idle; the smallest device that
// is free; where its model is loaded, when waiting for that is shorter than loading it anew; the device whose models
// were used longest ago.
func (b *Book) choose(l *line, onlyWarm bool) (choice, bool) {
	l.until, l.bestBy = time.Time{}, nil
	if n := max(1, l.task.Request.Count); len(l.spots) >= n {
		if c, ok := b.fitAll(l, l.spots[:n]); ok {
			return c, true
		}
	}
	if b.policy.Affinity != LeastLoaded && b.policy.Affinity != Packed && l.warmer() {
		if c, ok := b.warmIdle(l); ok || onlyWarm {
			return c, ok
		}
	}
	if l.task.Request.Count == 0 {
		return b.anywhere(l)
	}
	if l.picky {
		return b.searchAll(l)
	}
	if b.policy.Affinity == LeastLoaded {
		return b.emptiest(l)
	}
	if x := b.smallest(l, func(s *shelf) *btree.BTreeG[*spot] { return s.free }, func(x *spot) int64 { return x.free }); x != nil {
		return b.fitAll(l, []*spot{x})
	}
	if b.policy.Affinity != Packed && b.waits(l) {
		return choice{}, false
	}
	if x := b.smallest(l, func(s *shelf) *btree.BTreeG[*spot] { return s.both }, func(x *spot) int64 { return x.both }); x != nil {
		return b.fitAll(l, []*spot{x})
	}
	return choice{}, false
}

// fitAll says whether the devices can have the task now, and what has to be unloaded for it.
func (b *Book) fitAll(l *line, spots []*spot) (choice, bool) {
	t := &l.task
	if len(spots) == 1 {
		return b.fit(l, spots, spots[0].process(t.Plugin))
	}
	uuids := make([]string, len(spots))
	for k, x := range spots {
		uuids[k] = x.unit.UUID
	}
	return b.fit(l, spots, spots[0].agent.process(Process(t.Plugin, uuids)))
}

func (b *Book) fit(l *line, spots []*spot, pr *process) (choice, bool) {
	t, g := &l.task, spots[0].agent
	if pr.saturated() || l.avoid[g] || g.table.Short(&t.Request) != "" {
		return choice{}, false
	}
	for _, x := range spots {
		if !x.room(l, pr) || !x.serves(l) {
			return choice{}, false
		}
	}
	c := choice{spots: spots, proc: pr, id: pr.id(t.Model)}
	for _, x := range spots {
		c.unload = x.unload(t.Request.Memory, c.id, c.unload)
	}
	c.warm = l.model != nil && pr.keeps[t.Model] != nil
	return c, true
}

// unload names what has to be given up so that a task fits, what was used longest ago first.
func (x *spot) unload(memory int64, id string, out []string) []string {
	need := x.unit.Needs(memory, id) - x.free
	if need <= 0 {
		return out
	}
	idle := slices.DeleteFunc(slices.Clone(x.unit.WarmOn()), func(w *device.Warm) bool { return !x.unit.Idle(w) || w.ID == id })
	slices.SortStableFunc(idle, func(a, b *device.Warm) int { return a.Used.Compare(b.Used) })
	for _, w := range idle {
		if need <= 0 {
			break
		}
		need -= w.Memory
		if !slices.Contains(out, w.ID) {
			out = append(out, w.ID)
		}
	}
	return out
}

// warmIdle finds an idle process that has the model loaded, else one that has room for another task.
func (b *Book) warmIdle(l *line) (choice, bool) {
	var unloads choice
	for i := len(l.model.idle) - 1; i >= max(0, len(l.model.idle)-someKeeps); i-- { // what was used last is free most likely
		if c, ok := b.within(l, l.model.idle[i]); ok {
			if len(c.unload) == 0 {
				return c, true
			}
			if unloads.spots == nil {
				unloads = c
			}
		}
	}
	if unloads.spots != nil {
		return unloads, true
	}
	for _, k := range l.model.keeps[:min(len(l.model.keeps), someKeeps)] {
		if k.running > 0 {
			if c, ok := b.within(l, k); ok {
				return c, true
			}
		}
	}
	return choice{}, false
}

func (b *Book) within(l *line, k *keep) (choice, bool) {
	if len(k.spots) != l.task.Request.Count {
		return choice{}, false
	}
	if l.picky && slices.ContainsFunc(k.spots, func(x *spot) bool { return device.Misfit(&x.unit.Device, &l.task.Request) != "" }) {
		return choice{}, false
	}
	return b.fit(l, k.spots, k.process)
}

// smallest gives the device that has the least that suffices.
func (b *Book) smallest(l *line, of func(*shelf) *btree.BTreeG[*spot], has func(*spot) int64) *spot {
	t := &l.task
	pivot := &spot{free: t.Request.Memory, both: t.Request.Memory, lru: -1 << 62, seq: -1}
	var best *spot
	for _, s := range b.shelves(l) {
		of(s).AscendGreaterOrEqual(pivot, func(x *spot) bool {
			if x.agent.table.Short(&t.Request) != "" || l.avoid[x.agent] || !x.lends(l) {
				return true
			}
			if best == nil || has(x) < has(best) {
				best = x
			}
			return false
		})
	}
	return best
}

// shelves are those of all classes that could serve the line.
func (b *Book) shelves(l *line) []*shelf {
	for ; l.shelved < len(b.classes); l.shelved++ {
		if c := b.classes[l.shelved]; c.serves(&l.task) {
			l.shelves = append(l.shelves, c.shelfFor(&l.task))
		}
	}
	return l.shelves
}

// emptiest is the rule of "least loaded": the device with the most free memory, whatever is loaded there.
func (b *Book) emptiest(l *line) (choice, bool) {
	most := func(of func(*shelf) *btree.BTreeG[*spot], has func(*spot) int64) (best *spot) {
		for _, s := range b.shelves(l) {
			of(s).Descend(func(x *spot) bool {
				if x.agent.table.Short(&l.task.Request) != "" || l.avoid[x.agent] || !x.lends(l) {
					return true
				}
				if best == nil || has(x) > has(best) {
					best = x
				}
				return false
			})
		}
		return best
	}
	x := most(func(s *shelf) *btree.BTreeG[*spot] { return s.free }, func(x *spot) int64 { return x.free })
	if x == nil || x.free < l.task.Request.Memory {
		x = most(func(s *shelf) *btree.BTreeG[*spot] { return s.both }, func(x *spot) int64 { return x.both })
	}
	if x == nil || x.both < l.task.Request.Memory {
		return choice{}, false
	}
	return b.fitAll(l, []*spot{x})
}

// defaultLoad is taken for the time to load a model when nothing is known: a disk's speed, and starting a process.
func defaultLoad(memory int64) time.Duration {
	return 3*time.Second + time.Duration(memory>>20)*time.Millisecond
}

// loads is how long loading the line's model takes.
func (l *line) loads() time.Duration {
	return cmp.Or(l.task.Loads, defaultLoad(l.task.Request.Memory))
}

// waits says whether the task would rather wait for a busy process that has its model loaded.
func (b *Book) waits(l *line) bool {
	if l.model == nil || len(l.model.keeps) == 0 {
		return false
	}
	if b.policy.Affinity == OnlyWarm {
		return true
	}
	loads := l.loads()
	var soonest *keep
	for _, k := range l.model.keeps[:min(len(l.model.keeps), someKeeps)] {
		if k.running > 0 && !k.ends.IsZero() && len(k.spots) == l.task.Request.Count && k.agent.Away == "" && k.spots[0].serves(l) &&
			(soonest == nil || k.ends.Before(soonest.ends)) {
			soonest = k
		}
	}
	// One that is late has no end that could be believed.
	if soonest == nil || soonest.ends.Before(b.now) || soonest.ends.Sub(b.now) >= loads {
		return false
	}
	l.until, l.bestBy = soonest.ends.Add(time.Second), soonest
	return true
}

// anywhere is for what needs no device: the first agent that offers it and has the RAM and disk.
func (b *Book) anywhere(l *line) (choice, bool) {
	for _, g := range b.fleet {
		if g.Away == "" && !l.avoid[g] && g.offers(l.task.Type) && g.table.Short(&l.task.Request) == "" {
			pr := g.process(Process(l.task.Plugin, nil))
			return choice{proc: pr, id: pr.id(l.task.Model), agent: g}, true
		}
	}
	return choice{}, false
}

func (g *agent) offers(nodeType string) bool {
	if g.Offers == nil {
		return true
	}
	_, ok := slices.BinarySearch(g.Offers, nodeType)
	return ok
}

// searchAll is for tasks that name devices or ask for several: it looks at every agent.
func (b *Book) searchAll(l *line) (choice, bool) {
	var best choice
	cost := func(c choice) (n int64) { // preferred devices, then nothing to unload, then the smallest
		for _, x := range c.spots {
			if len(l.task.Request.Prefer) > 0 && !device.Named(&x.unit.Device, l.task.Request.Prefer) {
				n += 1 << 60
			}
			n += x.free >> 10
		}
		return n + int64(len(c.unload))<<50
	}
	for _, g := range b.hopeful(l) {
		for _, spots := range g.sets(l) {
			if c, ok := b.fitAll(l, spots); ok && (best.spots == nil || cost(c) < cost(best)) {
				best = c
			}
		}
	}
	return best, best.spots != nil
}

// hopeful gives the agents that may have something for the line.
func (b *Book) hopeful(l *line) []*agent {
	if len(l.hopes) == 0 {
		return b.fleet
	}
	var out []*agent
	for _, x := range l.hopes {
		if !slices.Contains(out, x.agent) {
			out = append(out, x.agent)
		}
	}
	return out
}

// sets gives the sets of the agent's devices that could have the task now: each device by itself, or as many as are asked
// for, those first that are preferred and then those with the least to unload.
func (g *agent) sets(l *line) [][]*spot {
	r := &l.task.Request
	var fit []*spot
	for _, x := range g.spots {
		if x.serves(l) && x.gives(l) && device.Misfit(&x.unit.Device, r) == "" {
			fit = append(fit, x)
		}
	}
	if len(fit) < r.Count || r.Count == 0 {
		return nil
	}
	if r.Count == 1 {
		out := make([][]*spot, len(fit))
		for k := range fit {
			out[k] = fit[k : k+1]
		}
		return out
	}
	prefers := func(x *spot) int {
		if len(r.Prefer) > 0 && !device.Named(&x.unit.Device, r.Prefer) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(fit, func(a, c *spot) int {
		return cmp.Or(cmp.Compare(prefers(a), prefers(c)), cmp.Compare(a.both-a.free, c.both-c.free), cmp.Compare(a.free, c.free))
	})
	return [][]*spot{fit[:r.Count]}
}
