package placement

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// passing is a line whose first task could use a device, and has to see it go to a task that goes after it.
type passing struct {
	line *line
	spot *spot
}

// passed gives whom the task passes on devices.
func (b *Book) passed(l *line, p *pending, spots []*spot) []passing {
	b.over = b.over[:0]
	if b.policy.Order != Fair || len(spots) == 0 {
		return nil
	}
	r := b.rank(l.byLane[p.lane])
	for _, other := range b.lines {
		if other == l || other.size == 0 || other.task.Request.Count == 0 || b.heldBy[other.task.Plugin] != "" {
			continue
		}
		if q, s := b.top(other); q == nil || !s.before(r) {
			continue
		}
		for _, x := range spots {
			if x.could(other) {
				b.over = append(b.over, passing{other, x})
			}
		}
	}
	return b.over
}

// could says whether a task of the line could run on the device if nobody else did.
func (x *spot) could(l *line) bool {
	g := x.agent
	return x.may(l) && !l.avoid[g] && g.table.Exceeds(&l.task.Request) == "" && (l.task.Request.Count < 2 || len(g.able(l)) >= l.task.Request.Count)
}

// may says whether the device by itself could serve a task of the line now, whoever uses it.
func (x *spot) may(l *line) bool {
	return x.serves(l) && x.agent.Away == "" && x.unit.Usable() == "" && (!l.picky || device.Misfit(&x.unit.Device, &l.task.Request) == "")
}

// able are the devices of the agent that may serve the line.
func (g *agent) able(l *line) (out []*spot) {
	for _, x := range g.spots {
		if x.may(l) {
			out = append(out, x)
		}
	}
	return out
}

// passes is how often the first of the line was passed over on a device.
func (l *line) passes(x *spot) int {
	if x.seq >= len(l.over) {
		return 0
	}
	return int(l.over[x.seq])
}

// pass counts one more.
func (l *line) pass(x *spot) {
	for x.seq >= len(l.over) {
		l.over = append(l.over, 0)
	}
	if l.over[x.seq] < maxBypassed {
		l.over[x.seq]++
		l.worst = max(l.worst, int(l.over[x.seq]))
	}
}

// forgive begins to count anew.
func (l *line) forgive() {
	if l.worst > 0 {
		clear(l.over)
		l.worst = 0
	}
}

// owed says whether one of the passed was so too often to be so once more on that device, or waits for more of that agent's
// devices than it has. The device is reserved.
func (b *Book) owed(passed []passing) bool {
	for _, o := range passed {
		l, x := o.line, o.spot
		if x.reserved != nil {
			continue
		}
		if len(l.spots) == 0 && l.passes(x) >= maxBypassed || len(l.spots) > 0 && l.lacks() > 0 && l.spots[0].agent == x.agent {
			b.keepFor(l, x)
			return true
		}
	}
	return false
}

// lacks is how many devices are still to be reserved for the first of the line.
func (l *line) lacks() int { return max(1, l.task.Request.Count) - len(l.spots) }

// keepFor reserves the device for the line, and when it wants several, those of its agent that could be free soonest. While
// another line waits there for more, the device is that one's, if it can use it: else each would keep what the other needs.
func (b *Book) keepFor(l *line, x *spot) {
	older := x.agent.unserved(l)
	if older != nil && x.may(older) {
		b.reserve(older, x)
		return
	}
	b.reserve(l, x)
	if l.lacks() == 0 || older != nil {
		return
	}
	free := slices.DeleteFunc(x.agent.able(l), func(y *spot) bool { return y.reserved != nil })
	at := map[*spot]time.Time{}
	for _, y := range free {
		at[y] = b.ready(y, l)
	}
	slices.SortStableFunc(free, func(y, z *spot) int { return at[y].Compare(at[z]) })
	for _, y := range free[:min(len(free), l.lacks())] {
		b.reserve(l, y)
	}
}

// unserved gives the line that has waited longest for more devices of the agent than are reserved for it there, but for one.
func (g *agent) unserved(but *line) (first *line) {
	for _, y := range g.spots {
		if l := y.reserved; l != nil && l != but && l.lacks() > 0 && (first == nil || l.kept < first.kept) {
			first = l
		}
	}
	return first
}

// reserve keeps a device for the first task of a line.
func (b *Book) reserve(l *line, x *spot) {
	if len(l.spots) == 0 {
		b.seq++
		l.kept = b.seq
	}
	l.spots = append(l.spots, x)
	x.reserved = l
	if at := x.empties(l); len(l.spots) == 1 {
		l.due = at
	} else if at.After(l.due) { // what it had is lent for longer now
		l.due = at
		for _, y := range l.spots {
			b.gain(y)
		}
	}
	if l.blocked || len(l.hopes) > 0 { // it may begin there at once
		l.blocked, l.hopes = false, append(l.hopes, x)
	}
}

// unreserve gives back what is reserved for a line.
func (b *Book) unreserve(l *line) {
	spots := l.spots
	if r := &l.task.Request; len(spots) > 0 && (r.RAM > 0 || r.Disk > 0) {
		b.freed = true
	}
	l.spots = nil
	for _, x := range spots {
		x.reserved = nil
	}
	for _, x := range spots {
		b.changed(x)
	}
}

// short says what the agent itself has too little of for a task of the line, beside those for which devices were reserved there
// before; empty when it has enough.
func (g *agent) short(l *line) string {
	r := l.task.Request
	if r.RAM == 0 && r.Disk == 0 {
		return ""
	}
	for _, x := range g.spots {
		if o := x.reserved; o != nil && o != l && o.spots[0] == x && (len(l.spots) == 0 || o.kept < l.kept) {
			r.RAM, r.Disk = r.RAM+min(r.RAM, 1)*o.task.Request.RAM, r.Disk+min(r.Disk, 1)*o.task.Request.Disk
		}
	}
	return g.table.Short(&r)
}
