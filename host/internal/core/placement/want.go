package placement

import (
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk"
)

// Want is an attempt that is due and asks for devices, or for an agent when it needs none.
type Want struct {
	ID       string // its address
	Owner    string
	Priority int
	Type     sdk.NodeType
	Request  device.Request
	Model    string
	Files    []string       // model files that have to be on its agent, sorted
	Classes  []device.Class // node classes that its plugin's engine has to have there, sorted by name
	// Rung is how far down its ladder of degrade blocks it is: what is learned on one says nothing of another.
	Rung int
	// Evictable: see Task.
	Evictable bool
	// Inputs are the task's; what is sensitive in them is sealed.
	Inputs sdk.Values
	// Held is what the attempt has already: it was given that before this host began, and goes on. Nothing is decided.
	Held *Given
}

// Given is what an attempt gets.
type Given struct {
	Agent   string   `json:"agent"`
	Devices []string `json:"devices,omitempty"`
	// Memory is how much of each device it may use, in bytes.
	Memory int64 `json:"memory,omitempty"`
	// Warm: its model is loaded there already.
	Warm bool `json:"warm,omitempty"`
}

// Went is how an attempt went that had devices.
type Went struct {
	Error *sdk.Error // nil: well
	Usage *sdk.Usage
}
