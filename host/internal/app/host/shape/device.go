package shape

import (
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk/client"
)

// RemoteDevice is a device of an agent, of which the host has placed these leases. One that is held is not ill.
func RemoteDevice(m fleet.Member, one device.Device, placed []device.Lease) client.KnownDevice {
	out := Device(one)
	out.Agent, out.Leases = m.Name, Leases(placed)
	if out.Held = m.Status.Held[one.UUID]; out.Held != "" {
		out.Ill = ""
	}
	var used []string
	for _, l := range placed {
		out.Tasks, used = append(out.Tasks, l.ID), append(used, l.Warm)
		out.Granted += l.Memory
	}
	var idle []string
	for _, w := range m.Status.Warm {
		if slices.Contains(w.Devices, one.UUID) && !slices.Contains(used, w.ID) {
			idle = append(idle, w.ID)
			out.Granted += w.Memory
		}
	}
	out.Warm = Warm(idle)
	return out
}

// Leases are those of one device.
func Leases(leases []device.Lease) (out []client.DeviceLease) {
	for _, l := range leases {
		x := client.DeviceLease{Task: l.ID, Model: Warm([]string{l.Warm})[0], Memory: l.Memory}
		if !l.Ends.IsZero() {
			ends := l.Ends.UTC()
			x.Ends = &ends
		}
		out = append(out, x)
	}
	return out
}

// Wanted is what a node asks of devices.
func Wanted(d *pipeline.Device) *client.Device {
	return &client.Device{Memory: d.Memory, Count: d.Count, Model: d.Model, AtLeast: d.AtLeast, RAM: d.RAM, Disk: d.Disk,
		Exclusive: d.Exclusive, Only: d.Only, Prefer: d.Prefer, Forbid: d.Forbid, Evictable: d.Evictable}
}

// Warm names what is kept warm for people: its plugin, and the model.
func Warm(ids []string) []string {
	out := slices.Clone(ids)
	for k, id := range ids {
		process, model, _ := strings.Cut(id, "#")
		plugin, _, _ := strings.Cut(process, "@")
		out[k] = strings.TrimSpace(plugin + " " + model)
	}
	return out
}

// Device is one of this machine.
func Device(d device.Device) client.KnownDevice {
	r := d.Reading
	out := client.KnownDevice{UUID: d.UUID, Kind: string(d.Kind), Name: d.Name, Architecture: d.Architecture, Compute: d.Compute, Memory: d.Memory,
		Unified: d.Unified, Parent: d.Parent, PCI: d.PCI, NUMA: d.NUMA, Driver: d.Driver, Ill: d.Ill, Warning: d.Warning,
		Reading: client.DeviceReading{At: r.At.UTC(), Used: r.Used, Free: r.Free, Utilisation: r.Utilisation, Temperature: r.Temperature,
			Power: r.Power, Energy: r.Energy, Stale: r.Stale}}
	if r.Processes != nil {
		out.Reading.Processes = []client.DeviceProcess{}
	}
	for _, p := range r.Processes {
		out.Reading.Processes = append(out.Reading.Processes, client.DeviceProcess(p))
	}
	for _, f := range []struct {
		name  string
		known bool
	}{
		{"used", r.Used != nil}, {"free", r.Free != nil}, {"utilisation", r.Utilisation != nil}, {"temperature", r.Temperature != nil},
		{"power", r.Power != nil}, {"energy", r.Energy != nil}, {"processes", r.Processes != nil},
	} {
		if !f.known {
			out.Unmeasured = append(out.Unmeasured, f.name)
		}
	}
	return out
}
