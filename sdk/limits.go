package sdk

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Limits are what one attempt of a control node may use. A zero stands for what the host gives.
type Limits struct {
	Memory int64         `json:"memory,omitempty"` // bytes of linear memory; a guest that asks for more does not get it
	Time   time.Duration `json:"time,omitempty"`   // of running, in nanoseconds; then the guest is stopped
	Budget int64         `json:"budget,omitempty"` // units of the cost model; then the guest is stopped
	Output int64         `json:"output,omitempty"` // bytes; a larger result is refused
	Log    int64         `json:"log,omitempty"`    // bytes of reports; what is beyond is left out
	Calls  int64         `json:"calls,omitempty"`  // of host functions; then the guest is stopped
}

// Limit names one of Limits, where it ended an attempt.
type Limit string

// The limits of a control node.
const (
	LimitMemory Limit = "memory"
	LimitTime   Limit = "time"
	LimitBudget Limit = "budget"
	LimitOutput Limit = "output"
	LimitLog    Limit = "log"
	LimitCalls  Limit = "calls"
)

// Usage is what an attempt has used: a control node of its sandbox, another node of its devices.
type Usage struct {
	// Cost is in units of the cost model Model; 0 when the module could not be metered. The same module and task cost
	// the same from the same state: that of a new instance for a task with a budget and the first of a pipeline.
	Cost  int64 `json:"cost,omitempty"`
	Model int   `json:"model,omitempty"`
	// Memory is the most linear memory it had, in bytes; MemoryTime that over time, in MiB times milliseconds.
	Memory     int64 `json:"memory,omitempty"`
	MemoryTime int64 `json:"memory_time,omitempty"`
	In         int64 `json:"in,omitempty"`    // bytes of the task
	Out        int64 `json:"out,omitempty"`   // bytes of the outcome
	Calls      int64 `json:"calls,omitempty"` // of host functions
	// DeviceMemory is the most memory of one device that its process was seen to use, in bytes; 0: it was not measured.
	// DeviceTime is how long it held its devices, in milliseconds times devices.
	DeviceMemory int64 `json:"device_memory,omitempty"`
	DeviceTime   int64 `json:"device_time,omitempty"`
	// CPU is how long it computed, in microseconds, where that is known: for control nodes.
	CPU int64 `json:"cpu,omitempty"`
	// Read and Made are the bytes of the artifacts that it was given and has made, each artifact once.
	Read int64 `json:"read,omitempty"`
	Made int64 `json:"made,omitempty"`
	// Devices are what it had of each device.
	Devices []UsedDevice `json:"devices,omitempty"`
	// Grants are the host functions beyond log and progress that it used, and what for.
	Grants []string `json:"grants,omitempty"`
	// Versions are of what it worked with, as its plugin said: an engine, parts of it, models.
	Versions map[string]string `json:"versions,omitempty"`
	// By is what carried the attempt out, as the machine says that did; nil for a control node.
	By *Maker `json:"by,omitempty"`
	// Models are the model files that it was given, as that machine has them.
	Models []UsedModel `json:"models,omitempty"`
}

// UsedDevice is what an attempt had of a device that other tasks may have held beside it.
type UsedDevice struct {
	UUID string `json:"uuid"`
	Name string `json:"name,omitempty"`
	Held int64  `json:"held"` // milliseconds for which it held memory there
	// Share is the part of that time which is its own, in milliseconds: at each moment in proportion to the memory that tasks held.
	Share  int64 `json:"share"`
	Memory int64 `json:"memory,omitempty"` // bytes that it held
	// Energy is its share of what the device drew, in joules; 0: nobody knows. Estimated is the part of it that no counter has measured.
	Energy    float64 `json:"energy,omitempty"`
	Estimated float64 `json:"estimated,omitempty"`
}

// Maker is what carries tasks out.
type Maker struct {
	Plugin   string `json:"plugin"`
	Version  string `json:"version,omitempty"` // the plugin's
	Checksum string `json:"checksum"`          // of its program: sha256:…
	Machine  string `json:"machine,omitempty"`
	Spinbot  string `json:"spinbot,omitempty"` // the version of spinbot there
}

// UsedModel is a model file as it was when a task used it.
type UsedModel struct {
	Name    string `json:"name"`              // as ModelFileName gives it
	Digest  string `json:"digest,omitempty"`  // empty: the file could not be read
	Licence string `json:"licence,omitempty"` // as the file says; empty: it does not
}

// Add takes in what is said later of the same attempt: its figures take the place of these, versions come together. Both may be nil.
func (u *Usage) Add(more *Usage) *Usage {
	if u == nil || more == nil {
		return cmp.Or(more, u)
	}
	out := *more
	for _, f := range []struct{ to, was *int64 }{{&out.Cost, &u.Cost}, {&out.Memory, &u.Memory}, {&out.MemoryTime, &u.MemoryTime}, {&out.In, &u.In}, {&out.Out, &u.Out},
		{&out.Calls, &u.Calls}, {&out.DeviceMemory, &u.DeviceMemory}, {&out.DeviceTime, &u.DeviceTime}, {&out.CPU, &u.CPU}, {&out.Read, &u.Read}, {&out.Made, &u.Made}} {
		*f.to = cmp.Or(*f.to, *f.was)
	}
	out.Model = cmp.Or(more.Model, u.Model)
	if out.Devices == nil {
		out.Devices = u.Devices
	}
	if out.Grants == nil {
		out.Grants = u.Grants
	}
	if u.Versions != nil {
		out.Versions = maps.Clone(u.Versions)
		maps.Copy(out.Versions, more.Versions)
	}
	out.By = cmp.Or(more.By, u.By)
	out.Models = slices.Concat(u.Models, more.Models)
	return &out
}

// Figures gives what a bill needs to know, without what the attempt was carried out with; nil for nothing.
func (u *Usage) Figures() *Usage {
	if u == nil {
		return nil
	}
	out := &Usage{DeviceMemory: u.DeviceMemory, DeviceTime: u.DeviceTime, CPU: u.CPU, Read: u.Read, Made: u.Made, Devices: u.Devices}
	if out.DeviceTime == 0 && out.CPU == 0 && out.Read == 0 && out.Made == 0 && out.Devices == nil {
		return nil
	}
	return out
}
