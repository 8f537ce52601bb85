package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// KnownDevice is one accelerator of the host's machine, or of an agent's. Memory is in bytes.
type KnownDevice struct {
	// Agent is the name of the agent that has it; empty: the host's machine has.
	Agent string `json:"agent,omitempty"`
	// UUID is "GPU-…", or "MIG-…" for a part of one.
	UUID string `json:"uuid"`
	// Kind is cuda, rocm, metal, engine, static (written down by a person) or fake (simulated).
	Kind string `json:"kind"`
	// Name is the vendor's: "NVIDIA GeForce RTX 4090".
	Name         string `json:"name"`
	Architecture string `json:"architecture,omitempty"`
	// Compute is the CUDA compute capability, such as "8.9".
	Compute string `json:"compute,omitempty"`
	Memory  int64  `json:"memory"`
	// Unified: the device shares the machine's memory.
	Unified bool `json:"unified,omitempty"`
	// Parent is the UUID of the GPU that a MIG instance is a part of; such a GPU is not listed itself.
	Parent string `json:"parent,omitempty"`
	// PCI is the bus address, such as "00000000:65:00.0"; NUMA the memory node that it is at.
	PCI    string `json:"pci,omitempty"`
	NUMA   *int   `json:"numa,omitempty"`
	Driver string `json:"driver,omitempty"`
	// Ill says why no task may go to the device; empty when nothing is wrong. Warning is what a person should know.
	Ill     string `json:"ill,omitempty"`
	Warning string `json:"warning,omitempty"`
	// Held says why it is out of use though nothing is wrong with it: a person, the hours, another program.
	Held string `json:"held,omitempty"`
	// Tasks are the attempts that hold some of it, Warm what plugins keep loaded there; Granted is bytes of both. Leases says more
	// of the attempts that the host has placed.
	Tasks   []string      `json:"tasks,omitempty"`
	Warm    []string      `json:"warm,omitempty"`
	Granted int64         `json:"granted,omitempty"`
	Leases  []DeviceLease `json:"leases,omitempty"`
	Reading DeviceReading `json:"reading"`
	// Unmeasured names the figures of the reading that are not measured there.
	Unmeasured []string `json:"unmeasured,omitempty"`
}

// DeviceReading is what was last measured of a device. A figure that is not there could not be measured.
type DeviceReading struct {
	At time.Time `json:"at"`
	// Used and Free are bytes of memory, Used by every process. What the driver keeps for itself may be in neither.
	Used *int64 `json:"used,omitempty"`
	Free *int64 `json:"free,omitempty"`
	// Utilisation is the percentage of the last moments in which anything ran.
	Utilisation *int     `json:"utilisation,omitempty"`
	Temperature *int     `json:"temperature,omitempty"` // °C
	Power       *float64 `json:"power,omitempty"`       // W
	Energy      *float64 `json:"energy,omitempty"`      // J, since the driver was loaded
	// Processes that use the device; null where the driver does not tell, empty when there are none.
	Processes []DeviceProcess `json:"processes"`
	// Stale: the probe has stopped answering since.
	Stale bool `json:"stale,omitempty"`
}

// DeviceLease is what an attempt holds of a device.
type DeviceLease struct {
	Task string `json:"task"` // its address
	// Model is the plugin, and the model that it works with.
	Model  string `json:"model"`
	Memory int64  `json:"memory"` // bytes; 0: the device as a whole
	// Ends is when it is expected to be done, by what tasks like it took.
	Ends *time.Time `json:"ends,omitempty"`
}

// DeviceProcess is a program that uses a device. Memory is in bytes, nil where the driver does not tell.
type DeviceProcess struct {
	PID    int    `json:"pid"`
	Name   string `json:"name,omitempty"`
	Memory *int64 `json:"memory,omitempty"`
}

// DeviceList is every device of the host's machine and of the agents that are there, in an order that stays.
type DeviceList struct {
	Version int           `json:"version"`
	Devices []KnownDevice `json:"devices"`
	// Notes say what is not measured here and why, or why there are no devices.
	Notes []string `json:"notes,omitempty"`
}

// DeviceSeries is the recent past of one device, oldest first: a point a second for ten minutes, before that one in 15
// seconds for six hours. It begins when the host began to look.
type DeviceSeries struct {
	Version int           `json:"version"`
	UUID    string        `json:"uuid"`
	Points  []DevicePoint `json:"points"`
}

// DevicePoint is some figures of one reading: bytes, %, °C and W.
type DevicePoint struct {
	At          time.Time `json:"at"`
	Used        *int64    `json:"used,omitempty"`
	Utilisation *int      `json:"utilisation,omitempty"`
	Temperature *int      `json:"temperature,omitempty"`
	Power       *float64  `json:"power,omitempty"`
}

// Devices lists the devices of the host's machine as of the last look. A host that has not looked yet does it now, which
// takes up to three seconds.
func (c *Client) Devices(ctx context.Context) (l DeviceList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/devices", nil, &l)
}

// HoldDevice takes a device out of use: tasks on it go on, and no other begins. why may be empty.
func (c *Client) HoldDevice(ctx context.Context, uuid, why string) (l DeviceList, err error) {
	return l, c.call(ctx, http.MethodPost, "/api/v1/devices/"+url.PathEscape(uuid)+"/hold", Word{Reason: why}, &l)
}

// ReleaseDevice takes a device back into use.
func (c *Client) ReleaseDevice(ctx context.Context, uuid string) (l DeviceList, err error) {
	return l, c.call(ctx, http.MethodPost, "/api/v1/devices/"+url.PathEscape(uuid)+"/release", struct{}{}, &l)
}

// DeviceSeries gives a device's figures after a time. uuid is whole, or a unique beginning of one.
func (c *Client) DeviceSeries(ctx context.Context, uuid string, since time.Time) (s DeviceSeries, err error) {
	path := "/api/v1/devices/" + url.PathEscape(uuid) + "/series"
	if !since.IsZero() {
		path += "?since=" + url.QueryEscape(since.UTC().Format(time.RFC3339Nano))
	}
	return s, c.call(ctx, http.MethodGet, path, nil, &s)
}
