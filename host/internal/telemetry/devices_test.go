package telemetry

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

func TestDevices(t *testing.T) {
	t.Parallel()
	used, half, warm, watts := int64(1024), 50, 61, 71.5
	all := device.Reading{Used: &used, Utilisation: &half, Temperature: &warm, Power: &watts}
	stale := all
	stale.Stale = true
	m := New("")
	m.Devices(func() []device.Device {
		return []device.Device{{UUID: "GPU-a", Name: "A", Memory: 4096, Reading: all}, {UUID: "GPU-b", Name: "B", Memory: 4096}, {UUID: "GPU-c", Name: "C", Ill: "lost", Reading: stale}}
	})
	want(t, m, `spinbot_device_memory_total_bytes{name="A",uuid="GPU-a"} 4096`, `spinbot_device_memory_used_bytes{name="A",uuid="GPU-a"} 1024`,
		`spinbot_device_utilisation_ratio{name="A",uuid="GPU-a"} 0.5`, `spinbot_device_temperature_celsius{name="A",uuid="GPU-a"} 61`,
		`spinbot_device_power_watts{name="A",uuid="GPU-a"} 71.5`, `spinbot_device_healthy{name="A",uuid="GPU-a"} 1`,
		`spinbot_device_healthy{name="B",uuid="GPU-b"} 1`, `spinbot_device_healthy{name="C",uuid="GPU-c"} 0`)
	for line := range strings.Lines(written(t, m)) {
		if strings.Contains(line, "device_") && !strings.Contains(line, "GPU-a") && !strings.HasPrefix(line, "#") && !strings.Contains(line, "healthy") && !strings.Contains(line, "total") {
			t.Errorf("it was not measured: %s", line)
		}
	}
}

// BenchmarkScrape is what a Prometheus asks for, of a machine with 1,000 devices.
func BenchmarkScrape(b *testing.B) {
	used, half, warm, watts := int64(1024), 50, 61, 71.5
	var all []device.Device
	for k := range 1000 {
		all = append(all, device.Device{UUID: fmt.Sprintf("GPU-%d", k), Name: "NVIDIA GeForce RTX 4090", Memory: 4096,
			Reading: device.Reading{Used: &used, Utilisation: &half, Temperature: &warm, Power: &watts}})
	}
	m := New("")
	m.Devices(func() []device.Device { return all })
	for b.Loop() {
		if err := m.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
