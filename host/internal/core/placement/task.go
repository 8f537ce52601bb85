// Package placement is the words of placing: what waits for devices or an agent, what is known of agents, the policy, what was
// decided, and why something waits. The decisions are made by book.Book, over what fleet and turns keep; reason says why.
// All of them are pure: time is passed in, and the same calls give the same answers.
package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// Task is what waits for devices, or for an agent. It travels to agents as JSON.
type Task struct {
	ID       string `json:"id"` // its address
	Owner    string `json:"owner,omitempty"`
	Priority int    `json:"priority,omitempty"`
	Type     string `json:"type"` // node type
	// Offer is what its agent has to offer, as sdk.NodeType.Offer gives it; empty: the node type.
	Offer  string `json:"offer,omitempty"`
	Plugin string `json:"plugin"`
	// Model is what stays loaded after the task; tasks with the same plugin and model share it. Empty: nothing does.
	Model string `json:"model,omitempty"`
	// Files are the model files that have to be on its agent, sorted.
	Files []string `json:"files,omitempty"`
	// Classes are the node classes that its plugin's engine has to have there, sorted by name.
	Classes []device.Class `json:"classes,omitempty"`
	Request device.Request `json:"request"`
	// Concurrency is how many tasks one process of the plugin takes at once; 0: any number.
	Concurrency int `json:"concurrency,omitempty"`
	// Evictable: it goes after all others, uses devices that nobody else wants, and gives them back when asked to.
	Evictable bool `json:"evictable,omitempty"`
	// Lasts and Loads are how long it, and loading its model, are expected to take; 0: unknown.
	Lasts time.Duration `json:"lasts_ns,omitempty"`
	Loads time.Duration `json:"loads_ns,omitempty"`
	Since time.Time     `json:"since,omitzero"`
}

// DefaultLasts is taken for how long a task takes when nothing is known.
const DefaultLasts = time.Minute

// Offered is what its agent has to offer.
func (t *Task) Offered() string { return cmp.Or(t.Offer, t.Type) }

// Lasting is how long the task is expected to take.
func (t *Task) Lasting() time.Duration { return cmp.Or(t.Lasts, DefaultLasts) }

// Loading is how long loading its model is expected to take: when nothing is known, by a disk's speed, and that of starting a
// process.
func (t *Task) Loading() time.Duration {
	return cmp.Or(t.Loads, 3*time.Second+time.Duration(t.Request.Memory>>20)*time.Millisecond)
}

// Alike is what tasks have in common that wait in one line, as a key.
func (t *Task) Alike() string {
	r := &t.Request
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%d\x00%d\x00%d\x00%d\x00%t%t%t\x00%d", t.Plugin, t.Offered(), t.Model, r.Count, r.Memory, r.RAM, r.Disk,
		r.Exclusive, r.NeverSpill, t.Evictable, t.Concurrency)
	for _, trait := range device.Traits() {
		b.WriteString("\x00" + r.AtLeast[trait])
	}
	for _, list := range [][]string{r.Only, r.Prefer, r.Forbid, t.Files} {
		b.WriteString("\x01" + strings.Join(list, "\x00"))
	}
	for _, c := range t.Classes {
		b.WriteString("\x02" + c.Name)
	}
	return b.String()
}

// Process names the process of a plugin for a set of devices.
func Process(plugin string, devices []string) string {
	return plugin + "@" + strings.Join(slices.Sorted(slices.Values(devices)), ",")
}

// WarmID names a model within a process.
func WarmID(process, model string) string { return process + "#" + model }
