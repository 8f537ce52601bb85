package book

import (
	"cmp"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// Audit holds what the book keeps by small changes against what it would find if it counted anew, after a Decide.
func (b *Book) Audit() error {
	var tasks []*fleet.Held
	evictables := 0
	for id, r := range b.running {
		tasks = append(tasks, &r.Held)
		if b.turns.Tasks[id] != nil || r.ID != id {
			return fmt.Errorf("task %s is in two places", id)
		}
		if r.Evictable {
			evictables++
		}
	}
	if evictables != b.evictables {
		return fmt.Errorf("%d evictable tasks run, not %d", evictables, b.evictables)
	}
	return cmp.Or(b.fleet.Audit(tasks), b.turns.Audit(tasks), b.auditBlocked())
}

// auditBlocked looks for a place for the first of each line, as if it had never been looked for.
func (b *Book) auditBlocked() error {
	for _, l := range b.turns.Lines {
		p, _ := b.turns.Top(l)
		if p == nil || b.turns.HeldBy[l.Task.Plugin] != "" {
			continue
		}
		// With the first nobody passes the first; the other is for comparing, and does not see what others have loaded meanwhile.
		if b.policy.Order == placement.FirstCome || b.policy.Affinity == placement.OnlyWarm {
			continue
		}
		if !l.Blocked {
			return fmt.Errorf("%s was not looked at", p.ID)
		}
		if l.BestBy != nil && l.Until.After(b.fleet.Now) { // it would rather wait
			continue
		}
		until, bestBy := l.Until, l.BestBy
		l.Look()
		c, ok := b.choose(&l.Need, false)
		l.Block()
		l.Until, l.BestBy = until, bestBy
		if ok {
			return fmt.Errorf("%s waits, and could have %v", p.ID, c.ID)
		}
	}
	return nil
}
