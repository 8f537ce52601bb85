package host

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/sdk/client"
)

// noDevices says so: aloud on a host that serves.
func (h *Host) noDevices(note string) {
	level := slog.LevelDebug
	if h.announce.Load() {
		level = slog.LevelWarn
	}
	h.cfg.Log.Log(context.Background(), level, "no devices: whatever needs none runs all the same", "why", note)
}

// devices is what the API says about devices.
type devices struct{ h *Host }

// Devices implements api.Devices.
func (d devices) Devices(ctx context.Context) (client.DeviceList, error) {
	if err := d.look(ctx); err != nil {
		return client.DeviceList{}, err
	}
	inventory := d.h.devices.Inventory()
	out := client.DeviceList{Notes: inventory.Notes}
	uses := d.h.leases.Uses()
	for _, one := range inventory.Devices {
		shape, use := deviceShape(one), uses[one.UUID]
		shape.Held, shape.Tasks, shape.Warm, shape.Granted = use.Held, use.Tasks, unloaded(use.Warm), use.Granted
		out.Devices = append(out.Devices, shape)
	}
	return out, nil
}

// Hold implements api.Devices.
func (d devices) Hold(ctx context.Context, uuid, why string) error {
	if err := d.look(ctx); err != nil {
		return err
	}
	uuid, err := whole(d.h.devices.Inventory().Devices, uuid)
	if err != nil {
		return err
	}
	d.h.followDevices()
	d.h.leases.Observe(d.h.devices.Inventory().Devices)
	return d.h.machine.Hold(uuid, why)
}

// look waits for the first look. One that takes too long is told of in the notes.
func (d devices) look(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, machine.FirstLook)
	defer cancel()
	if err := d.h.devices.First(short); err != nil && short.Err() == nil {
		return &client.Problem{Code: client.CodeUnavailable, Detail: err.Error()}
	}
	return ctx.Err()
}

// Series implements api.Devices.
func (d devices) Series(ctx context.Context, uuid string, since time.Time) (client.DeviceSeries, error) {
	if err := d.look(ctx); err != nil {
		return client.DeviceSeries{}, err
	}
	uuid, err := whole(d.h.devices.Inventory().Devices, uuid)
	if err != nil {
		return client.DeviceSeries{}, err
	}
	out := client.DeviceSeries{UUID: uuid}
	for _, p := range d.h.devices.Series(uuid, since) {
		out.Points = append(out.Points, pointShape(p))
	}
	return out, nil
}

// whole finds the device that a UUID, or a beginning of one, means.
func whole(list []device.Device, uuid string) (string, error) {
	var found []string
	for _, d := range list {
		if strings.EqualFold(d.UUID, uuid) {
			return d.UUID, nil
		}
		if uuid != "" && strings.HasPrefix(strings.ToLower(d.UUID), strings.ToLower(uuid)) {
			found = append(found, d.UUID)
		}
	}
	const fix = "spinbot devices lists the devices; a beginning of a UUID will do when no other has it"
	switch len(found) {
	case 0:
		return "", &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("there is no device %q", uuid), Fix: fix}
	case 1:
		return found[0], nil
	}
	return "", &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("%q may be any of %s", uuid, strings.Join(found, ", ")), Fix: fix}
}

func deviceShape(d device.Device) client.KnownDevice {
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
