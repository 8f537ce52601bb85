// Package fake gives the devices that a person wrote down: static ones, which stay as they are, and fake ones, to which
// happens what their script says. Nothing is measured; time comes from a clock that is passed in.
package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// What an Event may do.
const (
	Use    = "use"
	Lose   = "lose"
	Sicken = "sicken"
	Heal   = "heal"
	Hang   = "hang"
	Answer = "answer"
)

// New makes a prober of devices. Their scripts begin now.
func New(written []gpu.Written, now func() time.Time) gpu.Prober {
	p := &prober{now: now, began: now()}
	for i, w := range written {
		if w.Kind == "" {
			w.Kind = device.Fake
		}
		if w.UUID == "" {
			w.UUID = fmt.Sprintf("%s-%d", w.Kind, i+1)
		}
		if w.Name == "" {
			w.Name = string(w.Kind) + " device"
		}
		w.Script = slices.Clone(w.Script)
		slices.SortStableFunc(w.Script, func(a, b gpu.Event) int { return int(a.At - b.At) })
		p.devices = append(p.devices, w)
	}
	return p
}

type prober struct {
	devices []gpu.Written
	now     func() time.Time
	began   time.Time
}

// Probe implements gpu.Prober. While one device hangs, all do: they share a driver.
func (p *prober) Probe(ctx context.Context) (out []device.Device, note string, err error) {
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	now := p.now()
	for _, w := range p.devices {
		s := play(w, now.Sub(p.began))
		if s.hangs {
			<-ctx.Done()
			return nil, "", context.Cause(ctx)
		}
		out = append(out, s.show(w, now))
		if w.Kind == device.Static {
			note = "static devices are as they were written down: nothing of them is measured"
		}
	}
	return out, note, nil
}

// standing is how a device is at one time of its script.
type standing struct {
	used  int64
	lost  bool
	hangs bool
	ill   string
}

func play(w gpu.Written, elapsed time.Duration) standing {
	s := standing{used: w.Used, ill: w.Ill}
	for _, e := range w.Script {
		if e.At > elapsed {
			break
		}
		switch e.Do {
		case Use:
			s.used = e.Used
		case Lose:
			s.lost = true
		case Sicken:
			s.ill = "Xid 95: uncontained memory error (its script says so)"
		case Heal:
			s.lost, s.ill = false, ""
		case Hang:
			s.hangs = true
		case Answer:
			s.hangs = false
		}
	}
	return s
}

// show gives the device with its figures. What was written of its reading stays.
func (s standing) show(w gpu.Written, now time.Time) device.Device {
	d := w.Device
	d.Ill = s.ill
	if s.lost {
		d.Ill, d.Reading = "it is lost: the driver does not reach it any more", device.Reading{At: now}
		return d
	}
	d.Reading.At = now
	if w.Kind == device.Static && s.used == 0 {
		return d
	}
	used := min(max(s.used, 0), d.Memory)
	if raw, err := os.ReadFile(w.Figures); err == nil {
		if err := json.Unmarshal(raw, &d.Reading); err != nil {
			d.Ill = "its figures cannot be read: " + err.Error()
		}
		d.Reading.At = now
		if d.Reading.Used != nil {
			used = *d.Reading.Used
		}
	}
	free := d.Memory - used
	d.Reading.Used, d.Reading.Free = &used, &free
	return d
}
