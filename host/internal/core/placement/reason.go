package placement

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk"
)

// Reason says why a task waits.
type Reason struct {
	// Text is a sentence with numbers, without its stop.
	Text string
	// Ahead is how many tasks that are alike go before it.
	Ahead int
	// Starts is when it is expected to be placed; zero: nobody knows.
	Starts time.Time
	// Never: it would wait forever, as far as is known.
	Never bool
}

// Said is the sentence, with when the task is expected to begin.
func (r Reason) Said(now time.Time) string {
	if r.Starts.After(now) {
		return r.Text + "; it is expected to begin at about " + r.Starts.Format("15:04:05")
	}
	return r.Text
}

// Why says why a task waits; nothing when it does not.
func (b *Book) Why(id string, now time.Time) Reason {
	p := b.tasks[id]
	if p == nil {
		return Reason{}
	}
	l := p.line
	if why := b.Never(&p.Task); why != "" {
		return Reason{Text: why, Never: true}
	}
	if why := b.heldBy[p.Plugin]; why != "" {
		return Reason{Text: "plugin " + p.Plugin + " is held: " + why}
	}
	if u := p.lane.user; u.full(l) {
		return Reason{Text: fmt.Sprintf("%s has %s and %s of device memory, and a quota of %s", u.name, counted(u.devices, "device"), sdk.FormatSize(u.memory), u.quota)}
	}
	r := b.whyLine(l, now)
	if r.Ahead = b.aheadOf(p); r.Ahead > 0 {
		r.Text = fmt.Sprintf("%s like it %s first; that one: %s", counted(r.Ahead, "task"), verb(r.Ahead, "goes", "go"), r.Text)
		if !r.Starts.IsZero() && p.Lasts > 0 {
			r.Starts = r.Starts.Add(p.Lasts * time.Duration(r.Ahead) / time.Duration(max(1, b.serving(l))))
		}
	}
	if p.refused != "" {
		r.Text += "; it was placed before, and came back: " + p.refused
	}
	return r
}

func (q Quota) String() string {
	var parts []string
	if q.Devices > 0 {
		parts = append(parts, counted(q.Devices, "device"))
	}
	if q.Memory > 0 {
		parts = append(parts, sdk.FormatSize(q.Memory))
	}
	return strings.Join(parts, " and ")
}

// whyLine says why the first task of a line waits.
func (b *Book) whyLine(l *line, now time.Time) Reason {
	t := &l.task
	if t.Request.Count == 0 {
		text := b.whyNobody(l)
		if lacks := b.wouldServe(l); len(lacks) > 0 {
			text += "; " + lacks[0].remedy(l)
		}
		return Reason{Text: text}
	}
	if k := l.bestBy; k != nil && k.running > 0 {
		return Reason{Starts: k.ends, Text: fmt.Sprintf("%s has %s loaded and is free in about %s; loading it elsewhere takes %s",
			b.name(k.spots[0]), t.Model, about(k.ends.Sub(now)), about(l.loads()))}
	}
	if len(l.spots) > 0 {
		at := b.ready(l.spots[0], l)
		return Reason{Starts: at, Text: fmt.Sprintf("%s is kept for it, since it was passed over %d times; %s", b.name(l.spots[0]), maxBypassed, b.lacks(l.spots[0], l))}
	}
	x := b.nearest(l)
	missing := b.missing(l)
	switch {
	case x == nil && missing != "":
		return Reason{Text: missing}
	case x == nil:
		return Reason{Text: b.unusable(l)}
	case missing != "":
		missing = "; " + missing
	}
	r := Reason{Text: b.lacks(x, l) + missing}
	if n := t.Request.Count; n > 1 {
		r.Text = fmt.Sprintf("needs %d devices of one agent at once; %s", n, r.Text)
	}
	if at := b.ready(x, l); at.After(now) {
		r.Starts = at
	}
	return r
}

