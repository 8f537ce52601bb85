package fleet

import (
	"cmp"

	"github.com/google/btree"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// shelf is the devices of a class that a plugin could begin a task on, in order of what is free there.
type shelf struct {
	class  *Class
	plugin *plug
	vacant bool // only those that nobody uses
	free   *btree.BTreeG[*Spot]
	both   *btree.BTreeG[*Spot]
}

func (c *Class) serves(t *placement.Task) bool {
	any := *t
	any.Request.Only, any.Request.Forbid = nil, nil
	return c.agent.Can(t) && c.agent.Misfit(&c.sample, &any) == ""
}

// shelfFor gives the shelf that a need looks at.
func (c *Class) shelfFor(n *Need) *shelf {
	for _, s := range c.shelves {
		if s.plugin == n.Plugin && s.vacant == n.Task.Request.Exclusive {
			return s
		}
	}
	s := &shelf{class: c, plugin: n.Plugin, vacant: n.Task.Request.Exclusive,
		free: btree.NewG(16, func(a, b *Spot) bool { return a.Free < b.Free || a.Free == b.Free && a.Seq < b.Seq }),
		both: btree.NewG(16, func(a, b *Spot) bool {
			return cmp.Or(cmp.Compare(a.Both, b.Both), cmp.Compare(a.lru, b.lru), cmp.Compare(a.Seq, b.Seq)) < 0
		})}
	c.shelves = append(c.shelves, s)
	for _, x := range c.Spots {
		x.put(s)
	}
	return s
}

// put puts the spot on a shelf when it belongs there.
func (x *Spot) put(s *shelf) {
	if x.open(s.plugin, s.vacant) {
		s.free.ReplaceOrInsert(x)
		s.both.ReplaceOrInsert(x)
		x.on = append(x.on, s)
	}
}

// open says whether a task of the plugin could begin here if the memory sufficed.
func (x *Spot) open(plugin *plug, vacant bool) bool {
	if x.Agent.Away != "" || x.Unit.Usable() != "" {
		return false
	}
	leases := x.Unit.Leases()
	if len(leases) == 0 {
		return true
	}
	if vacant || leases[0].Exclusive {
		return false
	}
	return !x.Process(plugin).Saturated()
}

// plug is a plugin, numbered so that what belongs to it is found without its name.
type plug struct {
	name string
	at   int
}

func (f *Fleet) plugOf(name string) *plug {
	p := f.plugs[name]
	if p == nil {
		p = &plug{name, len(f.plugs)}
		f.plugs[name] = p
	}
	return p
}

// shelves are those of all classes that could serve the need.
func (f *Fleet) shelves(n *Need) []*shelf {
	for ; n.shelved < len(f.Classes); n.shelved++ {
		if c := f.Classes[n.shelved]; c.serves(&n.Task) {
			n.shelves = append(n.shelves, c.shelfFor(n))
		}
	}
	return n.shelves
}

// by is the devices in order of what is free, or with both of that and what idle processes would give up.
func (s *shelf) by(both bool) *btree.BTreeG[*Spot] {
	if both {
		return s.both
	}
	return s.free
}

// has is what it has by that.
func (x *Spot) has(both bool) int64 {
	if both {
		return x.Both
	}
	return x.Free
}

// takes says whether the device takes a task of the need as far as anything but its memory goes.
func (x *Spot) takes(n *Need) bool {
	return x.Agent.Short(n) == "" && !n.Avoid[x.Agent] && x.Agent.Stocks(n) && x.leaves(n)
}

// Smallest gives the device that has the least that suffices, or nil.
func (f *Fleet) Smallest(n *Need, both bool) *Spot {
	t := &n.Task
	pivot := &Spot{Free: t.Request.Memory, Both: t.Request.Memory, lru: -1 << 62, Seq: -1}
	var best *Spot
	for _, s := range f.shelves(n) {
		s.by(both).AscendGreaterOrEqual(pivot, func(x *Spot) bool {
			if !x.takes(n) {
				return true
			}
			if best == nil || x.has(both) < best.has(both) {
				best = x
			}
			return false
		})
	}
	return best
}

// Emptiest gives the device with the most free memory, whatever is loaded there, or nil.
func (f *Fleet) Emptiest(n *Need) *Spot {
	for _, both := range []bool{false, true} {
		var most *Spot
		for _, s := range f.shelves(n) {
			s.by(both).Descend(func(x *Spot) bool {
				if !x.takes(n) {
					return true
				}
				if most == nil || x.has(both) > most.has(both) {
					most = x
				}
				return false
			})
		}
		if most != nil && most.has(both) >= n.Task.Request.Memory {
			return most
		}
	}
	return nil
}
