// Package device owns what is known of accelerators, what a task asks of them, and the lease table: who holds how much
// of which device. A device is known by its UUID, never by its index. The package is pure: readings and times are given
// to it, and it says what may be granted. Memory is in bytes.
package device

import "time"

// Kind says by what programming model a device is used, or that it is no real one.
type Kind string

// The kinds of devices.
const (
	CUDA   Kind = "cuda"
	ROCm   Kind = "rocm"
	Metal  Kind = "metal"
	Engine Kind = "engine" // an external engine on another machine, sized from its own figures
	Static Kind = "static" // written down by a person, where nothing can be probed
	Fake   Kind = "fake"   // simulated, for tests and laptops
)

// Device is one accelerator of one agent: what it is, and what was last measured of it.
type Device struct {
	// UUID is "GPU-…", or "MIG-…" for a part of one.
	UUID string `json:"uuid"`
	Kind Kind   `json:"kind"`
	// Name is the vendor's: "NVIDIA GeForce RTX 4090".
	Name         string `json:"name"`
	Architecture string `json:"architecture,omitempty"`
	// Compute is the CUDA compute capability, such as "8.9".
	Compute string `json:"compute,omitempty"`
	// Memory is all that the device has.
	Memory int64 `json:"memory"`
	// Unified: the device shares the machine's memory.
	Unified bool `json:"unified,omitempty"`
	// Parent is the UUID of the GPU that a MIG instance is a part of. A GPU in MIG mode with instances is not listed itself.
	Parent string `json:"parent,omitempty"`
	PCI    string `json:"pci,omitempty"` // bus address, such as "00000000:65:00.0"
	NUMA   *int   `json:"numa,omitempty"`
	Driver string `json:"driver,omitempty"`
	// Ill says why no task may go to the device; empty when nothing is wrong. Warning is what a person should know.
	Ill     string  `json:"ill,omitempty"`
	Warning string  `json:"warning,omitempty"`
	Reading Reading `json:"reading"`
}

// Reading is what was measured of a device at one time. What is nil could not be measured there.
type Reading struct {
	At   time.Time `json:"at"`
	Used *int64    `json:"used,omitempty"` // by every process, ours or not
	Free *int64    `json:"free,omitempty"`
	// Foreign is what programs that are not ours use, when an agent has worked it out for whoever places tasks.
	Foreign *int64 `json:"foreign,omitempty"`
	// Utilisation is the percentage of the last moments in which anything ran.
	Utilisation *int     `json:"utilisation,omitempty"`
	Temperature *int     `json:"temperature,omitempty"` // °C
	Power       *float64 `json:"power,omitempty"`       // W
	Energy      *float64 `json:"energy,omitempty"`      // J, since the driver was loaded
	// Processes that use the device; nil where the driver does not tell, empty when there are none.
	Processes []Process `json:"processes,omitzero"`
	// Stale: the probe stopped answering after this was read.
	Stale bool `json:"stale,omitempty"`
}

// Process is a program that uses a device.
type Process struct {
	PID    int    `json:"pid"`
	Name   string `json:"name,omitempty"`
	Memory *int64 `json:"memory,omitempty"` // nil where the driver does not tell
}
