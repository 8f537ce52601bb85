package pluginexec

import (
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

func TestPin(t *testing.T) {
	t.Parallel()
	kinds := map[string]device.Kind{
		"GPU-1": device.CUDA, "GPU-2": device.CUDA, "MIG-1": device.CUDA, "GPU-amd-1": device.ROCm, "GPU-amd-2": device.ROCm,
		"metal-0": device.Metal, "box": device.Static, "GPU-static": device.Static, "fake-1": device.Fake, "ollama@box2": device.Engine,
	}
	kind := func(uuid string) device.Kind { return kinds[uuid] }
	hidden := "SPINBOT_DEVICES=,CUDA_DEVICE_ORDER=PCI_BUS_ID,CUDA_VISIBLE_DEVICES=-1,ROCR_VISIBLE_DEVICES=-1,HIP_VISIBLE_DEVICES=-1"
	for devices, want := range map[string]string{
		"":                    "",
		"GPU-1":               "CUDA_VISIBLE_DEVICES=GPU-1 ROCR_VISIBLE_DEVICES=-1 HIP_VISIBLE_DEVICES=-1",
		"GPU-1,GPU-2":         "CUDA_VISIBLE_DEVICES=GPU-1,GPU-2 ROCR_VISIBLE_DEVICES=-1 HIP_VISIBLE_DEVICES=-1",
		"MIG-1":               "CUDA_VISIBLE_DEVICES=MIG-1 ROCR_VISIBLE_DEVICES=-1 HIP_VISIBLE_DEVICES=-1",
		"GPU-amd-2":           "CUDA_VISIBLE_DEVICES=-1 ROCR_VISIBLE_DEVICES=GPU-amd-2 HIP_VISIBLE_DEVICES=0",
		"GPU-amd-1,GPU-amd-2": "CUDA_VISIBLE_DEVICES=-1 ROCR_VISIBLE_DEVICES=GPU-amd-1,GPU-amd-2 HIP_VISIBLE_DEVICES=0,1",
		"GPU-1,GPU-amd-1":     "CUDA_VISIBLE_DEVICES=GPU-1 ROCR_VISIBLE_DEVICES=GPU-amd-1 HIP_VISIBLE_DEVICES=0",
		"fake-1":              "", "ollama@box2": "", "nobody knows it": "",
		"metal-0": "free", "box": "free",
		"GPU-static": "CUDA_VISIBLE_DEVICES=GPU-static ROCR_VISIBLE_DEVICES=-1 HIP_VISIBLE_DEVICES=-1",
		"GPU-new":    "CUDA_VISIBLE_DEVICES=GPU-new ROCR_VISIBLE_DEVICES=-1 HIP_VISIBLE_DEVICES=-1",
	} {
		var set []string
		if devices != "" {
			set = strings.Split(devices, ",")
		}
		got := pin(set, kind)
		var all []string
		switch want {
		case "":
			all = strings.Split(strings.ReplaceAll(hidden, ",", " "), " ")
			all[0] = "SPINBOT_DEVICES=" + devices
		case "free":
			all = []string{"SPINBOT_DEVICES=" + devices}
		default:
			all = append([]string{"SPINBOT_DEVICES=" + devices, "CUDA_DEVICE_ORDER=PCI_BUS_ID"}, strings.Split(want, " ")...)
		}
		if !slices.Equal(got, all) {
			t.Errorf("%q: got %q, want %q", devices, got, all)
		}
	}
}

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
		if got := seen(EnvDevices); got != strings.Join(deviceSet(set), ",") {
			t.Errorf("%q: %s is %s", devices, EnvDevices, got)
		}
		for i, d := range out["devices"].([]any) {
			if d != deviceSet(set)[i] {
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
