package probe

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// How much is kept of each device: every reading of the last ten minutes (one a second), and one in a quarter of a
// minute for six hours. That is 60 KB.
const (
	fine   = 600
	coarse = 6 * 60 * 4
	apart  = 15 * time.Second
)

// Point is some figures of one reading, small, since there are many. What was not measured is below zero.
type Point struct {
	At          time.Time
	Used        int64 // bytes
	Utilisation int16 // %
	Temperature int16 // °C; below -273 when not measured
	Power       float32
}

// Unmeasured stands for a figure that was not measured. It is below every temperature.
const Unmeasured = -1000

func pointOf(r device.Reading) Point {
	p := Point{At: r.At, Used: Unmeasured, Utilisation: Unmeasured, Temperature: Unmeasured, Power: Unmeasured}
	if r.Used != nil {
		p.Used = *r.Used
	}
	if r.Utilisation != nil {
		p.Utilisation = int16(*r.Utilisation)
	}
	if r.Temperature != nil {
		p.Temperature = int16(*r.Temperature)
	}
	if r.Power != nil {
		p.Power = float32(*r.Power)
	}
	return p
}

// series is the past of one device, oldest first.
type series struct{ fine, coarse []Point }

func (s *series) add(p Point) {
	if n := len(s.fine); n > 0 && !p.At.After(s.fine[n-1].At) {
		return // it was read before
	}
	s.fine = bounded(append(s.fine, p), fine)
	if n := len(s.coarse); n == 0 || p.At.Sub(s.coarse[n-1].At) >= apart {
		s.coarse = bounded(append(s.coarse, p), coarse)
	}
}

// bounded keeps the newest n. It moves them only when there is half as much again.
func bounded(points []Point, n int) []Point {
	if len(points) < n+n/2 {
		return points
	}
	return append(points[:0], points[len(points)-n:]...)
}

// since gives what lies after a time.
func (s *series) since(t time.Time) (out []Point) {
	recent := s.fine[max(0, len(s.fine)-fine):]
	for _, p := range s.coarse[max(0, len(s.coarse)-coarse):] {
		if p.At.After(t) && p.At.Before(recent[0].At) {
			out = append(out, p)
		}
	}
	for _, p := range recent {
		if p.At.After(t) {
			out = append(out, p)
		}
	}
	return out
}

func (w *Watch) record(d device.Device) {
	s := w.series[d.UUID]
	if s == nil {
		s = &series{}
		w.series[d.UUID] = s
	}
	s.add(pointOf(d.Reading))
}

// Series gives the figures of a device after a time, oldest first; nil when the device is not known.
func (w *Watch) Series(uuid string, since time.Time) []Point {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.series[uuid]
	if s == nil {
		return nil
	}
	return s.since(since)
}
