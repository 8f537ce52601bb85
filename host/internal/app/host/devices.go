package host

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
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

// Devices implements fleetroutes.Devices.
func (d devices) Devices(ctx context.Context) (client.DeviceList, error) {
	if err := d.look(ctx); err != nil {
		return client.DeviceList{}, err
	}
	inventory := d.h.devices.Inventory()
	out := client.DeviceList{Notes: inventory.Notes}
	uses, placed := d.h.leases.Uses(), d.h.placer.Leases(localAgent)
	for _, one := range inventory.Devices {
		shape, use := deviceShape(one), uses[one.UUID]
		shape.Held, shape.Tasks, shape.Warm, shape.Granted = use.Held, use.Tasks, unloaded(use.Warm), use.Granted
		shape.Leases = leaseShapes(placed[one.UUID])
		out.Devices = append(out.Devices, shape)
	}
	for _, m := range d.h.members() {
		if m.Offline {
			continue
		}
		placed := d.h.placer.Leases(m.Agent)
		for _, one := range m.Status.Devices {
			out.Devices = append(out.Devices, remoteShape(m, one, placed[one.UUID]))
		}
	}
	return out, nil
}

// remoteShape is a device of an agent, of which the host has placed these leases. One that is held is not ill.
func remoteShape(m fleet.Member, one device.Device, placed []device.Lease) client.KnownDevice {
	out := deviceShape(one)
	out.Agent, out.Leases = m.Name, leaseShapes(placed)
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
	out.Warm = unloaded(idle)
	return out
}

func leaseShapes(leases []device.Lease) (out []client.DeviceLease) {
	for _, l := range leases {
		x := client.DeviceLease{Task: l.ID, Model: unloaded([]string{l.Warm})[0], Memory: l.Memory}
		if !l.Ends.IsZero() {
			ends := l.Ends.UTC()
			x.Ends = &ends
		}
		out = append(out, x)
	}
	return out
}

// members are the agents beside this process.
func (h *Host) members() []fleet.Member {
	if h.fleet == nil {
		return nil
	}
	return h.fleet.link.Members()
}

func (h *Host) member(id string) (fleet.Member, bool) {
	for _, m := range h.members() {
		if m.Agent == id {
			return m, true
		}
	}
	return fleet.Member{}, false
}

// Hold implements fleetroutes.Devices.
func (d devices) Hold(ctx context.Context, uuid, why string) error {
	if err := d.look(ctx); err != nil {
		return err
	}
	here := d.h.devices.Inventory().Devices
	all := slices.Clone(here)
	for _, m := range d.h.members() {
		all = append(all, m.Status.Devices...)
	}
	uuid, err := whole(all, uuid)
	if err != nil {
		return err
	}
	is := func(x device.Device) bool { return x.UUID == uuid }
	if !slices.ContainsFunc(here, is) {
		return d.holdElsewhere(ctx, uuid, why)
	}
	d.h.followDevices()
	d.h.leases.Observe(d.h.devices.Inventory().Devices)
	return d.h.machine.Hold(uuid, why)
}

// holdPatience is how long an agent may take to do what it was told before a person hears that it has not.
const holdPatience = 10 * time.Second

// holdElsewhere has the agent that has a device hold it, and waits until it says that it does.
func (d devices) holdElsewhere(ctx context.Context, uuid, why string) error {
	var on []fleet.Member
	for _, m := range d.h.members() {
		if slices.ContainsFunc(m.Status.Devices, func(x device.Device) bool { return x.UUID == uuid }) {
			on = append(on, m)
		}
	}
	if len(on) != 1 {
		return &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%d agents say that they have the device %s", len(on), uuid), Fix: "give the devices that spinbot.hcl describes other names"}
	}
	agent, before, asked := on[0].Agent, on[0].Status.Held[uuid], time.Now()
	d.h.fleet.link.Order(agent, protocol.Order{Hold: &protocol.Hold{Device: uuid, Why: why}})
	ctx, cancel := context.WithTimeout(ctx, holdPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		m, _ := d.h.member(agent)
		is := m.Status.Held[uuid]
		if is == why || why == "" && is != before {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if why == "" && !m.Offline && m.Heard.After(asked) {
				return nil // something else holds it: the list says what
			}
			return &client.Problem{Code: client.CodeUnavailable, Detail: "agent " + on[0].Name + " has not answered, and does it when it hears of it", Fix: "spinbot devices says whether it has"}
		}
	}
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

// Series implements fleetroutes.Devices.
func (d devices) Series(ctx context.Context, uuid string, since time.Time) (client.DeviceSeries, error) {
	if err := d.look(ctx); err != nil {
		return client.DeviceSeries{}, err
	}
	here, members := d.h.devices.Inventory().Devices, d.h.members()
	all := slices.Clone(here)
	for _, m := range members {
		all = append(all, m.Status.Devices...)
	}
	uuid, err := whole(all, uuid)
	if err != nil {
		return client.DeviceSeries{}, err
	}
	is := func(x device.Device) bool { return x.UUID == uuid }
	if slices.ContainsFunc(here, is) {
		return client.DeviceSeries{UUID: uuid, Points: d.h.machine.Series(uuid, since)}, nil
	}
	at := slices.IndexFunc(members, func(m fleet.Member) bool { return slices.ContainsFunc(m.Status.Devices, is) })
	out := client.DeviceSeries{UUID: uuid}
	text, err := relay(d).ask(ctx, members[at].Agent, protocol.AskSeries, since.UTC().Format(time.RFC3339Nano), uuid)
	if err == nil {
		err = json.Unmarshal([]byte(text), &out.Points)
	}
	return out, err
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
