package metal

import (
	"errors"
	"runtime"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/gputest"
)

func TestConforms(t *testing.T) {
	t.Parallel()
	gputest.Run(t, func(*testing.T) gpu.Prober {
		return prober(func() (int64, string, string, error) { return 64 << 30, "Apple M4 Max", "macOS 26.1", nil })
	})
}

func TestElsewhere(t *testing.T) {
	t.Parallel()
	devices, note, err := New().Probe(t.Context())
	if mac := runtime.GOOS == "darwin"; err != nil || mac != (len(devices) == 1) || mac != (note != "") {
		t.Errorf("%v %q %v", devices, note, err)
	}
	broken := prober(func() (int64, string, string, error) { return 0, "", "", errors.New("no such sysctl") })
	if _, _, err := broken.Probe(t.Context()); err == nil {
		t.Error("it says nothing")
	}
}
