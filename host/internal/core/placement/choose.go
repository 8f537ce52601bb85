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

// choose finds where a task goes: what was reserved for it; where its model is loaded and idle; the smallest device that
// is free; where its model is loaded, when waiting for that is shorter than loading it anew; the device whose models
// were used longest ago.
func (b *Book) choose(l *line, onlyWarm bool) (choice, bool) {
	if l.bestBy != nil { // it waited for that, and passed others over that may be as good now
		l.hopes = l.hopes[:0]
	}
	l.until, l.bestBy = time.Time{}, nil
	if n := max(1, l.task.Request.Count); len(l.spots) >= n {
		if c, ok := b.fitAll(l, l.spots[:n]); ok {
			return c, true
		}
	}
	if l.task.Request.Count == 0 {
		return b.anywhere(l)
	}
	if b.policy.Affinity != LeastLoaded && b.policy.Affinity != Packed && l.warmer() {
		if c, ok := b.warmIdle(l); ok || onlyWarm {
			return c, ok
		}
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
		return b.fit(l, spots, spots[0].process(l.plugin))
	}
	uuids := make([]string, len(spots))
	for k, x := range spots {
		uuids[k] = x.unit.UUID
	}
	return b.fit(l, spots, spots[0].agent.process(Process(t.Plugin, uuids)))
}

func (b *Book) fit(l *line, spots []*spot, pr *process) (choice, bool) {
	t, g := &l.task, spots[0].agent
	if pr.saturated() || l.avoid[g] || g.short(l) != "" {
		return choice{}, false
	}
	for _, x := range spots {
		if !x.room(l, pr) || !x.serves(l) {
			return choice{}, false
		}
	}
	c := choice{spots: spots, proc: pr, id: pr.id(l)}
	for _, x := range spots {
		c.unload = x.unload(t.Request.Memory, c.id, c.unload)
	}
	c.warm = l.model != nil && pr.has(l) != nil
	return c, true
}

// unload names what has to be given up so that a task fits, what was used longest ago first.
func (x *spot) unload(memory int64, id string, out []string) []string {
	need := x.unit.Needs(memory, id) - x.free
	if memory == 0 { // nobody knows what it needs: it gets all there is
		need = 1 << 62
	}
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
			if x.agent.short(l) != "" || l.avoid[x.agent] || !x.agent.stocks(l) || !x.leaves(l) {
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
			l.shelves = append(l.shelves, c.shelfFor(l))
		}
	}
	return l.shelves
}

// emptiest is the rule of "least loaded": the device with the most free memory, whatever is loaded there.
func (b *Book) emptiest(l *line) (choice, bool) {
	most := func(of func(*shelf) *btree.BTreeG[*spot], has func(*spot) int64) (best *spot) {
		for _, s := range b.shelves(l) {
			of(s).Descend(func(x *spot) bool {
				if x.agent.short(l) != "" || l.avoid[x.agent] || !x.agent.stocks(l) || !x.leaves(l) {
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
