package fleet

import (
	"cmp"
	"fmt"
	"slices"
)

// Audit holds what the fleet keeps by small changes against what it would find if it counted anew. held is all that runs.
func (f *Fleet) Audit(held []*Held) error {
	return cmp.Or(f.auditSpots(), f.auditModels(held), f.auditCrews(held))
}

func (f *Fleet) auditSpots() error {
	for _, g := range f.Agents {
		for _, x := range g.Spots {
			if free, both := x.Unit.Free(), x.Unit.Free()+x.Unit.Reclaimable(); x.Free != free || x.Both != both {
				return fmt.Errorf("%s has %d and %d free, not %d and %d", x.Unit.UUID, free, both, x.Free, x.Both)
			}
			for _, s := range x.class.shelves {
				_, free := s.free.Get(x)
				_, both := s.both.Get(x)
				if open := x.open(s.plugin, s.vacant); free != open || both != open || slices.Contains(x.on, s) != open {
					return fmt.Errorf("%s is on the shelf of %s: %t %t, and should be: %t", x.Unit.UUID, s.plugin.name, free, both, open)
				}
			}
			if l := x.Reserved; l != nil && !slices.Contains(l.Spots, x) {
				return fmt.Errorf("%s is reserved for a line that does not know it", x.Unit.UUID)
			}
		}
	}
	for _, c := range f.Classes {
		for _, s := range c.shelves {
			if s.free.Len() != s.both.Len() || s.free.Len() > len(c.Spots) {
				return fmt.Errorf("a shelf of %s has %d and %d of %d devices", s.plugin.name, s.free.Len(), s.both.Len(), len(c.Spots))
			}
		}
	}
	return nil
}

func (f *Fleet) auditModels(held []*Held) error {
	running := map[*Keep]int{}
	for _, r := range held {
		running[r.keep]++
	}
	processes := map[*Process]int{}
	for _, g := range f.Agents {
		for id, k := range g.keeps {
			if k.id != id || k.Running != running[k] || (k.idleAt >= 0) != (k.Running == 0 && k.model != nil) {
				return fmt.Errorf("%s has %d tasks, not %d, and is idle: %d", id, running[k], k.Running, k.idleAt)
			}
			if k.idleAt >= 0 && k.model.Idle[k.idleAt] != k || k.model != nil && !slices.Contains(k.model.Keeps, k) {
				return fmt.Errorf("%s is not where it should be", id)
			}
			processes[k.Process] += k.Running
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
func (f *Fleet) auditCrews(held []*Held) error {
	tasks := map[*Agent]int{}
	unseen := 0
	for _, r := range held {
		if r.Agent == nil {
			unseen++
			if !slices.Contains(f.unseen[r.On], r) {
				return fmt.Errorf("%s is in no account, and will be in none", r.ID)
			}
		} else if tasks[r.Agent]++; f.byID[r.On] != r.Agent || len(r.Devices) != len(r.spots) {
			return fmt.Errorf("%s runs on an agent that was forgotten, or without its devices", r.ID)
		}
		if r.Agent != nil && len(r.Devices) > 0 {
			tasks[r.Agent]--
		}
	}
	for on, list := range f.unseen {
		if unseen -= len(list); len(list) == 0 {
			return fmt.Errorf("nothing is unseen on %s", on)
		}
	}
	if unseen != 0 {
		return fmt.Errorf("%d tasks are in no account and not known there", unseen)
	}
	for _, g := range f.Agents {
		if g.Running != tasks[g] || !slices.Contains(g.crew.agents, g) || len(g.seats) != len(g.crew.rosters) {
			return fmt.Errorf("%s runs %d tasks, not %d, or is not in its crew", g.ID, tasks[g], g.Running)
		}
		for k, s := range g.seats {
			open := g.Away == "" && g.Running < g.Most() && !s.process.Saturated()
			if s.roster != g.crew.rosters[k] || (s.at >= 0) != open || open && (s.roster.heap[s.at] != s || s.load != float64(g.Running)/float64(g.Most())) {
				return fmt.Errorf("%s does not sit where it should for %s: %t", g.ID, s.roster.plugin.name, open)
			}
		}
	}
	for _, c := range f.crews {
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
