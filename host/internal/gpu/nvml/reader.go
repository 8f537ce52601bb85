//go:build linux && cgo

package nvml

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

func now() time.Time { return time.Now().UTC() }

// reader asks one GPU, or a part of one, for everything.
type reader struct {
	*prober
	dev nvml.Device
	// lost is the answer that says that it is gone, once one has.
	lost nvml.Return
}

// figure asks for one figure of a device.
func figure[T any](r *reader, symbol string, call func() (T, nvml.Return)) (out T, ok bool) {
	if gone(r.lost) || !r.has(symbol) {
		return out, false
	}
	out, ret := call()
	if gone(ret) {
		r.lost = ret
	}
	return out, ret == nvml.SUCCESS
}

// ask2 is figure for a call that gives two, of which the first is wanted.
func ask2[T, U any](r *reader, symbol string, call func() (T, U, nvml.Return)) (T, bool) {
	return figure(r, symbol, func() (T, nvml.Return) {
		first, _, ret := call()
		return first, ret
	})
}

// whole reads a GPU.
func (r *reader) whole() device.Device {
	d := device.Device{Kind: device.CUDA, Driver: r.driver}
	d.UUID, _ = figure(r, "nvmlDeviceGetUUID", r.dev.GetUUID)
	d.Name, _ = figure(r, "nvmlDeviceGetName", r.dev.GetName)
	if a, ok := figure(r, "nvmlDeviceGetArchitecture", r.dev.GetArchitecture); ok {
		d.Architecture = architectures[a]
	}
	if r.has("nvmlDeviceGetCudaComputeCapability") {
		if major, minor, ret := r.dev.GetCudaComputeCapability(); ret == nvml.SUCCESS {
			d.Compute = fmt.Sprintf("%d.%d", major, minor)
		}
	}
	if pci, ok := figure(r, "nvmlDeviceGetPciInfo", r.dev.GetPciInfo); ok {
		d.PCI = text(pci.BusId[:])
	}
	d.NUMA = r.numa(d.PCI)
	d.Reading = r.reading(&d)
	r.health(&d)
	return d
}

// numa asks the kernel first: NVML tells it only where a GPU's memory is a node of its own.
func (r *reader) numa(pci string) *int {
	if n := gpu.NUMA(pci); n != nil {
		return n
	}
	if n, ok := figure(r, "nvmlDeviceGetNumaNodeId", r.dev.GetNumaNodeId); ok && n >= 0 {
		return &n
	}
	return nil
}

func (r *reader) reading(d *device.Device) device.Reading {
	out := device.Reading{At: now()}
	r.memory(d, &out)
	if u, ok := figure(r, "nvmlDeviceGetUtilizationRates", r.dev.GetUtilizationRates); ok {
		out.Utilisation = of(min(int(u.Gpu), 100))
	}
	celsius := func() (uint32, nvml.Return) { return r.dev.GetTemperature(nvml.TEMPERATURE_GPU) }
	if c, ok := figure(r, "nvmlDeviceGetTemperature", celsius); ok {
		out.Temperature = of(int(c))
	}
	if mw, ok := figure(r, "nvmlDeviceGetPowerUsage", r.dev.GetPowerUsage); ok {
		out.Power = of(float64(mw) / 1000)
	}
	if mj, ok := figure(r, "nvmlDeviceGetTotalEnergyConsumption", r.dev.GetTotalEnergyConsumption); ok {
		out.Energy = of(float64(mj) / 1000)
	}
	out.Processes = r.processes()
	return out
}

// memory prefers the newer call: what the driver keeps for itself is neither used nor free there.
func (r *reader) memory(d *device.Device, out *device.Reading) {
	m, ok := figure(r, "nvmlDeviceGetMemoryInfo_v2", r.dev.GetMemoryInfo_v2)
	if !ok {
		old, found := figure(r, "nvmlDeviceGetMemoryInfo", r.dev.GetMemoryInfo)
		if !found {
			return
		}
		m = nvml.Memory_v2{Total: old.Total, Free: old.Free, Used: old.Used}
	}
	d.Memory = int64(m.Total)
	out.Used, out.Free = of(int64(m.Used)), of(int64(m.Free))
}

// processes are those that compute and those that draw; nil when the driver tells neither.
func (r *reader) processes() []device.Process {
	computing, told := figure(r, "nvmlDeviceGetComputeRunningProcesses", r.dev.GetComputeRunningProcesses)
	drawing, too := figure(r, "nvmlDeviceGetGraphicsRunningProcesses", r.dev.GetGraphicsRunningProcesses)
	if !told && !too || gpu.WSL() {
		return nil
	}
	out := []device.Process{}
	for _, p := range append(computing, drawing...) {
		if p.Pid == 0 || slices.ContainsFunc(out, func(o device.Process) bool { return o.PID == int(p.Pid) }) {
			continue
		}
		one := device.Process{PID: int(p.Pid)}
		if p.UsedGpuMemory != math.MaxUint64 { // not available
			one.Memory = of(int64(p.UsedGpuMemory))
		}
		one.Name, _ = ask(r.prober, "nvmlSystemGetProcessName", func() (string, nvml.Return) { return r.lib.SystemGetProcessName(int(p.Pid)) })
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b device.Process) int { return cmp.Compare(a.PID, b.PID) })
	return out
}

// parts gives the MIG instances of a GPU. They share its health and its heat; power is told of the whole only.
func (r *reader) parts(whole device.Device) []device.Device {
	most, _ := figure(r, "nvmlDeviceGetMaxMigDeviceCount", r.dev.GetMaxMigDeviceCount)
	if !r.has("nvmlDeviceGetMigDeviceHandleByIndex") {
		return nil
	}
	var out []device.Device
	for i := range most {
		handle, ret := r.dev.GetMigDeviceHandleByIndex(i)
		if ret != nvml.SUCCESS {
			continue // there are fewer than there may be
		}
		part := &reader{prober: r.prober, dev: handle}
		d := whole
		d.UUID, _ = figure(part, "nvmlDeviceGetUUID", handle.GetUUID)
		if d.UUID == "" {
			continue
		}
		d.Name, _ = figure(part, "nvmlDeviceGetName", handle.GetName)
		d.Name = cmp.Or(d.Name, whole.Name+" MIG")
		d.Parent, d.Reading = whole.UUID, device.Reading{At: now(), Temperature: whole.Reading.Temperature}
		part.memory(&d, &d.Reading)
		d.Reading.Processes = part.processes()
		out = append(out, d)
	}
	return out
}

func of[T any](v T) *T { return &v }

// text reads a C string.
func text(raw []int8) string {
	var b strings.Builder
	for _, c := range raw {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

var architectures = map[nvml.DeviceArchitecture]string{
	nvml.DEVICE_ARCH_KEPLER: "Kepler", nvml.DEVICE_ARCH_MAXWELL: "Maxwell", nvml.DEVICE_ARCH_PASCAL: "Pascal",
	nvml.DEVICE_ARCH_VOLTA: "Volta", nvml.DEVICE_ARCH_TURING: "Turing", nvml.DEVICE_ARCH_AMPERE: "Ampere",
	nvml.DEVICE_ARCH_ADA: "Ada Lovelace", nvml.DEVICE_ARCH_HOPPER: "Hopper", nvml.DEVICE_ARCH_BLACKWELL: "Blackwell",
	nvml.DEVICE_ARCH_RUBIN: "Rubin",
}
