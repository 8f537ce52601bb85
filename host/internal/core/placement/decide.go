package placement

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

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
			if len(b.gained) > 0 { // reservations of who may not go on now
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
			if l.size > 0 && l.task.Request.Count > 0 && (l.blocked || len(l.hopes) > 0) && x.hope(l) {
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
	return l.model != nil && l.task.Request.Count > 0 && (len(l.hopes) == 0 || slices.ContainsFunc(l.hopes, func(x *spot) bool {
		return slices.ContainsFunc(x.keeps, func(k *keep) bool { return k.model == l.model })
	}))
}

// serves says whether the device could serve a task of the line, with the model files that its agent has.
func (x *spot) serves(l *line) bool { return x.fits(l) && x.agent.stocks(l) }

// fits says whether the device could ever serve a task of the line.
func (x *spot) fits(l *line) bool {
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
		if p == nil || b.heldBy[l.task.Plugin] != "" {
			b.unreserve(l)
			l.block()
			continue
		}
		if l.hopeless() || l.task.Request.Count == 0 && b.crowded(l) {
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

// ahead counts the lines whose first task goes before that of l, and may begin now.
func (b *Book) ahead(l *line) int {
	_, r := b.top(l)
	n := 0
	for _, other := range b.lines {
		if other != l && other.size > 0 && !other.blocked {
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
	if b.owed(passed) {
		return nil, true
	}
	for _, o := range passed {
		o.line.pass(o.spot)
	}
	a := b.place(l, p, c)
	return &a, true
}