// nearest gives the device on which a task of the line could begin first.
func (b *Book) nearest(l *line) *spot {
	var best *spot
	var at time.Time
	for _, g := range b.fleet {
		for _, x := range g.spots {
			if g.Away != "" || x.unit.Usable() != "" || !x.serves(l) || l.picky && device.Misfit(&x.unit.Device, &l.task.Request) != "" {
				continue
			}
			ready := b.ready(x, l)
			if x.reserved != nil && x.reserved != l {
				ready = ready.Add(l.loads() + defaultLasts)
			}
			if best == nil || ready.Before(at) {
				best, at = x, ready
			}
		}
	}
	return best
}

// lacks says what a device has too little of for a task of the line.
func (b *Book) lacks(x *spot, l *line) string {
	r := &l.task.Request
	name := b.name(x)
	needs := "needs " + sdk.FormatSize(r.Memory)
	if r.Exclusive {
		needs = "needs a device of its own"
	}
	switch leases := x.unit.Leases(); {
	case x.reserved != nil && x.reserved != l:
		return fmt.Sprintf("%s; %s is kept for another task, which was passed over too often", needs, name)
	case len(leases) > 0 && leases[0].Exclusive, len(leases) > 0 && r.Exclusive:
		return fmt.Sprintf("%s; %s is used by %s", needs, name, holders(leases))
	case x.process(l.plugin).saturated():
		return fmt.Sprintf("%s on %s takes %s at once, and has as many: %s", l.task.Plugin, name, counted(x.process(l.plugin).limit, "task"), holders(leases))
	case x.unit.Needs(r.Memory, x.process(l.plugin).id(l)) > x.both:
		text := fmt.Sprintf("%s; %s has %s free", needs, name, sdk.FormatSize(max(0, x.both)))
		if len(leases) > 0 {
			return text + ", the rest is held by " + holders(leases)
		}
		return text + ", the rest is used by programs that are not ours"
	}
	if why := x.agent.short(l); why != "" {
		return x.agent.label() + ": " + why
	}
	if l.avoid[x.agent] {
		return needs + "; " + name + " refused it, and has said nothing since"
	}
	return "it is about to begin on " + name
}

