package host

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/fake"
	"github.com/myspinbot/spinbot/host/internal/gpu/metal"
	"github.com/myspinbot/spinbot/host/internal/gpu/nvml"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/host/internal/gpu/smi"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Prober finds the real devices of this machine. A driver may hang or end the process that asks it: so only the probe,
// a process of its own, uses it.
func Prober() gpu.Prober {
	wsl := gpu.WSL()
	ways := []gpu.Prober{nvml.New(), smi.Nvidia(smi.Programs, wsl)}
	if wsl { // where NVML knows less
		ways[0], ways[1] = ways[1], ways[0]
	}
	return gpu.Join(gpu.First(ways...), smi.AMD(smi.Programs), metal.New())
}

// ProbeEvery is how often devices are looked at.
const ProbeEvery = time.Second

// firstLook is how long somebody who asks for devices waits for the first look at them.
const firstLook = 3 * time.Second

// watchDevices makes what keeps watch over the devices. It looks from Serve on, or when somebody first asks.
func (h *Host) watchDevices() {
	var sources []probe.Source
	if len(h.cfg.Probe) > 0 {
		sources = append(sources, probe.Child{Command: h.cfg.Probe, Environ: h.cfg.Environ}.Source)
	}
	if all := append(slices.Clone(h.cfg.Devices), engineDevices(h.cfg.File)...); len(all) > 0 {
		written := sync.OnceValue(func() gpu.Prober { return fake.New(all, time.Now) }) // scripts begin with the first look
		sources = append(sources, func(ctx context.Context, give func(probe.Sample)) error {
			return probe.Local(written(), ProbeEvery)(ctx, give)
		})
	}
	h.devices = probe.New(probe.Config{Sources: sources, Log: h.cfg.Log, Empty: h.noDevices})
	h.metrics.Devices(func() []device.Device { return h.devices.Inventory().Devices })
}

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

// look waits for the first look. One that takes too long is told of in the notes.
func (d devices) look(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, firstLook)
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
