package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

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
	// Classes are the node classes that a plugin's engines have there, by plugin; none of it: it does not say.
	Classes map[string]map[string]bool
	// Engines are the devices on which engines compute that run by themselves, by plugin: its tasks go there, and to no other
	// device of the agent.
	Engines map[string][]string
}

// defaultTasks is how many tasks without devices an agent takes at once that does not say.
const defaultTasks = 256

// Most is how many tasks without devices the agent takes at once.
func (a *Agent) Most() int { return cmp.Or(a.Tasks, defaultTasks) }

// Label is how people call it.
func (a *Agent) Label() string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// Can says whether it offers what a task needs.
func (a *Agent) Can(t *Task) bool { return Offer(a.Offers, t.Offered()) }

// OffersAs says whether another agent offers the same.
func (a *Agent) OffersAs(b *Agent) bool {
	return (a.Offers == nil) == (b.Offers == nil) && slices.Equal(a.Offers, b.Offers)
}

// Ties says which plugins' engines compute on a device of the agent's, and which elsewhere there, as a key.
func (a *Agent) Ties(d *device.Device) string {
	var b strings.Builder
	for _, plugin := range slices.Sorted(maps.Keys(a.Engines)) {
		fmt.Fprintf(&b, "%s %t,", plugin, slices.Contains(a.Engines[plugin], d.UUID))
	}
	return b.String()
}

// Misfit says why a device of the agent's could never serve the task, however free it is; empty when it could.
func (a *Agent) Misfit(d *device.Device, t *Task) string {
	on := a.Engines[t.Plugin]
	switch here := slices.Contains(on, d.UUID); {
	case len(on) > 0 && !here:
		return "is none that the engine of " + t.Plugin + " computes on"
	case d.Kind == device.Engine && !here:
		return "is an engine of its own, of another plugin"
	}
	return device.Misfit(d, &t.Request)
}

// Offer says whether a node type is among offers: see Agent.
func Offer(offers []string, nodeType string) bool {
	_, ok := slices.BinarySearch(offers, nodeType)
	return ok || offers == nil
}
