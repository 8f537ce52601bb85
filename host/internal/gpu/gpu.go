// Package gpu owns how the devices of this machine are found out: the Prober, and the devices that a person writes down.
// Its sub-packages are adapters, one for each way to ask.
package gpu

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// Prober reads the devices of this machine.
type Prober interface {
	// Probe reads every device once. No driver is no error: it gives no devices, and why in its note.
	Probe(ctx context.Context) (devices []device.Device, note string, err error)
}

// Written is a device that the host's configuration describes: a static one, or a fake one to which things happen.
type Written struct {
	device.Device
	// Used is what foreign programs hold of its memory from the beginning, in bytes.
	Used   int64
	Script []Event
	// Figures is a file with a fake device's reading, as JSON; empty: there is none. While it is there it goes before Used and the script.
	Figures string
}

// Event is what happens to a fake device.
type Event struct {
	// At is the time since the host began to look at it.
	At time.Duration
	// Do is "use" (foreign programs hold Used bytes from now on), "lose" (it falls off the bus), "sicken" (an Xid error),
	// "heal", "hang" (the probe stops answering) or "answer".
	Do   string
	Used int64
}
