package leases

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk"
)

// Reclaim says how devices are given to the other programs of the machine's owner. Its zero value gives none.
type Reclaim struct {
	// Memory in bytes that foreign programs hold before a device counts as taken; 0: none ever does.
	Memory int64
	// After is how long they must have held it; Return, how long it must be free again before it is used again.
	After, Return time.Duration
	// Stops says whether a task that runs there is stopped, and begins anew; nil: none is.
	Stops func(nodeType string) bool
}

// Why a device is held. The first that holds it is what people are told.
type cause int

const (
	byPerson cause = iota
	byHours
	byForeign
	byLoss
	causes
)

// watched is what a Keeper remembers of a device between two looks.
type watched struct {
	why     [causes]string
	lostAt  time.Time // byLoss since
	taken   time.Time // foreign programs have held much of it since; zero: they do not
	givenUp time.Time // they have not since, though it is still held for them
}

// holdFor holds a device for a cause, or ends that with an empty why. It says whether there is such a device. mu is held.
func (d *Keeper) holdFor(uuid string, c cause, why string) bool {
	w := d.watched[uuid]
	if w == nil {
		w = &watched{}
		d.watched[uuid] = w
	}
	w.why[c] = why
	return d.table.Hold(uuid, cmp.Or(w.why[:]...))
}

// Hold takes a device out of use, why for people; an empty why takes it back. Tasks on it go on. It says whether there is
// such a device.
func (d *Keeper) Hold(uuid, why string) bool {
	d.mu.Lock()
	found := d.holdFor(uuid, byPerson, why)
	d.move()
	d.mu.Unlock()
	d.cfg.Changed()
	return found
}

// suspectFor is how long a device that was lost under a task takes none: the probe has looked again by then.
const suspectFor = 10 * time.Second

// look holds and frees devices as the hours, foreign programs and losses say. It gives what has to be done once mu is not
// held any more.
func (d *Keeper) look(now time.Time) (calls []func()) {
	closed := ""
	if d.cfg.Open != nil {
		if open, until := d.cfg.Open(now); !open {
			closed = "its hours begin " + until.Format("Mon 15:04")
		}
	}
	for _, u := range d.table.Units() {
		d.holdFor(u.UUID, byHours, closed)
		w := d.watched[u.UUID] // there is one by now, and one that was held before the device was seen holds it
		if w.why[byLoss] != "" && now.Sub(w.lostAt) >= suspectFor {
			d.holdFor(u.UUID, byLoss, "")
		}
		calls = append(calls, d.reclaim(u, w, now)...)
	}
	return calls
}

// reclaim gives a device up to foreign programs that have taken it, and takes it back once they have gone.
func (d *Keeper) reclaim(u *device.Unit, w *watched, now time.Time) (calls []func()) {
	r := &d.cfg.Reclaim
	if r.Memory <= 0 {
		return nil
	}
	held := w.why[byForeign] != ""
	if u.Foreign() < r.Memory {
		w.taken = time.Time{}
		if w.givenUp.IsZero() {
			w.givenUp = now
		}
		if held && now.Sub(w.givenUp) >= r.Return {
			d.holdFor(u.UUID, byForeign, "")
		}
		return nil
	}
	w.givenUp = time.Time{}
	if w.taken.IsZero() {
		w.taken = now
	}
	if held || now.Sub(w.taken) < r.After {
		return nil
	}
	why := foreigners(u, d.ours) + " uses it"
	d.holdFor(u.UUID, byForeign, why)
	for _, kept := range u.WarmOn() {
		if u.Idle(kept) {
			calls = append(calls, func() {
				if err := d.giveUp(context.Background(), kept.ID); err != nil {
					d.cfg.Log.Warn("memory is not given up", "device", u.UUID, "what", kept.ID, "error", err)
				}
			})
		}
	}
	for _, h := range d.leases {
		if slices.Contains(h.lease.Devices, u.UUID) && r.Stops != nil && r.Stops(h.nodeType) {
			calls = append(calls, func() {
				h.stop(&sdk.Error{Cause: sdk.CausePreempted, Message: device.Short(u.UUID) + " was given up: " + why})
			})
		}
	}
	d.cfg.Log.Info("a device is given up", "device", u.UUID, "why", why)
	return calls
}

// foreigners names the program that is not ours and uses most of the device.
func foreigners(u *device.Unit, ours func(pid int) bool) string {
	var most *device.Process
	for k := range u.Reading.Processes {
		p := &u.Reading.Processes[k]
		if !ours(p.PID) && p.Memory != nil && (most == nil || *p.Memory > *most.Memory) {
			most = p
		}
	}
	size := sdk.FormatSize(u.Foreign())
	switch {
	case most == nil:
		return "another program (" + size + ")"
	case most.Name == "":
		return fmt.Sprintf("process %d (%s)", most.PID, sdk.FormatSize(*most.Memory))
	}
	return fmt.Sprintf("%s (%s)", most.Name, sdk.FormatSize(*most.Memory))
}
