package book

import (
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/reason"
	"github.com/myspinbot/spinbot/sdk"
)

// Why says why a task waits; nothing when it does not.
func (b *Book) Why(id string, now time.Time) placement.Reason {
	p := b.turns.Tasks[id]
	if p == nil {
		return placement.Reason{}
	}
	l := p.Line
	if why := b.Never(&p.Task); why != "" {
		return placement.Reason{Text: why, Never: true}
	}
	if why := b.turns.HeldBy[p.Plugin]; why != "" {
		return placement.Reason{Text: "plugin " + p.Plugin + " is held: " + why}
	}
	if u := p.Lane.User; u.Full(&l.Need) {
		return placement.Reason{Text: fmt.Sprintf("%s has %s and %s of device memory, and a quota of %s", u.Name, placement.Counted(u.Devices, "device"), sdk.FormatSize(u.Memory), u.Quota)}
	}
	r := reason.Waits(b.fleet, &l.Need, now)
	if r.Ahead = b.turns.AheadOf(p); r.Ahead > 0 {
		r.Text = reason.Behind(r.Ahead, r.Text)
		if !r.Starts.IsZero() && p.Lasts > 0 {
			r.Starts = r.Starts.Add(p.Lasts * time.Duration(r.Ahead) / time.Duration(max(1, reason.Serving(b.fleet, &l.Need))))
		}
	}
	if p.Refused != "" {
		r.Text += "; it was placed before, and came back: " + p.Refused
	}
	return r
}

// Never says why no agent that is known could ever carry out a task, offline ones included; empty when one could.
func (b *Book) Never(t *placement.Task) string {
	if u := b.turns.UserOf(t.Owner); u.Quota.Devices > 0 && t.Request.Count > u.Quota.Devices || u.Quota.Memory > 0 && t.Request.Memory*int64(t.Request.Count) > u.Quota.Memory {
		return fmt.Sprintf("needs %s with %s each, and %s may have %s at once", placement.Counted(t.Request.Count, "device"), sdk.FormatSize(t.Request.Memory), u.Name, u.Quota)
	}
	return reason.Never(b.fleet, t)
}

// Largest is the most memory that any known device which could serve the task has to give, in bytes.
func (b *Book) Largest(t *placement.Task) int64 { return reason.Largest(b.fleet, t) }

// Would says where a task would go now if nobody waited: the agent and devices, or, for people, why it would wait.
func (b *Book) Would(t placement.Task, now time.Time) (a placement.Assignment, why string) {
	if why := b.Never(&t); why != "" {
		return a, why
	}
	b.fleet.Now = now
	n := b.fleet.Need(&t)
	c, ok := b.choose(&n, false)
	if !ok {
		return a, reason.Waits(b.fleet, &n, now).Text
	}
	a = placement.Assignment{Task: t, Agent: c.Agent.ID, Warm: c.Warm, Unload: c.Unload}
	for _, x := range c.Spots {
		a.Devices = append(a.Devices, x.Unit.UUID)
	}
	return a, ""
}
