package probe

import (
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// source is what a Watch knows from one Source; the watch's lock guards it.
type source struct {
	run Source
	// first is closed once it has answered or failed.
	first chan struct{}
	once  sync.Once

	known    []known
	answered time.Time // its last good sample
	note     string
	// down is why it does not answer now; empty while it does.
	down string
}

// known is a device and when it was last in a sample.
type known struct {
	device.Device
	seen time.Time
}

func (s *source) looked() { s.once.Do(func() { close(s.first) }) }

func (s *source) knows(uuid string) bool {
	return slices.ContainsFunc(s.known, func(k known) bool { return k.UUID == uuid })
}

// take brings in a sample. One that failed leaves everything as it was, out of date.
func (s *source) take(sample Sample, now time.Time, forget time.Duration) {
	if sample.Error != "" {
		s.down = sample.Error
		return
	}
	s.down, s.answered, s.note = "", now, sample.Note
	var next []known
	for _, d := range sample.Devices {
		if d.UUID != "" && !slices.ContainsFunc(next, func(k known) bool { return k.UUID == d.UUID }) {
			next = append(next, known{d, now})
		}
	}
	for _, k := range s.known {
		here := slices.ContainsFunc(next, func(n known) bool { return n.UUID == k.UUID })
		divided := slices.ContainsFunc(next, func(n known) bool { return n.Parent == k.UUID || k.Parent != "" && n.UUID == k.Parent })
		if here || divided || now.Sub(k.seen) > forget {
			continue // a GPU that was divided, or put together again, is not lost
		}
		k.Ill = "it is lost: the driver does not list it any more"
		k.Reading.Stale = true
		next = append(next, k)
	}
	s.known = next
}

// ills gives why each device is ill, as far as samples say.
func (s *source) ills() map[string]string {
	out := map[string]string{}
	for _, k := range s.known {
		out[k.UUID] = k.Ill
	}
	return out
}

// shown gives the devices, and marks what is out of date.
func (s *source) shown(now time.Time, patience, illAfter time.Duration) (out []device.Device) {
	age := now.Sub(s.answered)
	for _, k := range s.known {
		d := k.Device
		d.Reading.Stale = d.Reading.Stale || s.down != "" || age > patience
		if age > illAfter && d.Ill == "" {
			d.Ill = "the probe stopped answering"
			if s.down != "" {
				d.Ill += ": " + s.down
			}
		}
		out = append(out, d)
	}
	return out
}

// notes are what a person should know. Why it found nothing counts only when nobody found anything.
func (s *source) notes(some bool) (out []string) {
	if s.down != "" {
		out = append(out, "the probe of devices does not answer: "+s.down)
	}
	if s.note != "" && (len(s.known) > 0 || !some) {
		out = append(out, s.note)
	}
	return out
}