// holders names who holds a device, and until when.
func holders(leases []*device.Lease) string {
	var parts []string
	for _, l := range leases[:min(len(leases), 3)] {
		text := l.ID
		if !l.Ends.IsZero() {
			text += " until about " + l.Ends.Format("15:04:05")
		}
		parts = append(parts, text)
	}
	if more := len(leases) - 3; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

// unusable says why none of the devices that could serve the line is in use.
func (b *Book) unusable(l *line) string {
	var parts []string
	for _, g := range b.fleet {
		for _, x := range g.spots {
			if !x.serves(l) {
				continue
			}
			why := x.unit.Usable()
			if g.Away != "" {
				why = "is not to be had: " + g.label() + " is " + g.Away
			}
			if why != "" && len(parts) < 3 {
				parts = append(parts, b.name(x)+" "+why)
			}
		}
	}
	return "every device that could serve it is out of use: " + strings.Join(parts, "; ")
}

// Never says why no agent that is known could ever carry out a task, offline ones included; empty when one could.
func (b *Book) Never(t *Task) string {
	if u := b.userOf(t.Owner); u.quota.Devices > 0 && t.Request.Count > u.quota.Devices || u.quota.Memory > 0 && t.Request.Memory*int64(t.Request.Count) > u.quota.Memory {
		return fmt.Sprintf("needs %s with %s each, and %s may have %s at once", counted(t.Request.Count, "device"), sdk.FormatSize(t.Request.Memory), u.name, u.quota)
	}
	var parts []string
	offered := false
	for _, g := range b.fleet {
		if !g.offers(t.offer()) {
			continue
		}
		offered = true
		if why := g.table.Exceeds(&t.Request); why != "" {
			parts = append(parts, g.label()+" "+why)
			continue
		}
		fit := 0
		for _, x := range g.spots {
			why := device.Misfit(&x.unit.Device, &t.Request)
			if why == "" && x.unit.Memory-g.table.Reserve < t.Request.Memory {
				why = fmt.Sprintf("has %s for tasks, not %s", sdk.FormatSize(x.unit.Memory-g.table.Reserve), sdk.FormatSize(t.Request.Memory))
			}
			if why == "" {
				fit++
			} else if len(parts) < 3 {
				parts = append(parts, b.name(x)+" "+why)
			}
		}
		if fit >= t.Request.Count {
			return ""
		}
		if fit > 0 {
			parts = append(parts, fmt.Sprintf("%s has %s that would do, not %d", g.label(), counted(fit, "device"), t.Request.Count))
		}
	}
	switch {
	case !offered && (len(b.fleet) > 0 || t.Request.Count == 0):
		return "no agent offers " + t.offer()
	case len(parts) > 0 && t.Request.Count == 0:
		return "no agent could ever carry it out: " + strings.Join(parts[:min(len(parts), 3)], "; ")
	case len(parts) == 0:
		return "needs " + counted(t.Request.Count, "device") + ", and there is none"
	}
	return "no device could ever serve it: " + strings.Join(parts, "; ")
}

// Would says where a task would go now if nobody waited: the agent and devices, or, for people, why it would wait.
func (b *Book) Would(t Task, now time.Time) (a Assignment, why string) {
	if why := b.Never(&t); why != "" {
		return a, why
	}
	b.now = now
	l := b.lineFor(&t)
	c, ok := b.choose(l, false)
	if !ok {
		return a, b.whyLine(l, now).Text
	}
	a = Assignment{Task: t, Warm: c.warm, Unload: c.unload}
	if c.agent != nil {
		a.Agent = c.agent.ID
	}
	for _, x := range c.spots {
		a.Agent = x.agent.ID
		a.Devices = append(a.Devices, x.unit.UUID)
	}
	return a, ""
}

// Largest is the most memory that any known device which could serve the task has to give, in bytes.
func (b *Book) Largest(t *Task) (most int64) {
	for _, g := range b.fleet {
		for _, x := range g.spots {
			if g.offers(t.offer()) && device.Misfit(&x.unit.Device, &t.Request) == "" {
				most = max(most, x.unit.Memory-g.table.Reserve-x.unit.Foreign())
			}
		}
	}
	return most
}

// aheadOf counts the tasks of its line that go before a task.
func (b *Book) aheadOf(p *pending) int {
	own := p.line.byLane[p.lane]
	mine := b.rank(own)
	n := 0
	for _, c := range p.line.byLane {
		if c != own && (c.head() == nil || !b.rank(c).before(mine)) {
			continue
		}
		for _, q := range c.tasks[c.first:] {
			if c == own && q == p {
				break
			}
			if q != nil && !q.gone {
				n++
			}
		}
	}
	return n
}

// serving counts the devices that could serve a line.
func (b *Book) serving(l *line) int {
	n := 0
	for _, c := range b.classes {
		if len(c.spots) > 0 && c.spots[0].fits(l) {
			for _, x := range c.spots {
				if x.agent.stocks(l) {
					n++
				}
			}
		}
	}
	return n
}

// name is how people call a device.
func (b *Book) name(x *spot) string {
	text := device.Short(x.unit.UUID)
	if len(b.fleet) > 1 {
		text += " on " + x.agent.label()
	}
	return text
}

func (g *agent) label() string {
	if g.Name != "" {
		return g.Name
	}
	return g.ID
}

// Waiting lists the tasks that wait, those first that go first: each line's in its order, lines by their first.
func (b *Book) Waiting() []string {
	var out []string
	for _, first := range b.inOrder() {
		cells := slices.DeleteFunc(slices.Clone(first.line.cells.list), func(c *cell) bool { return c.head() == nil })
		slices.SortFunc(cells, func(a, c *cell) int {
			if b.rank(a).before(b.rank(c)) {
				return -1
			}
			return 1
		})
		for _, c := range cells {
			for _, p := range c.tasks[c.first:] {
				if p != nil && !p.gone {
					out = append(out, p.ID)
				}
			}
		}
	}
	for _, u := range b.users { // what a quota holds back comes last
		for _, c := range u.parked {
			for _, p := range c.tasks[c.first:] {
				if c.parked && c.at < 0 && p != nil && !p.gone {
					out = append(out, p.ID)
				}
			}
		}
	}
	return out
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// about rounds a duration for people.
func about(d time.Duration) string {
	switch {
	case d < time.Second:
		return "a second"
	case d < time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
