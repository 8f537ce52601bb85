// Package metal gives the one device of a Mac: its processor, which shares the machine's memory. What of that is free
// is not measured. Elsewhere than on macOS it finds nothing and says nothing.
package metal

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// New makes a prober of this Mac.
func New() gpu.Prober { return prober(machine) }

// prober asks for the machine's memory in bytes, its name, and the version of its system. 0 bytes: it is no Mac.
type prober func() (memory int64, name, system string, err error)

// Probe implements gpu.Prober.
func (p prober) Probe(ctx context.Context) ([]device.Device, string, error) {
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	memory, name, system, err := p()
	if err != nil || memory == 0 {
		return nil, "", err
	}
	d := device.Device{UUID: "METAL-0", Kind: device.Metal, Name: name, Memory: memory, Unified: true, Driver: system}
	d.Reading.At = time.Now().UTC()
	return []device.Device{d}, "on macOS only the size of the memory is known, which the device shares with everything else", nil
}
