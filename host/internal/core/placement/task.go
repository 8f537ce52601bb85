// Package placement decides which agent and devices a task gets, or says why it waits. Its Book holds the pending tasks and
// what is known of the fleet; it has one owner and is changed in place. The package is pure: time is passed in, and the same
// calls give the same answers.
//
// The order: priority, which rises for whoever is not served; then the user who was given the least device time; then who
// came first. Tasks that are alike (one line) wait behind one another; only the first of each line is looked at. Within
// the first 32 lines that may begin something, a task whose model is loaded and idle goes before one that would have to load its
// own. A device on which the first of a line was passed over 32 times is kept for it.
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
	Files   []string       `json:"files,omitempty"`
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

// Process names the process of a plugin for a set of devices.
func Process(plugin string, devices []string) string {
	return plugin + "@" + strings.Join(slices.Sorted(slices.Values(devices)), ",")
}

// Assignment says which agent and devices a task gets. It travels to the agent as JSON.
type Assignment struct {
	Task    Task     `json:"task"`
	Agent   string   `json:"agent"`
	Devices []string `json:"devices,omitempty"`
	// Warm: its model is loaded there already.
	Warm bool `json:"warm,omitempty"`
	// Unload is what the agent keeps warm, by ID, that has to be given up first.
	Unload []string `json:"unload,omitempty"`
	// Bypassed is how often tasks that go after it began on a device that it could have used, since one of its line did: on the
	// device on which that was so most often.
	Bypassed int `json:"bypassed,omitempty"`
	// Epoch is of the leader that decided it for all hosts; 0: the task's host decided it.
	Epoch int64 `json:"epoch,omitempty"`
}

func (t *Task) offer() string { return cmp.Or(t.Offer, t.Type) }

// Agent is what is known of one agent. Its devices are given to Book.Observe.
type Agent struct {
	ID   string
	Name string
	// Offers are what sdk.NodeType.Offers gives of the node types that it can carry out, sorted; nil: every one.
	Offers []string
	// Away says why it gets no tasks, as what it is: offline, draining; empty: it gets some.
	Away string
	// Tasks is how many tasks without devices it takes at once; 0: 256.
	Tasks int
	// Files are the model files that it has, by name; nil: it does not say, and gets tasks that need any. Coming are those
	// that it fetches now.
	Files  map[string]bool
	Coming []string
}

// Policy is what a person may decide about placement. Its zero value is a good one.
type Policy struct {
	// Ageing is how long a user's tasks of one priority go unserved before they rise by one; 0: a minute.
	Ageing time.Duration
	// Preempt is by how much a priority has to be higher for a running task to give way to it; 0: none does, but for
	// evictable ones.
	Preempt int
	// Quotas bound what a user has at once, by name; "*" is for those without their own.
	Quotas map[string]Quota
	// Reserve is memory of each device that no task is given, in bytes.
	Reserve int64
	// Order and Affinity are for comparing with the rules of other systems: see the package sim.
	Order    Order
	Affinity Affinity
}

// Quota bounds what one user has at once; 0: any number.
type Quota struct {
	Devices int
	Memory  int64 // bytes of device memory
}

// Order says who goes first.
type Order string

// The orders. The empty one is ours.
const (
	Fair      Order = ""
	FirstCome Order = "first-come" // strictly: nobody passes the first that does not fit
	Backfill  Order = "backfill"   // first come, but whoever fits may go
)

// Affinity says which device is chosen.
type Affinity string

// The affinities. The empty one is ours.
const (
	Warmest     Affinity = ""
	LeastLoaded Affinity = "least-loaded" // the device with the most free memory
	Packed      Affinity = "packed"       // the smallest that fits, whatever is loaded there
	OnlyWarm    Affinity = "only-warm"    // where the model is loaded, however long that takes, and else the first that fits
)

// The bounds of looking ahead and of being passed over.
const (
	lookAhead   = 32
	maxBypassed = 32
	// someKeeps is how many places where a model is loaded are looked at.
	someKeeps = 16
)

// lineKey is what tasks have in common that wait in one line.
func lineKey(t *Task) string {
	r := &t.Request
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%d\x00%d\x00%d\x00%d\x00%t%t%t\x00%d", t.Plugin, t.offer(), t.Model, r.Count, r.Memory, r.RAM, r.Disk,
		r.Exclusive, r.NeverSpill, t.Evictable, t.Concurrency)
	for _, trait := range device.Traits() {
		b.WriteString("\x00" + r.AtLeast[trait])
	}
	for _, list := range [][]string{r.Only, r.Prefer, r.Forbid, t.Files} {
		b.WriteString("\x01" + strings.Join(list, "\x00"))
	}
	return b.String()
}
