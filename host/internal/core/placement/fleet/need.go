package fleet

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Need is what tasks that are alike need, how far the search for it has come, and what is reserved for the first of them.
type Need struct {
	Task     placement.Task // what they have in common
	Waiting  int            // how many tasks wait for it
	Plugin   *plug
	Model    *Model
	Longest  time.Duration // that one of them was expected to take since none waited
	Picky    bool          // it names devices, or asks for several: they are looked at one by one
	listed   bool          // the fleet keeps up what is found here
	shelves  []*shelf      // of the classes of devices that could serve it
	shelved  int           // how many classes there were when shelves were found
	rosters  []*roster     // of the crews that could serve it, when it needs no device
	mustered int           // how many crews there were when rosters were found
	fits     []fits        // by class
	// Blocked: nothing was there for it when it was last looked for. Until is when that is worth another look though nothing
	// was given back.
	Blocked bool
	Until   time.Time
	// Hopes are devices that were given back since it was blocked: only there may be something for it. None, and it is not
	// blocked: it has to be looked for everywhere.
	Hopes  []*Spot
	BestBy *Keep           // it would rather wait for this one than load its model elsewhere
	Avoid  map[*Agent]bool // that refused a task of it and were not heard of since
	Spots  []*Spot         // reserved for its first task
	Due    time.Time       // when they were expected to be free, as that was seen when they were reserved
	Kept   uint64          // when the first of them was, to tell who waits longer
}

type fits byte

const (
	unknown fits = iota
	could
	never
)

// Need gives what tasks like t need.
func (f *Fleet) Need(t *placement.Task) Need {
	r := &t.Request
	return Need{Task: *t, Longest: t.Lasting(), Plugin: f.plugOf(t.Plugin), Model: f.modelOf(t.Plugin, t.Model),
		Picky: r.Count != 1 || len(r.Only)+len(r.Prefer)+len(r.Forbid) > 0}
}

// List has a need looked at again whenever something is given back that it could use.
func (f *Fleet) List(n *Need) {
	n.listed = true
	f.Needs = append(f.Needs, n)
}

// Unlist forgets a need.
func (f *Fleet) Unlist(n *Need) {
	f.Needs = slices.DeleteFunc(f.Needs, func(x *Need) bool { return x == n })
	for _, r := range n.rosters {
		r.needs = slices.DeleteFunc(r.needs, func(x *Need) bool { return x == n })
	}
}

// Refused notes that an agent did not take a task: no other like it goes there before something was heard of the agent.
func (f *Fleet) Refused(n *Need, id string) {
	if g := f.byID[id]; g != nil {
		if n.Avoid == nil {
			n.Avoid = map[*Agent]bool{}
		}
		n.Avoid[g] = true
	}
}

// News says that something was given back since the last unblock.
func (f *Fleet) News() bool { return len(f.gained) > 0 }

// Unblock has those looked at again to which it could make a difference what was given back.
func (f *Fleet) Unblock() {
	if f.freed {
		f.freed = false
		for _, n := range f.Needs {
			if r := &n.Task.Request; r.Count == 0 || r.RAM > 0 || r.Disk > 0 {
				n.Look()
			}
		}
	}
	for _, x := range f.gained {
		x.gained = false
		for _, n := range f.Needs {
			if n.Waiting > 0 && n.Task.Request.Count > 0 && (n.Blocked || len(n.Hopes) > 0) && x.hope(n) {
				n.Blocked = false
				n.Hopes = append(n.Hopes, x)
			}
		}
	}
	f.gained = f.gained[:0]
}

// Look has its first looked at, wherever there may be something for it.
func (n *Need) Look() { n.Blocked, n.Hopes = false, n.Hopes[:0] }

// Block leaves the need alone until something is given back.
func (n *Need) Block() { n.Blocked, n.Hopes = true, n.Hopes[:0] }

// hope says whether the device gives what a task of the need needs of one.
func (x *Spot) hope(n *Need) bool {
	switch {
	case !x.Serves(n):
		return false
	case n.Task.Request.Count == 1:
		return x.gives(n)
	}
	return slices.ContainsFunc(x.keeps, func(k *Keep) bool { return k.model == n.Model && x.Room(n, k.Process) }) || x.Room(n, &Process{})
}

// Hopeless says whether there is nothing for the need: nothing was there before, and what was given back since is taken.
func (n *Need) Hopeless() bool {
	return len(n.Hopes) > 0 && !slices.ContainsFunc(n.Hopes, func(x *Spot) bool { return x.hope(n) })
}

// Warmer says whether its model may be found loaded and free.
func (n *Need) Warmer() bool {
	return n.Model != nil && n.Task.Request.Count > 0 && (len(n.Hopes) == 0 || slices.ContainsFunc(n.Hopes, func(x *Spot) bool {
		return slices.ContainsFunc(x.keeps, func(k *Keep) bool { return k.model == n.Model })
	}))
}

// Serves says whether the device could serve a task of the need, with the model files and the node classes that its agent has.
func (x *Spot) Serves(n *Need) bool { return x.Fits(n) && x.Agent.Stocks(n) }

// Fits says whether the device could ever serve a task of the need.
func (x *Spot) Fits(n *Need) bool {
	c := x.class
	for len(n.fits) <= c.seq {
		n.fits = append(n.fits, unknown)
	}
	if n.fits[c.seq] == unknown {
		n.fits[c.seq] = never
		if c.serves(&n.Task) {
			n.fits[c.seq] = could
		}
	}
	return n.fits[c.seq] == could && (!n.Picky || device.Misfit(&x.Unit.Device, &n.Task.Request) == "")
}

// Stocks says whether the agent has the model files and the node classes that a task of the need needs, as far as it tells.
func (g *Agent) Stocks(n *Need) bool {
	if g.Files != nil {
		for _, name := range n.Task.Files {
			if !g.Files[name] {
				return false
			}
		}
	}
	if has := g.Classes[n.Task.Plugin]; has != nil {
		for _, c := range n.Task.Classes {
			if !has[c.Name] {
				return false
			}
		}
	}
	return true
}
