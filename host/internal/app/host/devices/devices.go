// Package devices is the devices of all machines as people see them: which there are and what they are doing, taken out of use and back.
package devices

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/host/placing"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Devices are those of this machine and of all agents.
type Devices struct {
	Machine *machine.Machine
	Fleet   *agents.Fleet // nil: there is this machine alone
	Placing *placing.Placing
}

// Devices implements fleetroutes.Devices.
func (d Devices) Devices(ctx context.Context) (client.DeviceList, error) {
	if err := d.look(ctx); err != nil {
		return client.DeviceList{}, err
	}
	inventory := d.Machine.Devices.Inventory()
	out := client.DeviceList{Notes: inventory.Notes}
	uses, placed := d.Machine.Leases.Uses(), d.Placing.Leases(agents.Local)
	for _, one := range inventory.Devices {
		shown, use := shape.Device(one), uses[one.UUID]
		shown.Held, shown.Tasks, shown.Warm, shown.Granted = use.Held, use.Tasks, shape.Warm(use.Warm), use.Granted
		shown.Leases = shape.Leases(placed[one.UUID])
		out.Devices = append(out.Devices, shown)
	}
	for _, m := range d.Fleet.Members() {
		if m.Offline {
			continue
		}
		placed := d.Placing.Leases(m.Agent)
		for _, one := range m.Status.Devices {
			out.Devices = append(out.Devices, shape.RemoteDevice(m, one, placed[one.UUID]))
		}
	}
	return out, nil
}

// Hold implements fleetroutes.Devices.
func (d Devices) Hold(ctx context.Context, uuid, why string) error {
	if err := d.look(ctx); err != nil {
		return err
	}
	here := d.Machine.Devices.Inventory().Devices
	all := slices.Clone(here)
	for _, m := range d.Fleet.Members() {
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
	d.Placing.Follow()
	d.Machine.Leases.Observe(d.Machine.Devices.Inventory().Devices)
	return d.Machine.Hold(uuid, why)
}

// holdPatience is how long an agent may take to do what it was told before a person hears that it has not.
const holdPatience = 10 * time.Second

// holdElsewhere has the agent that has a device hold it, and waits until it says that it does.
func (d Devices) holdElsewhere(ctx context.Context, uuid, why string) error {
	var on []fleet.Member
	for _, m := range d.Fleet.Members() {
		if slices.ContainsFunc(m.Status.Devices, func(x device.Device) bool { return x.UUID == uuid }) {
			on = append(on, m)
		}
	}
	if len(on) != 1 {
		return &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%d agents say that they have the device %s", len(on), uuid), Fix: "give the devices that spinbot.hcl describes other names"}
	}
	agent, before, asked := on[0].Agent, on[0].Status.Held[uuid], time.Now()
	d.Fleet.Link.Order(agent, protocol.Order{Hold: &protocol.Hold{Device: uuid, Why: why}})
	ctx, cancel := context.WithTimeout(ctx, holdPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		m, _ := d.Fleet.Member(agent)
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
func (d Devices) look(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, machine.FirstLook)
	defer cancel()
	if err := d.Machine.Devices.First(short); err != nil && short.Err() == nil {
		return &client.Problem{Code: client.CodeUnavailable, Detail: err.Error()}
	}
	return ctx.Err()
}

// Series implements fleetroutes.Devices.
func (d Devices) Series(ctx context.Context, uuid string, since time.Time) (client.DeviceSeries, error) {
	if err := d.look(ctx); err != nil {
		return client.DeviceSeries{}, err
	}
	here, members := d.Machine.Devices.Inventory().Devices, d.Fleet.Members()
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
		return client.DeviceSeries{UUID: uuid, Points: d.Machine.Series(uuid, since)}, nil
	}
	at := slices.IndexFunc(members, func(m fleet.Member) bool { return slices.ContainsFunc(m.Status.Devices, is) })
	out := client.DeviceSeries{UUID: uuid}
	text, err := d.Fleet.Ask(ctx, members[at].Agent, protocol.AskSeries, since.UTC().Format(time.RFC3339Nano), uuid)
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
