package book

import (
	"cmp"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
	"github.com/myspinbot/spinbot/host/internal/core/placement/turns"
)

// makeWay tells running tasks to give way to one that finds no room: evictable ones, and by the policy those of a much lower
// priority. What becomes free is reserved.
func (b *Book) makeWay(l *turns.Line, p *turns.Pending) {
	if p.Evictable || len(l.Spots) > 0 || b.policy.Order != placement.Fair || l.BestBy != nil || l.Task.Request.Count != 1 {
		return
	}
	var best *fleet.Spot
	var out []*running
	for _, x := range b.yielding(l, p) {
		victims, room := b.victims(x, p)
		if room && (best == nil || len(victims) < len(out)) {
			best, out = x, victims
		}
	}
	if best == nil {
		return
	}
	for _, r := range out {
		r.yields = true
		b.evicted = append(b.evicted, r.ID)
	}
	b.fleet.Reserve(&l.Need, best)
	l.Due = time.Time{} // nobody else is to have what others gave up for it
	l.Block()
}

func (r *running) yieldsTo(p *turns.Pending, policy placement.Policy) bool {
	return r.Evictable || policy.Preempt > 0 && p.Priority-r.Priority >= policy.Preempt
}

// yielding gives the devices that the task could use where tasks run that would give way to it.
func (b *Book) yielding(l *turns.Line, p *turns.Pending) []*fleet.Spot {
	if b.policy.Preempt == 0 && b.evictables == 0 {
		return nil
	}
	var out []*fleet.Spot
	for _, c := range b.fleet.Classes {
		for _, x := range c.Spots {
			if !x.Serves(&l.Need) || x.Reserved != nil || x.Agent.Away != "" || x.Unit.Usable() != "" {
				continue
			}
			if slices.ContainsFunc(x.Unit.Leases(), func(lease *device.Lease) bool {
				r := b.running[lease.ID]
				return r != nil && r.yieldsTo(p, b.policy)
			}) {
				out = append(out, x)
			}
		}
	}
	return out
}

// victims gives the tasks that would have to give way on a device, the youngest first, and whether that is enough.
func (b *Book) victims(x *fleet.Spot, p *turns.Pending) (out []*running, room bool) {
	r := &p.Request
	free, others := x.Both, len(x.Unit.Leases())
	var list []*running
	for _, lease := range x.Unit.Leases() {
		if v := b.running[lease.ID]; v != nil && v.yieldsTo(p, b.policy) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, c *running) int { return cmp.Or(c.Since.Compare(a.Since), cmp.Compare(a.ID, c.ID)) })
	enough := func() bool { return free >= r.Memory && (!r.Exclusive || others == 0) }
	for _, v := range list {
		if enough() {
			break
		}
		free += v.Request.Memory
		others--
		if !v.yields {
			out = append(out, v)
		}
	}
	return out, enough()
}
