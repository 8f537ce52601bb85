package device

import (
	"fmt"
	"slices"

	"github.com/myspinbot/spinbot/sdk"
)

// Leases are what tasks hold of the device, in the order in which they were granted. They belong to the table.
func (u *Unit) Leases() []*Lease { return u.leases }

// WarmOn is what is kept warm on the device.
func (u *Unit) WarmOn() []*Warm { return u.warm }

// Usable says why no task may go to the device now, whatever it asks for; empty when one may.
func (u *Unit) Usable() string {
	switch {
	case u.Ill != "":
		return u.Ill
	case u.Held != "":
		return "is held: " + u.Held
	}
	return ""
}

// Refuses says why the device cannot serve the request now, with what is kept warm under that ID; empty when it can.
func (u *Unit) Refuses(r *Request, warm string) string {
	if why := Misfit(&u.Device, r); why != "" {
		return why
	}
	if why := u.Usable(); why != "" {
		return why
	}
	if len(u.leases) > 0 && (r.Exclusive || u.leases[0].Exclusive) {
		return "is used by " + u.leases[0].ID
	}
	if r.Exclusive && len(u.ghosts) > 0 && !u.table.Trusting {
		return "has memory that was given up and is not free yet"
	}
	if need, free := u.Needs(r.Memory, warm), u.Free()+u.Excess(warm); need > free {
		return fmt.Sprintf("has %s free, and %s are needed", sdk.FormatSize(max(0, free)), sdk.FormatSize(need))
	}
	return ""
}

// Foreign is the memory that programs which are not ours use, as far as is known, in bytes.
func (u *Unit) Foreign() int64 {
	ghosts := int64(0)
	for _, g := range u.ghosts {
		ghosts += g.memory
	}
	return u.foreign(u.taken(), ghosts)
}

// Free is the memory that may be granted now, in bytes; below zero when foreign processes took what was granted, or what is
// warm takes more than was said that there is.
func (u *Unit) Free() int64 {
	taken, ghosts := u.taken(), int64(0)
	for _, g := range u.ghosts {
		ghosts += g.memory
	}
	free := u.Memory - u.table.Reserve - taken - u.foreign(taken, ghosts)
	if !u.table.Trusting {
		free -= ghosts
	}
	return free
}

// Reclaimable is the memory that is kept warm and would be given up, in bytes: what nobody works with.
func (u *Unit) Reclaimable() int64 {
	var sum int64
	for _, w := range u.warm {
		if u.Idle(w) {
			sum += w.Memory
		}
	}
	return sum
}

// Idle says whether something warm could be told to give its memory up.
func (u *Unit) Idle(w *Warm) bool {
	return !w.Foreign && !slices.ContainsFunc(u.leases, func(l *Lease) bool { return l.Warm == w.ID })
}

// Holds is what is kept warm of the device under an ID, in bytes.
func (u *Unit) Holds(id string) int64 {
	if w := u.find(id); w != nil {
		return w.Memory
	}
	return 0
}

// Excess is by how much what is kept warm under an ID holds more than there is, in bytes: it may go on using that.
func (u *Unit) Excess(id string) int64 { return max(0, u.Holds(id)-(u.Memory-u.table.Reserve)) }

// Needs is how much free memory a lease of so much takes when it works with what is kept warm under the ID.
func (u *Unit) Needs(memory int64, id string) int64 {
	if id == "" {
		return memory
	}
	leased, warm := u.of(id)
	return max(leased+memory, warm) - max(leased, warm)
}

// of says what leases with something warm hold, and what it does by itself.
func (u *Unit) of(id string) (leased, warm int64) {
	for _, l := range u.leases {
		if l.Warm == id {
			leased += l.Memory
		}
	}
	return leased, u.Holds(id)
}

func (u *Unit) find(id string) *Warm {
	for _, w := range u.warm {
		if w.ID == id {
			return w
		}
	}
	return nil
}

// Taken is what we hold of the device, in bytes: leases, and what is kept warm.
func (u *Unit) Taken() int64 { return u.taken() }

// taken is what we hold of the device: leases, and what is warm as far as leases do not cover it.
func (u *Unit) taken() int64 {
	var sum int64
	for k, l := range u.leases {
		if l.Warm == "" {
			sum += l.Memory
		} else if !slices.ContainsFunc(u.leases[:k], func(x *Lease) bool { return x.Warm == l.Warm }) {
			leased, warm := u.of(l.Warm)
			sum += max(leased, warm)
		}
	}
	for _, w := range u.warm {
		if !slices.ContainsFunc(u.leases, func(l *Lease) bool { return l.Warm == w.ID }) {
			sum += w.Memory
		}
	}
	return sum
}

// foreign is what is used beyond what we know to hold. Where the driver tells which process uses what, ours are believed to
// hold at least what they were granted, and what they use beyond that counts too; else they are believed to use what they
// were granted, and foreign ones at least what they did before ours came. Where an engine computes that somebody else runs, what we know
// to hold may have been there before ours came, and in its processes.
func (u *Unit) foreign(taken, ghosts int64) int64 {
	switch {
	case u.Reading.Foreign != nil:
		return *u.Reading.Foreign
	case u.Reading.Used == nil:
		return 0
	case slices.Contains(u.table.Engines, u.UUID):
		return max(0, *u.Reading.Used-ghosts-taken)
	case u.ours != nil:
		return max(0, *u.Reading.Used-min(*u.ours, taken+ghosts))
	}
	return max(u.base, *u.Reading.Used-ghosts-taken)
}
