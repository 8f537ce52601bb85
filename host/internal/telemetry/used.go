package telemetry

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/myspinbot/spinbot/sdk"
)

// used are the counters of what attempts have used.
type used struct {
	seconds *prometheus.CounterVec
	joules  *prometheus.CounterVec
	bytes   *prometheus.CounterVec
}

func newUsed() used {
	return used{
		seconds: counters("device_seconds_total", "Time for which attempts had devices, each with its part of one that several held.", "pipeline", "uuid", "name"),
		joules:  counters("device_energy_joules_total", "Energy that devices drew for attempts: measured by their counters, or estimated.", "pipeline", "uuid", "name", "how"),
		bytes:   counters("run_artifact_bytes_total", "Bytes of artifacts that attempts were given (read) and have made.", "pipeline", "way"),
	}
}

// other stands for what has come beyond the most that are told apart.
const other = "(other)"

// Used counts what an attempt has used. Beyond 500 pipelines the rest are one, with the label "(other)".
func (m *Metrics) Used(pipeline string, u *sdk.Usage) {
	m.mu.Lock()
	if !m.billed[pipeline] {
		if len(m.billed) < maxTriggers {
			m.billed[pipeline] = true
		} else {
			pipeline = other
		}
	}
	m.mu.Unlock()
	for _, d := range u.Devices {
		name := cmp.Or(d.Name, d.UUID)
		m.used.seconds.WithLabelValues(pipeline, d.UUID, name).Add(float64(d.Share) / 1000)
		m.used.joules.WithLabelValues(pipeline, d.UUID, name, "measured").Add(max(0, d.Energy-d.Estimated))
		m.used.joules.WithLabelValues(pipeline, d.UUID, name, "estimated").Add(d.Estimated)
	}
	m.used.bytes.WithLabelValues(pipeline, "read").Add(float64(u.Read))
	m.used.bytes.WithLabelValues(pipeline, "made").Add(float64(u.Made))
}
