//go:build !linux || !cgo

package nvml

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// New makes a prober that finds nothing.
func New() gpu.Prober { return none{} }

type none struct{}

// Probe implements gpu.Prober.
func (none) Probe(ctx context.Context) ([]device.Device, string, error) {
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	return nil, "this spinbot was built without NVML", nil
}
