package machine

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Series gives the figures of one of this machine's devices after a time, the oldest first.
func (m *Machine) Series(uuid string, since time.Time) (out []client.DevicePoint) {
	for _, p := range m.Devices.Series(uuid, since) {
		out = append(out, pointShape(p))
	}
	return out
}

func pointShape(p probe.Point) client.DevicePoint {
	out := client.DevicePoint{At: p.At.UTC()}
	if p.Used != probe.Unmeasured {
		out.Used = &p.Used
	}
	if u := int(p.Utilisation); u != probe.Unmeasured {
		out.Utilisation = &u
	}
	if t := int(p.Temperature); t != probe.Unmeasured {
		out.Temperature = &t
	}
	if w := float64(p.Power); w != probe.Unmeasured {
		out.Power = &w
	}
	return out
}
