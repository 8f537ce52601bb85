package book

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
	"github.com/myspinbot/spinbot/host/internal/core/placement/turns"
)

// passing is a line whose first task could use a device, and has to see it go to a task that goes after it.
type passing struct {
	line *turns.Line
	spot *fleet.Spot
}

// passed gives whom the task passes on devices.
func (b *Book) passed(l *turns.Line, p *turns.Pending, spots []*fleet.Spot) []passing {
	b.over = b.over[:0]
	if b.policy.Order != placement.Fair || len(spots) == 0 {
		return nil
	}
	r := b.turns.Rank(l.ByLane[p.Lane])
	for _, other := range b.turns.Lines {
		if other == l || other.Waiting == 0 || other.Task.Request.Count == 0 || b.turns.HeldBy[other.Task.Plugin] != "" {
			continue
		}
		if q, s := b.turns.Top(other); q == nil || !s.Before(r) {
			continue
		}
		for _, x := range spots {
			if could(x, &other.Need) {
				b.over = append(b.over, passing{other, x})
			}
		}
	}
	return b.over
}

// could says whether a task of the need could run on the device if nobody else did.
func could(x *fleet.Spot, n *fleet.Need) bool {
	g := x.Agent
	return may(x, n) && !n.Avoid[g] && g.Table.Exceeds(&n.Task.Request) == "" && (n.Task.Request.Count < 2 || len(able(g, n)) >= n.Task.Request.Count)
}

// may says whether the device by itself could serve a task of the need now, whoever uses it.
func may(x *fleet.Spot, n *fleet.Need) bool {
	return x.Serves(n) && x.Agent.Away == "" && x.Unit.Usable() == ""
}

// able are the devices of the agent that may serve the need.
func able(g *fleet.Agent, n *fleet.Need) (out []*fleet.Spot) {
	for _, x := range g.Spots {
		if may(x, n) {
			out = append(out, x)
		}
	}
	return out
}

// owed says whether one of the passed was so too often to be so once more on that device, or waits for more of that agent's
// devices than it has. The device is reserved.
func (b *Book) owed(passed []passing) bool {
	for _, o := range passed {
		l, x := o.line, o.spot
		if x.Reserved != nil {
			continue
		}
		if len(l.Spots) == 0 && l.Passes(x) >= placement.MaxBypassed || len(l.Spots) > 0 && lacks(&l.Need) > 0 && l.Spots[0].Agent == x.Agent {
			b.keepFor(&l.Need, x)
			return true
		}
	}
	return false
}

// lacks is how many devices are still to be reserved for the first of the need.
func lacks(n *fleet.Need) int { return max(1, n.Task.Request.Count) - len(n.Spots) }

// keepFor reserves the device for the line, and when it wants several, those of its agent that could be free soonest. While
// another line waits there for more, the device is that one's, if it can use it: else each would keep what the other needs.
func (b *Book) keepFor(n *fleet.Need, x *fleet.Spot) {
	older := unserved(x.Agent, n)
	if older != nil && may(x, older) {
		b.fleet.Reserve(older, x)
		return
	}
	b.fleet.Reserve(n, x)
	if lacks(n) == 0 || older != nil {
		return
	}
	free := slices.DeleteFunc(able(x.Agent, n), func(y *fleet.Spot) bool { return y.Reserved != nil })
	at := map[*fleet.Spot]time.Time{}
	for _, y := range free {
		at[y] = b.fleet.Ready(y, n)
	}
	slices.SortStableFunc(free, func(y, z *fleet.Spot) int { return at[y].Compare(at[z]) })
	for _, y := range free[:min(len(free), lacks(n))] {
		b.fleet.Reserve(n, y)
	}
}

// unserved gives the line that has waited longest for more devices of the agent than are reserved for it there, but for one.
func unserved(g *fleet.Agent, but *fleet.Need) (first *fleet.Need) {
	for _, y := range g.Spots {
		if n := y.Reserved; n != nil && n != but && lacks(n) > 0 && (first == nil || n.Kept < first.Kept) {
			first = n
		}
	}
	return first
}
