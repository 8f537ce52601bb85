package turns

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// Audit holds what is kept by small changes against what would be found if it were counted anew. running is all that runs.
func (t *Turns) Audit(running []*fleet.Held) error {
	return cmp.Or(t.auditLines(), t.auditUsers(running))
}

func (t *Turns) auditLines() error {
	sizes, lanes := map[*Line]int{}, map[*Lane]int{}
	for id, p := range t.Tasks {
		if p.ID != id || p.gone {
			return fmt.Errorf("task %s is gone", id)
		}
		sizes[p.Line]++
		lanes[p.Lane]++
		if t.byKey[p.Line.key] != p.Line || !slices.Contains(t.Lines, p.Line) || p.Line.ByLane[p.Lane] == nil {
			return fmt.Errorf("the line of %s is not known", id)
		}
	}
	for _, l := range t.Lines {
		if l.Waiting != sizes[l] {
			return fmt.Errorf("a line of %s has %d tasks, not %d", l.Task.Model, sizes[l], l.Waiting)
		}
		if l.Waiting == 0 && len(l.Spots) > 0 {
			return fmt.Errorf("an empty line of %s holds a reservation", l.Task.Model)
		}
		for _, x := range l.Spots {
			if x.Reserved != &l.Need {
				return fmt.Errorf("%s is reserved for somebody else", x.Unit.UUID)
			}
		}
	}
	for _, u := range t.users {
		for _, l := range u.lanes {
			if l.size != lanes[l] {
				return fmt.Errorf("a lane of %s has %d tasks, not %d", u.Name, lanes[l], l.size)
			}
		}
	}
	return nil
}

func (t *Turns) auditUsers(running []*fleet.Held) error {
	counted := map[string]*User{}
	of := func(u *User) *User {
		if counted[u.Name] == nil {
			counted[u.Name] = &User{}
		}
		return counted[u.Name]
	}
	for _, p := range t.Tasks {
		of(p.Lane.User).pending++
	}
	for _, r := range running {
		c := of(t.users[r.Owner])
		c.running++
		c.Devices += len(r.Devices)
		c.Memory += r.Request.Memory * int64(len(r.Devices))
	}
	for _, u := range t.users {
		if c := of(u); c.pending != u.pending || c.running != u.running || c.Devices != u.Devices || c.Memory != u.Memory {
			return fmt.Errorf("%s has %d waiting, %d running, %d devices, %d bytes, not %d, %d, %d, %d", u.Name, c.pending, c.running, c.Devices, c.Memory, u.pending, u.running, u.Devices, u.Memory)
		}
	}
	return nil
}
