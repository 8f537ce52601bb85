package pluginexec

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// What plugins see of the host's environment. Secrets live in other variables and stay out.
var (
	allowedNames    = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
	allowedPrefixes = []string{"LC_", "XDG_", "SPINBOT_PLUGIN_"}
)

// allowed filters an environment by the allow-list and further names.
func allowed(environ, more []string) []string {
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		ok := slices.Contains(allowedNames, name) || slices.Contains(more, name) ||
			slices.ContainsFunc(allowedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if ok {
			out = append(out, kv)
		}
	}
	return out
}

// environ is what a plugin sees of the environment.
func (e *Executor) environ(b Binary, devices []string) []string {
	env := allowed(os.Environ(), e.config.Env)
	if len(devices) > 0 || b.UsesDevices {
		env = append(env, pin(devices, e.config.Kind)...)
	}
	return append(env, wire.EnvWatch+"=stdin")
}

// EnvDevices lists the UUIDs of a process's devices, whatever their kind; empty: it has none.
const EnvDevices = "SPINBOT_DEVICES"

// noDevice hides every device. An empty value would do for CUDA, but counts as absent for HIP.
const noDevice = "-1"

// pin lets a process see these devices and no other. devices are sorted.
func pin(devices []string, kind func(uuid string) device.Kind) []string {
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
