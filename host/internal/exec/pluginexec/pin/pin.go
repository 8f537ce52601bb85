// Package pin owns the variables by which a process is held to its devices: the runtimes of CUDA, ROCm and HIP look at
// them, each in its own way. It is pure.
package pin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// EnvDevices names the variable that lists the UUIDs of a process's devices, whatever their kind; empty: it has none.
const EnvDevices = "SPINBOT_DEVICES"

// noDevice hides every device. An empty value would do for CUDA, but counts as absent for HIP.
const noDevice = "-1"

// Environ lets a process see these devices and no other. kind says what a device is; nil: nothing is known. devices are
// sorted.
func Environ(devices []string, kind func(uuid string) device.Kind) []string {
	var cuda, rocm []string
	free := false // a device that cannot be named to any runtime
	for _, d := range devices {
		switch kindOf(d, kind) {
		case device.CUDA:
			cuda = append(cuda, d)
		case device.ROCm:
			rocm = append(rocm, d)
		case device.Static, device.Metal:
			free = true
		default: // simulated, or on another machine: none of ours
		}
	}
	env := []string{EnvDevices + "=" + strings.Join(devices, ",")}
	if free && len(cuda)+len(rocm) == 0 {
		return env
	}
	return append(env,
		"CUDA_DEVICE_ORDER=PCI_BUS_ID",
		"CUDA_VISIBLE_DEVICES="+orNone(cuda),
		"ROCR_VISIBLE_DEVICES="+orNone(rocm),
		"HIP_VISIBLE_DEVICES="+orNone(numbers(len(rocm))))
}

// kindOf trusts a name of NVIDIA's where nothing better is known; what a person wrote down with such a name is one.
func kindOf(uuid string, kind func(string) device.Kind) device.Kind {
	k := device.Kind("")
	if kind != nil {
		k = kind(uuid)
	}
	if (k == "" || k == device.Static) && (strings.HasPrefix(uuid, "GPU-") || strings.HasPrefix(uuid, "MIG-")) {
		return device.CUDA
	}
	return k
}

// numbers are how HIP names the devices that ROCR_VISIBLE_DEVICES, by UUID, leaves it: it takes the numbers in all
// releases, UUIDs in the newer ones only. (PyTorch looks at HIP's list and counts ROCR's.)
func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

func orNone(devices []string) string {
	if len(devices) == 0 {
		return noDevice
	}
	return strings.Join(devices, ",")
}

// Set gives devices in one order, each once. CUDA numbers them as they stand in its variable.
func Set(devices []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(devices)))
}
