package book

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// someKeeps is how many places where a model is loaded are looked at.
const someKeeps = 16

// choose finds where a task goes: what was reserved for it; where its model is loaded and idle; the smallest device that
// is free; where its model is loaded, when waiting for that is shorter than loading it anew; the device whose models
// were used longest ago.
func (b *Book) choose(n *fleet.Need, onlyWarm bool) (fleet.Choice, bool) {
	if n.BestBy != nil { // it waited for that, and passed others over that may be as good now
		n.Hopes = n.Hopes[:0]
	}
	n.Until, n.BestBy = time.Time{}, nil
	if count := max(1, n.Task.Request.Count); len(n.Spots) >= count {
		if c, ok := b.fitAll(n, n.Spots[:count]); ok {
			return c, true
		}
	}
	if n.Task.Request.Count == 0 {
		return b.fleet.Anywhere(n)
	}
	if b.policy.Affinity != placement.LeastLoaded && b.policy.Affinity != placement.Packed && n.Warmer() {
		if c, ok := b.warmIdle(n); ok || onlyWarm {
			return c, ok
		}
	}
	if n.Picky {
		return b.searchAll(n)
	}
	if b.policy.Affinity == placement.LeastLoaded {
		if x := b.fleet.Emptiest(n); x != nil {
			return b.fitAll(n, []*fleet.Spot{x})
		}
		return fleet.Choice{}, false
	}
	if x := b.fleet.Smallest(n, false); x != nil {
		return b.fitAll(n, []*fleet.Spot{x})
	}
	if b.policy.Affinity != placement.Packed && b.waits(n) {
		return fleet.Choice{}, false
	}
	if x := b.fleet.Smallest(n, true); x != nil {
		return b.fitAll(n, []*fleet.Spot{x})
	}
	return fleet.Choice{}, false
}

// fitAll says whether the devices can have the task now, and what has to be unloaded for it.
func (b *Book) fitAll(n *fleet.Need, spots []*fleet.Spot) (fleet.Choice, bool) {
	t := &n.Task
	if len(spots) == 1 {
		return b.fit(n, spots, spots[0].Process(n.Plugin))
	}
	uuids := make([]string, len(spots))
	for k, x := range spots {
		uuids[k] = x.Unit.UUID
	}
	return b.fit(n, spots, spots[0].Agent.Process(placement.Process(t.Plugin, uuids)))
}

func (b *Book) fit(n *fleet.Need, spots []*fleet.Spot, pr *fleet.Process) (fleet.Choice, bool) {
	t, g := &n.Task, spots[0].Agent
	if pr.Saturated() || n.Avoid[g] || g.Short(n) != "" {
		return fleet.Choice{}, false
	}
	for _, x := range spots {
		if !x.Room(n, pr) || !x.Serves(n) {
			return fleet.Choice{}, false
		}
	}
	c := fleet.Choice{Agent: g, Spots: spots, Proc: pr, ID: pr.ID(n)}
	for _, x := range spots {
		c.Unload = x.Unload(t.Request.Memory, c.ID, c.Unload)
	}
	c.Warm = n.Model != nil && pr.Has(n) != nil
	return c, true
}

// warmIdle finds an idle process that has the model loaded, else one that has room for another task.
func (b *Book) warmIdle(n *fleet.Need) (fleet.Choice, bool) {
	var unloads fleet.Choice
	for i := len(n.Model.Idle) - 1; i >= max(0, len(n.Model.Idle)-someKeeps); i-- { // what was used last is free most likely
		if c, ok := b.within(n, n.Model.Idle[i]); ok {
			if len(c.Unload) == 0 {
				return c, true
			}
			if unloads.Spots == nil {
				unloads = c
			}
		}
	}
	if unloads.Spots != nil {
		return unloads, true
	}
	for _, k := range n.Model.Keeps[:min(len(n.Model.Keeps), someKeeps)] {
		if k.Running > 0 {
			if c, ok := b.within(n, k); ok {
				return c, true
			}
		}
	}
	return fleet.Choice{}, false
}

func (b *Book) within(n *fleet.Need, k *fleet.Keep) (fleet.Choice, bool) {
	if len(k.Spots) != n.Task.Request.Count {
		return fleet.Choice{}, false
	}
	return b.fit(n, k.Spots, k.Process)
}

// waits says whether the task would rather wait for a busy process that has its model loaded.
func (b *Book) waits(n *fleet.Need) bool {
	if n.Model == nil || len(n.Model.Keeps) == 0 {
		return false
	}
	if b.policy.Affinity == placement.OnlyWarm {
		return true
	}
	loads := n.Task.Loading()
	var soonest *fleet.Keep
	for _, k := range n.Model.Keeps[:min(len(n.Model.Keeps), someKeeps)] {
		if k.Running > 0 && !k.Ends.IsZero() && len(k.Spots) == n.Task.Request.Count && k.Agent.Away == "" && k.Spots[0].Serves(n) &&
			(soonest == nil || k.Ends.Before(soonest.Ends)) {
			soonest = k
		}
	}
	// One that is late has no end that could be believed.
	if soonest == nil || soonest.Ends.Before(b.fleet.Now) || soonest.Ends.Sub(b.fleet.Now) >= loads {
		return false
	}
	n.Until, n.BestBy = soonest.Ends.Add(time.Second), soonest
	return true
}

// searchAll is for tasks that name devices or ask for several: it looks at every agent.
func (b *Book) searchAll(n *fleet.Need) (fleet.Choice, bool) {
	var best fleet.Choice
	cost := func(c fleet.Choice) (sum int64) { // preferred devices, then nothing to unload, then the smallest
		for _, x := range c.Spots {
			if len(n.Task.Request.Prefer) > 0 && !device.Named(&x.Unit.Device, n.Task.Request.Prefer) {
				sum += 1 << 60
			}
			sum += x.Free >> 10
		}
		return sum + int64(len(c.Unload))<<50
	}
	for _, g := range b.hopeful(n) {
		for _, spots := range g.Sets(n) {
			if c, ok := b.fitAll(n, spots); ok && (best.Spots == nil || cost(c) < cost(best)) {
				best = c
			}
		}
	}
	return best, best.Spots != nil
}

// hopeful gives the agents that may have something for the line.
func (b *Book) hopeful(n *fleet.Need) []*fleet.Agent {
	if len(n.Hopes) == 0 {
		return b.fleet.Agents
	}
	var out []*fleet.Agent
	for _, x := range n.Hopes {
		if !slices.Contains(out, x.Agent) {
			out = append(out, x.Agent)
		}
	}
	return out
}
