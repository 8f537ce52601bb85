package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// Devices adds the figures of devices, which are asked for at each reading. One that is not measured, or out of date, is
// not there.
func (m *Metrics) Devices(read func() []device.Device) { m.registry.MustRegister(deviceFigures(read)) }

type deviceFigures func() []device.Device

func described(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("spinbot", "device", name), help, []string{"uuid", "name"}, nil)
}

var (
	deviceTotal       = described("memory_total_bytes", "Memory that the device has.")
	deviceUsed        = described("memory_used_bytes", "Memory that is used, by any process.")
	deviceUtilisation = described("utilisation_ratio", "Share of the last moments in which anything ran, 0 to 1.")
	deviceTemperature = described("temperature_celsius", "Temperature of the device.")
	devicePower       = described("power_watts", "Power that the device draws.")
	deviceHealthy     = described("healthy", "1 while tasks may go to the device.")
)

// Describe implements prometheus.Collector.
func (deviceFigures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{deviceTotal, deviceUsed, deviceUtilisation, deviceTemperature, devicePower, deviceHealthy} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (read deviceFigures) Collect(to chan<- prometheus.Metric) {
	for _, d := range read() {
		gauge := func(desc *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, d.UUID, d.Name)
		}
		healthy := 0.0
		if d.Ill == "" {
			healthy = 1
		}
		gauge(deviceHealthy, healthy)
		gauge(deviceTotal, float64(d.Memory))
		r := d.Reading
		if r.Stale {
			continue
		}
		if r.Used != nil {
			gauge(deviceUsed, float64(*r.Used))
		}
		if r.Utilisation != nil {
			gauge(deviceUtilisation, float64(*r.Utilisation)/100)
		}
		if r.Temperature != nil {
			gauge(deviceTemperature, float64(*r.Temperature))
		}
		if r.Power != nil {
			gauge(devicePower, *r.Power)
		}
	}
}
