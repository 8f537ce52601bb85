package placement

import (
	"fmt"
	"slices"
)

// MaxBypassed is the bound of being passed over.
const MaxBypassed = maxBypassed

// Audit holds what the book keeps by small changes against what it would find if it counted anew, after a Decide.
func (b *Book) Audit() error {
	for _, check := range []func() error{b.auditLines, b.auditUsers, b.auditSpots, b.auditModels, b.auditCrews, b.auditBlocked} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (b *Book) auditLines() error {
	sizes, lanes := map[*line]int{}, map[*lane]int{}
	for id, p := range b.tasks {
		if p.ID != id || p.gone || b.running[id] != nil {
			return fmt.Errorf("task %s is gone, or in two places", id)
		}
		sizes[p.line]++
		lanes[p.lane]++
		if b.byKey[p.line.key] != p.line || !slices.Contains(b.lines, p.line) || p.line.byLane[p.lane] == nil {
			return fmt.Errorf("the line of %s is not known", id)
		}
	}
	for _, l := range b.lines {
		if l.size != sizes[l] {
			return fmt.Errorf("a line of %s has %d tasks, not %d", l.task.Model, sizes[l], l.size)
		}
		if l.size == 0 && len(l.spots) > 0 {
			return fmt.Errorf("an empty line of %s holds a reservation", l.task.Model)
		}
		for _, x := range l.spots {
			if x.reserved != l {
				return fmt.Errorf("%s is reserved for somebody else", x.unit.UUID)
			}
		}
	}
	for _, u := range b.users {
		for _, l := range u.lanes {
			if l.size != lanes[l] {
				return fmt.Errorf("a lane of %s has %d tasks, not %d", u.name, lanes[l], l.size)
			}
		}
	}
	return nil
}

func (b *Book) auditUsers() error {
	counted := map[string]*user{}
	of := func(u *user) *user {
		if counted[u.name] == nil {
			counted[u.name] = &user{}
		}
		return counted[u.name]
	}
	for _, p := range b.tasks {
		of(p.lane.user).pending++
	}
	evictables := 0
	for _, r := range b.running {
		c := of(r.user)
		c.running++
		c.devices += len(r.devices)
		c.memory += r.Request.Memory * int64(len(r.devices))
		if r.Evictable {
			evictables++
		}
	}
	for _, u := range b.users {
		if c := of(u); c.pending != u.pending || c.running != u.running || c.devices != u.devices || c.memory != u.memory {
			return fmt.Errorf("%s has %d waiting, %d running, %d devices, %d bytes, not %d, %d, %d, %d", u.name, c.pending, c.running, c.devices, c.memory, u.pending, u.running, u.devices, u.memory)
		}
	}
	if evictables != b.evictables {
		return fmt.Errorf("%d evictable tasks run, not %d", evictables, b.evictables)
	}
	return nil
}

func (b *Book) auditSpots() error {
	for _, g := range b.fleet {
		for _, x := range g.spots {
			if free, both := x.unit.Free(), x.unit.Free()+x.unit.Reclaimable(); x.free != free || x.both != both {
				return fmt.Errorf("%s has %d and %d free, not %d and %d", x.unit.UUID, free, both, x.free, x.both)
			}
			for _, s := range x.class.shelves {
				_, free := s.free.Get(x)
				_, both := s.both.Get(x)
				if open := x.open(s.plugin, s.vacant); free != open || both != open || slices.Contains(x.on, s) != open {
					return fmt.Errorf("%s is on the shelf of %s: %t %t, and should be: %t", x.unit.UUID, s.plugin.name, free, both, open)
				}
			}
			if l := x.reserved; l != nil && !slices.Contains(l.spots, x) {
				return fmt.Errorf("%s is reserved for a line that does not know it", x.unit.UUID)
			}
		}
	}
	for _, c := range b.classes {
		for _, s := range c.shelves {
			if s.free.Len() != s.both.Len() || s.free.Len() > len(c.spots) {
				return fmt.Errorf("a shelf of %s has %d and %d of %d devices", s.plugin.name, s.free.Len(), s.both.Len(), len(c.spots))
			}
		}
	}
	return nil
}

func (b *Book) auditModels() error {
	running := map[*keep]int{}
	for _, r := range b.running {
		running[r.keep]++
	}
	processes := map[*process]int{}
	for _, g := range b.fleet {
		for id, k := range g.keeps {
			if k.id != id || k.running != running[k] || (k.idleAt >= 0) != (k.running == 0 && k.model != nil) {
				return fmt.Errorf("%s has %d tasks, not %d, and is idle: %d", id, running[k], k.running, k.idleAt)
			}
			if k.idleAt >= 0 && k.model.idle[k.idleAt] != k || k.model != nil && !slices.Contains(k.model.keeps, k) {
				return fmt.Errorf("%s is not where it should be", id)
			}
			processes[k.process] += k.running
		}
		for name, p := range g.processes {
			if p.running != processes[p] {
				return fmt.Errorf("%s has %d tasks, not %d", name, processes[p], p.running)
			}
		}
	}
	return nil
}

// auditCrews holds rosters against the agents, and the tasks in no account against all that run.
func (b *Book) auditCrews() error {
	tasks := map[*agent]int{}
	unseen := 0
	for _, r := range b.running {
		if r.agent == nil {
			unseen++
			if !slices.Contains(b.unseen[r.on], r) {
				return fmt.Errorf("%s is in no account, and will be in none", r.ID)
			}
		} else if tasks[r.agent]++; b.agents[r.on] != r.agent || len(r.devices) != len(r.spots) {
			return fmt.Errorf("%s runs on an agent that was forgotten, or without its devices", r.ID)
		}
		if r.agent != nil && len(r.devices) > 0 {
			tasks[r.agent]--
		}
	}
	for on, list := range b.unseen {
		if unseen -= len(list); len(list) == 0 {
			return fmt.Errorf("nothing is unseen on %s", on)
		}
	}
	if unseen != 0 {
		return fmt.Errorf("%d tasks are in no account and not known there", unseen)
	}
	for _, g := range b.fleet {
		if g.tasks != tasks[g] || !slices.Contains(g.crew.agents, g) || len(g.seats) != len(g.crew.rosters) {
			return fmt.Errorf("%s runs %d tasks, not %d, or is not in its crew", g.ID, tasks[g], g.tasks)
		}
		for k, s := range g.seats {
			open := g.Away == "" && g.tasks < g.most() && !s.process.saturated()
			if s.roster != g.crew.rosters[k] || (s.at >= 0) != open || open && (s.roster.heap[s.at] != s || s.load != float64(g.tasks)/float64(g.most())) {
				return fmt.Errorf("%s does not sit where it should for %s: %t", g.ID, s.roster.plugin.name, open)
			}
		}
	}
	for _, c := range b.crews {
		for _, r := range c.rosters {
			for k, s := range r.heap {
				if s.at != k || s.before(r.heap[(k-1)/2]) {
					return fmt.Errorf("a roster of %s is not in order", r.plugin.name)
				}
			}
		}
	}
	return nil
}

// auditBlocked looks for a place for the first of each line, as if it had never been looked for.
func (b *Book) auditBlocked() error {
	for _, l := range b.lines {
		p, _ := b.top(l)
		if p == nil || b.heldBy[l.task.Plugin] != "" {
			continue
		}
		// With the first nobody passes the first; the other is for comparing, and does not see what others have loaded meanwhile.
		if b.policy.Order == FirstCome || b.policy.Affinity == OnlyWarm {
			continue
		}
		if !l.blocked {
			return fmt.Errorf("%s was not looked at", p.ID)
		}
		if l.bestBy != nil && l.until.After(b.now) { // it would rather wait
			continue
		}
		until, bestBy := l.until, l.bestBy
		l.look()
		c, ok := b.choose(l, false)
		l.block()
		l.until, l.bestBy = until, bestBy
		if ok {
			return fmt.Errorf("%s waits, and could have %v", p.ID, c.id)
		}
	}
	return nil
}
