//go:build gpu && linux && cgo

package nvml

import (
	"testing"

	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/gputest"
)

// TestRealGPU needs a GPU of NVIDIA and its driver: make gpu.
func TestRealGPU(t *testing.T) {
	devices, note, err := New().Probe(t.Context())
	if err != nil || len(devices) == 0 {
		t.Fatalf("there is no device: %q %v", note, err)
	}
	for _, d := range devices {
		t.Logf("%s %s %s compute %s driver %s: %d bytes, %+v", d.UUID, d.Name, d.Architecture, d.Compute, d.Driver, d.Memory, d.Reading)
		if d.Ill != "" {
			t.Errorf("%s is ill: %s", d.UUID, d.Ill)
		}
		if d.Reading.Used == nil || d.Reading.Free == nil {
			t.Errorf("%s: its memory is not measured", d.UUID)
			continue
		}
		// What the driver keeps for itself is neither used nor free: a tenth at most.
		if known := *d.Reading.Used + *d.Reading.Free; known > d.Memory || known < d.Memory-d.Memory/10 {
			t.Errorf("%s: %d used and %d free do not make %d", d.UUID, *d.Reading.Used, *d.Reading.Free, d.Memory)
		}
		if d.Compute == "" || d.Driver == "" {
			t.Errorf("%+v", d)
		}
	}
	gputest.Run(t, func(*testing.T) gpu.Prober { return New() })
}
