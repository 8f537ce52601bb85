// Package tally owns what tasks have of devices that they share: for how long, which part of the time is whose, and whose the
// energy is. It is pure: who holds what, what was read, and when it is, is told to it.
//
// At each moment a device is shared out among those that hold memory of it, in proportion to that. One that is alone has all of it.
// The parts of all tasks together are never more than the time that has passed, and never more than what the counter has counted.
package tally

import (
	"math"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk"
)

// Tally keeps the account of one machine's devices. It belongs to whoever holds its leases.
type Tally struct {
	units map[string]*unit
}

// New gives a tally that knows no device.
func New() *Tally { return &Tally{units: map[string]*unit{}} }

// unit is a device.
type unit struct {
	name    string
	at      time.Time // up to here the time is shared out
	read    time.Time // when the last reading came in; zero: none has
	last    device.Reading
	watts   float64 // what it draws now, as far as that is known; 0: it is not
	holders map[string]*holder
}

// holder is a task on one device.
type holder struct {
	weight            float64
	began             time.Time
	memory            int64
	share, open       time.Duration // all of it; and since the last reading
	energy, estimated float64
}

func (t *Tally) unit(uuid string) *unit {
	u := t.units[uuid]
	if u == nil {
		u = &unit{holders: map[string]*holder{}}
		t.units[uuid] = u
	}
	return u
}

// Hold says that a task holds memory of devices from now on.
func (t *Tally) Hold(id string, devices []string, memory int64, now time.Time) {
	for _, uuid := range devices {
		u := t.unit(uuid)
		u.pass(now)
		u.holders[id] = &holder{weight: float64(max(memory, 1)), began: now, memory: memory}
	}
}

// Release says that a task holds nothing any more, and gives what it had, in the order of devices. What it has drawn since the last
// reading is estimated, from what the device drew then.
func (t *Tally) Release(id string, devices []string, now time.Time) (out []sdk.UsedDevice) {
	for _, uuid := range devices {
		u := t.unit(uuid)
		h := u.holders[id]
		if h == nil {
			continue
		}
		u.pass(now)
		delete(u.holders, id)
		h.draw(u.watts*h.open.Seconds(), false)
		out = append(out, sdk.UsedDevice{UUID: uuid, Name: u.name, Held: max(now.Sub(h.began), 0).Milliseconds(), Share: h.share.Milliseconds(), Memory: h.memory,
			Energy: round(h.energy), Estimated: round(h.estimated)})
	}
	return out
}

// Read takes in what was read of devices. One that is repeated, or out of date, tells nothing. A device that is gone is forgotten
// when nobody holds it.
func (t *Tally) Read(devices []device.Device, now time.Time) {
	for k := range devices {
		d := &devices[k]
		u := t.unit(d.UUID)
		u.name = d.Name
		if r := d.Reading; !r.Stale && (u.read.IsZero() || !r.At.Equal(u.last.At)) {
			u.take(r, now)
		}
	}
	for uuid, u := range t.units {
		if len(u.holders) == 0 && !slices.ContainsFunc(devices, func(d device.Device) bool { return d.UUID == uuid }) {
			delete(t.units, uuid)
		}
	}
}

// pass shares out the time that has passed.
func (u *unit) pass(now time.Time) {
	took := now.Sub(u.at)
	if u.at.IsZero() || took > 0 {
		u.at = now
	}
	if took <= 0 || len(u.holders) == 0 {
		return
	}
	sum := 0.0
	for _, h := range u.holders {
		sum += h.weight
	}
	for _, h := range u.holders {
		part := time.Duration(float64(took) * h.weight / sum)
		h.share += part
		h.open += part
	}
}

// take brings in a reading: what the device drew since the one before is shared out.
func (u *unit) take(r device.Reading, now time.Time) {
	u.pass(now)
	joules, measured := u.drawn(r, now)
	if took := now.Sub(u.read); !u.read.IsZero() && took > 0 {
		for _, h := range u.holders {
			h.draw(joules*float64(h.open)/float64(took), measured)
			h.open = 0
		}
		u.watts = joules / took.Seconds()
	}
	if r.Power != nil {
		u.watts = *r.Power
	}
	u.read, u.last = now, r
}

// drawn is what the device has drawn between the last reading and this one, in joules: by its counter, unless that was begun anew,
// or else by its power at both.
func (u *unit) drawn(r device.Reading, now time.Time) (joules float64, measured bool) {
	if u.last.Energy != nil && r.Energy != nil && *r.Energy >= *u.last.Energy {
		return *r.Energy - *u.last.Energy, true
	}
	watts := u.watts
	if r.Power != nil {
		watts = *r.Power
		if u.last.Power != nil {
			watts = (watts + *u.last.Power) / 2
		}
	}
	return watts * now.Sub(u.read).Seconds(), false
}

func (h *holder) draw(joules float64, measured bool) {
	h.energy += joules
	if !measured {
		h.estimated += joules
	}
}

func round(joules float64) float64 { return math.Round(joules*1000) / 1000 }
