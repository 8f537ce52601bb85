package telemetry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func TestUsed(t *testing.T) {
	t.Parallel()
	m := New("1.2.3")
	u := &sdk.Usage{Read: 3, Made: 5, Devices: []sdk.UsedDevice{{UUID: "GPU-1", Name: "Big", Held: 4000, Share: 1500, Energy: 90, Estimated: 20}, {UUID: "GPU-2", Share: 500}}}
	m.Used("film", u)
	m.Used("film", u)
	want(t, m, `spinbot_device_seconds_total{name="Big",pipeline="film",uuid="GPU-1"} 3`, `spinbot_device_seconds_total{name="GPU-2",pipeline="film",uuid="GPU-2"} 1`,
		`spinbot_device_energy_joules_total{how="measured",name="Big",pipeline="film",uuid="GPU-1"} 140`,
		`spinbot_device_energy_joules_total{how="estimated",name="Big",pipeline="film",uuid="GPU-1"} 40`,
		`spinbot_run_artifact_bytes_total{pipeline="film",way="read"} 6`, `spinbot_run_artifact_bytes_total{pipeline="film",way="made"} 10`)
	for k := range 2 * maxTriggers {
		m.Used(fmt.Sprint("p", k), &sdk.Usage{Made: 1})
	}
	if n := strings.Count(written(t, m), `way="made"`); n != maxTriggers+1 {
		t.Errorf("%d pipelines are told apart", n)
	}
	want(t, m, fmt.Sprintf(`spinbot_run_artifact_bytes_total{pipeline="(other)",way="made"} %d`, maxTriggers+1))
}
