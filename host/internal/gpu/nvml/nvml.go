//go:build linux && cgo

package nvml

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// New makes a prober of the driver that is installed. It opens the library when it is first asked, and never again when
// that fails. What it opened ends with the process. It is for one caller at a time.
func New() gpu.Prober { return newProber(nvml.New()) }

type prober struct {
	lib    nvml.Interface
	opened bool
	// silent is why nothing may be asked of the library, once opening it has failed.
	silent  string
	symbols map[string]bool
	driver  string
	// known are the devices at each index, so that one that is lost keeps its name.
	known  map[int]device.Device
	events *events
	// errors in memory when each device was first seen, by UUID.
	before map[string]uint64
}

func newProber(lib nvml.Interface) *prober {
	return &prober{lib: lib, symbols: map[string]bool{}, known: map[int]device.Device{}, before: map[string]uint64{}}
}

// Probe implements gpu.Prober.
func (p *prober) Probe(ctx context.Context) ([]device.Device, string, error) {
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	p.open()
	if p.silent != "" {
		return nil, p.silent, nil
	}
	count, ret := p.lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return nil, "", fmt.Errorf("NVML does not count the GPUs: %w", ret)
	}
	p.events.collect()
	var out []device.Device
	var unnamed []string
	for i := range count {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		found, err := p.at(i)
		if err != nil {
			unnamed = append(unnamed, err.Error())
		}
		out = append(out, found...)
	}
	if len(out) == 0 && len(unnamed) == 0 {
		return nil, "the NVIDIA driver is there, and shows no GPU", nil
	}
	return out, strings.Join(append(unnamed, note(out)...), "; "), nil
}

// open makes the library ready. After an Init that failed nothing else may be called: its symbols are not there.
func (p *prober) open() {
	if p.opened {
		return
	}
	p.opened = true
	if ret := p.lib.Init(); ret != nvml.SUCCESS {
		p.silent = whyNot(ret)
		return
	}
	p.driver, _ = ask(p, "nvmlSystemGetDriverVersion", p.lib.SystemGetDriverVersion)
	p.events = newEvents(p)
}

func whyNot(ret nvml.Return) string {
	switch ret {
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return "no NVIDIA driver (libnvidia-ml.so.1 is not there)"
	case nvml.ERROR_DRIVER_NOT_LOADED:
		return "the NVIDIA driver is installed and not loaded: try nvidia-smi, or restart the machine"
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return "the NVIDIA driver was updated and another version is still loaded: restart the machine"
	case nvml.ERROR_NO_PERMISSION:
		return "the NVIDIA driver lets this user see no GPU: look at who may read /dev/nvidia*"
	default:
		return fmt.Sprintf("NVML does not open: %v", ret)
	}
}

// at gives the GPU with an index, or the parts that it is divided into.
func (p *prober) at(index int) ([]device.Device, error) {
	handle, ret := p.lib.DeviceGetHandleByIndex(index)
	if ret == nvml.ERROR_NO_PERMISSION {
		return nil, nil // it belongs to others
	}
	r := &reader{prober: p, dev: handle, lost: ret}
	if ret != nvml.SUCCESS {
		return p.lose(index, ret)
	}
	d := r.whole()
	if gone(r.lost) {
		return p.lose(index, r.lost)
	}
	if d.UUID == "" {
		return nil, fmt.Errorf("GPU %d is left out: the NVIDIA driver tells no UUID of it", index)
	}
	p.known[index] = d
	if on, ok := ask2(r, "nvmlDeviceGetMigMode", handle.GetMigMode); !ok || on != nvml.DEVICE_MIG_ENABLE {
		return []device.Device{d}, nil
	}
	parts := r.parts(d)
	if len(parts) == 0 {
		d.Ill = "it is in MIG mode and not divided: make instances with nvidia-smi mig -cgi … -C, or turn the mode off with nvidia-smi -mig 0"
		return []device.Device{d}, nil
	}
	return parts, nil
}

// lose gives a GPU that was there before as ill. One that never was cannot be named.
func (p *prober) lose(index int, ret nvml.Return) ([]device.Device, error) {
	d, ok := p.known[index]
	if !ok {
		return nil, fmt.Errorf("GPU %d is left out: the NVIDIA driver does not reach it (%w); restart the machine", index, ret)
	}
	d.Ill = fmt.Sprintf("it is lost: the driver does not reach it any more (%v); restart the machine", ret)
	d.Reading = device.Reading{At: now()}
	return []device.Device{d}, nil
}

// gone says whether a GPU does not answer at all any more.
func gone(ret nvml.Return) bool {
	return errors.Is(ret, nvml.ERROR_GPU_IS_LOST) || errors.Is(ret, nvml.ERROR_RESET_REQUIRED) || errors.Is(ret, nvml.ERROR_GPU_NOT_FOUND)
}

func note(devices []device.Device) []string {
	for _, d := range devices {
		if d.Reading.Processes == nil && d.Ill == "" {
			return []string{"the NVIDIA driver does not tell here which processes use a device"}
		}
	}
	return nil
}

// has says whether the driver knows a function. Calling one that it does not know ends the process.
func (p *prober) has(symbol string) bool {
	known, asked := p.symbols[symbol]
	if !asked {
		known = p.lib.Extensions().LookupSymbol(symbol) == nil
		p.symbols[symbol] = known
	}
	return known
}

// ask calls a function that the driver may not have, or may refuse.
func ask[T any](p *prober, symbol string, call func() (T, nvml.Return)) (out T, ok bool) {
	if !p.has(symbol) {
		return out, false
	}
	out, ret := call()
	return out, ret == nvml.SUCCESS
}
