package sdk

import (
	"cmp"
	"maps"
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
	// Grants are the host functions beyond log and progress that it used, and what for.
	Grants []string `json:"grants,omitempty"`
	// Versions are of what it worked with, as its plugin said: an engine, parts of it, models.
	Versions map[string]string `json:"versions,omitempty"`
}

// Add takes in what is said later of the same attempt: its figures take the place of these, versions come together. Both may be nil.
func (u *Usage) Add(more *Usage) *Usage {
	if u == nil || more == nil {
		return cmp.Or(more, u)
	}
	out := *more
	out.Versions = maps.Clone(u.Versions)
	if out.Versions == nil {
		out.Versions = map[string]string{}
	}
	maps.Copy(out.Versions, more.Versions)
	return &out
}
