package pluginexec

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/pin"
)

// TestSeesNoDevice: a plugin that uses devices sees none in a task that was given none; another is left alone.
func TestSeesNoDevice(t *testing.T) {
	t.Parallel()
	e := holds(t, nil)
	for devices, want := range map[string]string{"": "-1", "GPU-b,GPU-a,GPU-b": "GPU-a,GPU-b", "MIG-c": "MIG-c", "fake-a": "-1"} {
		var set []string
		if devices != "" {
			set = strings.Split(devices, ",")
		}
		out := load(t, e, nil, set...)
		env := out["environ"].([]any)
		seen := func(name string) string {
			for _, kv := range env {
				if v, ok := strings.CutPrefix(kv.(string), name+"="); ok {
					return v
				}
			}
			return "not set"
		}
		if got := seen("CUDA_VISIBLE_DEVICES"); got != want {
			t.Errorf("%q: CUDA sees %s", devices, got)
		}
		if got := seen(pin.EnvDevices); got != strings.Join(pin.Set(set), ",") {
			t.Errorf("%q: %s is %s", devices, pin.EnvDevices, got)
		}
		for i, d := range out["devices"].([]any) {
			if d != pin.Set(set)[i] {
				t.Errorf("%q: the task's device %d is %v", devices, i, d)
			}
		}
	}
	plain := open(t, as(t, "plugin"), nil)
	if env := mustRun(t, plain, "test.environ", nil)["environ"]; strings.Contains(strings.Join(strs(env), " "), "VISIBLE_DEVICES") {
		t.Errorf("a plugin without devices sees %v", env)
	}
}

func strs(v any) []string {
	var out []string
	for _, x := range v.([]any) {
		out = append(out, x.(string))
	}
	return out
}
