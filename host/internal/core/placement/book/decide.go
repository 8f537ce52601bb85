package book

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
	"github.com/myspinbot/spinbot/host/internal/core/placement/turns"
)

// lookAhead is within how many lines a task whose model is loaded goes before one that would have to load its own.
const lookAhead = 32

// Decide places what can be placed, and appends it to out. What has to give way for that is told by Yields.
func (b *Book) Decide(now time.Time, out []placement.Assignment) []placement.Assignment {
	b.fleet.Now = now
	b.decides++
	b.turns.Age(now)
	for _, l := range b.turns.Lines {
		if l.Blocked && !l.Until.IsZero() && !l.Until.After(now) {
			l.Look()
		}
	}
	for {
		b.fleet.Unblock()
		first, warm := b.next()
		if first == nil {
			if b.fleet.News() { // reservations of who may not go on now
				continue
			}
			return out
		}
		if warm != nil && warm != first && b.ahead(warm) < lookAhead {
			placed, ok := b.try(warm, true)
			if placed != nil {
				out = append(out, *placed)
			}
			if !ok {
				warm.Cold = b.decides
			}
			continue
		}
		placed, ok := b.try(first, false)
		switch {
		case placed != nil:
			out = append(out, *placed)
		case !ok && b.policy.Order == placement.FirstCome:
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
	for _, l := range b.turns.Lines {
		if l.Waiting > 0 && !l.Until.IsZero() && (at.IsZero() || l.Until.Before(at)) {
			at = l.Until
		}
	}
	return at
}

// next gives the line whose first task is the best that may have a device waiting for it, and the best one whose model is
// loaded somewhere and idle.
func (b *Book) next() (first, warm *turns.Line) {
	var firstRank, warmRank turns.Rank
	for _, l := range b.turns.Lines {
		if l.Blocked || l.Waiting == 0 {
			continue
		}
		p, r := b.turns.Top(l)
		if p == nil || b.turns.HeldBy[l.Task.Plugin] != "" {
			b.fleet.Unreserve(&l.Need)
			l.Block()
			continue
		}
		if l.Hopeless() || l.Task.Request.Count == 0 && b.fleet.Crowded(&l.Need) {
			l.Block()
			continue
		}
		if first == nil || r.Before(firstRank) {
			first, firstRank = l, r
		}
		if b.policy.Order == placement.Fair && b.policy.Affinity == placement.Warmest && l.Cold != b.decides && (warm == nil || r.Before(warmRank)) &&
			l.Warmer() && len(l.Model.Idle) > 0 {
			warm, warmRank = l, r
		}
	}
	return first, warm
}

// ahead counts the lines whose first task goes before that of l, and may begin now.
func (b *Book) ahead(l *turns.Line) int {
	_, r := b.turns.Top(l)
	n := 0
	for _, other := range b.turns.Lines {
		if other != l && other.Waiting > 0 && !other.Blocked {
			if q, s := b.turns.Top(other); q != nil && s.Before(r) {
				n++
			}
		}
	}
	return n
}

// try places the first task of the line. Not ok: there is nothing for it now. With onlyWarm it goes nowhere but where its
// model is loaded. Neither placed nor not ok: somebody else has to be looked at first.
func (b *Book) try(l *turns.Line, onlyWarm bool) (*placement.Assignment, bool) {
	p, _ := b.turns.Top(l)
	c, ok := b.choose(&l.Need, onlyWarm)
	switch {
	case !ok && onlyWarm:
		return nil, false
	case !ok:
		l.Block()
		b.makeWay(l, p)
		return nil, false
	}
	passed := b.passed(l, p, c.Spots)
	if b.owed(passed) {
		return nil, true
	}
	for _, o := range passed {
		o.line.Pass(o.spot)
	}
	a := b.place(l, p, c)
	return &a, true
}

// place gives the task its devices.
func (b *Book) place(l *turns.Line, p *turns.Pending, c fleet.Choice) placement.Assignment {
	now := b.fleet.Now
	a := placement.Assignment{Task: p.Task, Agent: c.Agent.ID, Warm: c.Warm, Unload: c.Unload, Bypassed: l.Worst}
	b.turns.Take(p)
	b.fleet.Unreserve(&l.Need)
	l.Forgive()
	for _, x := range c.Spots {
		a.Devices = append(a.Devices, x.Unit.UUID)
	}
	ends := now.Add(p.Lasting())
	if !c.Warm && p.Model != "" {
		ends = ends.Add(p.Loading())
	}
	r := &running{Held: fleet.Held{Task: p.Task, On: a.Agent, Devices: a.Devices, Since: now}, user: p.Lane.User, seq: p.Seq}
	b.fleet.Grant(&r.Held, c, ends)
	b.holds(r)
	b.charge([]*fleet.Held{&r.Held})
	p.Lane.Serve(now)
	return a
}
