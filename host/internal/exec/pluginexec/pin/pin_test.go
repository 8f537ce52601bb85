package pin

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
		got := Environ(set, kind)
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
