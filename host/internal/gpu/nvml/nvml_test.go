//go:build linux && cgo

package nvml

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxb200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/gputest"
)

const gib = 1 << 30

// box is a server of go-nvml whose devices also tell figures; events are what its devices report next.
type box struct {
	*server.Server
	events []nvml.EventData
	lacks  []string // symbols
}

func newBox(s *server.Server) *box {
	b := &box{Server: s}
	s.LookupSymbolFunc = func(symbol string) error {
		if slices.Contains(b.lacks, symbol) {
			return errors.New("no such symbol")
		}
		return nil
	}
	s.SystemGetProcessNameFunc = func(int) (string, nvml.Return) { return "python3", nvml.SUCCESS }
	set := &mock.EventSet{WaitFunc: func(uint32) (nvml.EventData, nvml.Return) {
		if len(b.events) == 0 {
			return nvml.EventData{}, nvml.ERROR_TIMEOUT
		}
		e := b.events[0]
		b.events = b.events[1:]
		return e, nvml.SUCCESS
	}}
	s.EventSetCreateFunc = func() (nvml.EventSet, nvml.Return) { return set, nvml.SUCCESS }
	for i := range s.Devices {
		fill(b.device(i))
	}
	return b
}

func (b *box) device(i int) *server.Device { return b.Devices[i].(*server.Device) }

// fill sets what go-nvml's mock leaves open.
func fill(d *server.Device) {
	total := d.MemoryInfo.Total
	d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
		return nvml.Memory_v2{Total: total, Reserved: gib / 2, Used: 2 * gib, Free: total - 5*gib/2}, nvml.SUCCESS
	}
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 42}, nvml.SUCCESS }
	d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 36, nvml.SUCCESS }
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 71_500, nvml.SUCCESS }
	d.GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) { return 1_234_500, nvml.SUCCESS }
	d.GetNumaNodeIdFunc = func() (int, nvml.Return) { return 0, nvml.ERROR_NOT_SUPPORTED }
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 99, UsedGpuMemory: gib}, {Pid: 12, UsedGpuMemory: ^uint64(0)}}, nvml.SUCCESS
	}
	d.GetGraphicsRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 99, UsedGpuMemory: gib}}, nvml.SUCCESS
	}
	d.GetTotalEccErrorsFunc = func(nvml.MemoryErrorType, nvml.EccCounterType) (uint64, nvml.Return) { return 0, nvml.SUCCESS }
	d.GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return 0, 0, false, false, nvml.SUCCESS }
	d.GetRetiredPagesPendingStatusFunc = func() (nvml.EnableState, nvml.Return) { return 0, nvml.ERROR_NOT_SUPPORTED }
	d.GetSupportedEventTypesFunc = func() (uint64, nvml.Return) { return nvml.EventTypeXidCriticalError, nvml.SUCCESS }
	d.RegisterEventsFunc = func(uint64, nvml.EventSet) nvml.Return { return nvml.SUCCESS }
	d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
	d.GetMigDeviceHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, nvml.ERROR_NOT_FOUND }
	d.GetPciInfoFunc = func() (p nvml.PciInfo, _ nvml.Return) {
		for i, c := range "0000" + d.PciBusID {
			p.BusId[i] = int8(c)
		}
		return p, nvml.SUCCESS
	}
}

// divide puts a GPU into MIG mode with parts of a size.
func divide(d *server.Device, uuids ...string) {
	d.MigMode = nvml.DEVICE_MIG_ENABLE
	var parts []*mock.Device
	for _, uuid := range uuids {
		no := func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.SUCCESS }
		parts = append(parts, &mock.Device{
			GetUUIDFunc: func() (string, nvml.Return) { return uuid, nvml.SUCCESS },
			GetNameFunc: func() (string, nvml.Return) { return d.Config.Name + " MIG 3g.20gb", nvml.SUCCESS },
			GetMemoryInfo_v2Func: func() (nvml.Memory_v2, nvml.Return) {
				return nvml.Memory_v2{Total: 20 * gib, Used: gib, Free: 19 * gib}, nvml.SUCCESS
			},
			GetComputeRunningProcessesFunc: no, GetGraphicsRunningProcessesFunc: no,
		})
	}
	d.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i >= len(parts) {
			return nil, nvml.ERROR_NOT_FOUND
		}
		return parts[i], nvml.SUCCESS
	}
}

func look(t *testing.T, p gpu.Prober) []device.Device {
	t.Helper()
	devices, _, err := p.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return devices
}

func TestConforms(t *testing.T) {
	t.Parallel()
	for name, box := range map[string]func() *server.Server{"A100": dgxa100.New, "H100": dgxh100.New, "H200": dgxh200.New, "B200": dgxb200.New} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gputest.Run(t, func(*testing.T) gpu.Prober { return newProber(newBox(box())) })
		})
	}
	t.Run("MIG", func(t *testing.T) {
		t.Parallel()
		gputest.Run(t, func(*testing.T) gpu.Prober {
			b := newBox(dgxa100.New())
			divide(b.device(0), "MIG-a", "MIG-b")
			return newProber(b)
		})
	})
}

func TestFigures(t *testing.T) {
	t.Parallel()
	b := newBox(dgxa100.New())
	devices := look(t, newProber(b))
	if len(devices) != 8 {
		t.Fatalf("%d devices", len(devices))
	}
	d := devices[3]
	r := d.Reading
	if d.UUID != b.device(3).UUID || d.Kind != device.CUDA || d.Name != "NVIDIA A100-SXM4-40GB" && !strings.Contains(d.Name, "A100") ||
		d.Architecture != "Ampere" || d.Compute != "8.0" || d.Memory != 40*gib || d.PCI != "00000000:03:00.0" || d.Driver != "550.54.15" || d.Ill+d.Warning != "" {
		t.Errorf("%+v", d)
	}
	if *r.Used != 2*gib || *r.Free != 75*gib/2 || *r.Utilisation != 42 || *r.Temperature != 36 || *r.Power != 71.5 || *r.Energy != 1234.5 || r.At.IsZero() {
		t.Errorf("%+v", r)
	}
	if len(r.Processes) != 2 || r.Processes[0].PID != 12 || r.Processes[0].Memory != nil || *r.Processes[1].Memory != gib || r.Processes[1].Name != "python3" {
		t.Errorf("%+v", r.Processes)
	}
}

// TestLacking: what the driver does not know is not called, and what it refuses stays nil.
func TestLacking(t *testing.T) {
	t.Parallel()
	b := newBox(dgxh100.New())
	d := b.device(0)
	b.lacks = []string{"nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetRemappedRows", "nvmlEventSetWait", "nvmlDeviceGetMigMode", "nvmlDeviceGetNumaNodeId"}
	d.GetMemoryInfo_v2Func, d.GetTotalEnergyConsumptionFunc, d.GetRemappedRowsFunc, d.GetMigModeFunc, d.GetNumaNodeIdFunc = nil, nil, nil, nil, nil // to call one panics
	d.MemoryInfo.Used, d.MemoryInfo.Free = gib, d.MemoryInfo.Total-gib
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{}, nvml.ERROR_NOT_SUPPORTED }
	d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 0, nvml.ERROR_UNKNOWN }
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 0, nvml.ERROR_NOT_SUPPORTED }
	refuse := func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NOT_SUPPORTED }
	d.GetComputeRunningProcessesFunc, d.GetGraphicsRunningProcessesFunc = refuse, refuse
	devices, note, err := newProber(b).Probe(t.Context())
	if err != nil || !strings.Contains(note, "which processes") {
		t.Errorf("%q %v", note, err)
	}
	r := devices[0].Reading
	if *r.Used != gib || r.Utilisation != nil || r.Temperature != nil || r.Power != nil || r.Energy != nil || r.Processes != nil {
		t.Errorf("%+v", r)
	}
}

func TestMIG(t *testing.T) {
	t.Parallel()
	b := newBox(dgxa100.New())
	divide(b.device(0), "MIG-a", "MIG-b")
	divide(b.device(1))
	b.device(0).GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return 0, 1, false, true, nvml.SUCCESS }
	devices := look(t, newProber(b))
	if len(devices) != 9 {
		t.Fatalf("%d devices", len(devices))
	}
	for i, uuid := range []string{"MIG-a", "MIG-b"} {
		d := devices[i]
		if d.UUID != uuid || d.Parent != b.device(0).UUID || d.Memory != 20*gib || *d.Reading.Free != 19*gib || d.Compute != "8.0" || !strings.Contains(d.Name, "3g.20gb") {
			t.Errorf("%+v", d)
		}
		if d.Reading.Power != nil || d.Reading.Utilisation != nil || *d.Reading.Temperature != 36 || d.Reading.Processes == nil {
			t.Errorf("%+v", d.Reading)
		}
		if !strings.Contains(d.Ill, "cannot be replaced") {
			t.Errorf("a part of an ill device is well: %q", d.Ill)
		}
	}
	if d := devices[2]; d.UUID != b.device(1).UUID || !strings.Contains(d.Ill, "not divided") {
		t.Errorf("%+v", d)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := newBox(dgxa100.New())
	errors := uint64(3)
	b.device(1).GetTotalEccErrorsFunc = func(nvml.MemoryErrorType, nvml.EccCounterType) (uint64, nvml.Return) { return errors, nvml.SUCCESS }
	b.device(2).GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return 0, 1, true, false, nvml.SUCCESS }
	b.device(3).GetRetiredPagesPendingStatusFunc = func() (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
	p := newProber(b)
	devices := look(t, p)
	for i, want := range []string{"", "3 errors", "a row of its memory is to be replaced", "pages of its memory", ""} {
		if d := devices[i]; d.Ill != "" || !strings.Contains(d.Warning, want) || want == "" && d.Warning != "" {
			t.Errorf("%d: %q %q", i, d.Ill, d.Warning)
		}
	}
	errors = 5
	for i, xid := range []uint64{4: 79, 5: 31, 6: 94, 7: 777} {
		if xid != 0 {
			b.events = append(b.events, nvml.EventData{Device: b.Devices[i], EventType: nvml.EventTypeXidCriticalError, EventData: xid})
		}
	}
	b.events = append(b.events, nvml.EventData{Device: b.Devices[0], EventType: nvml.EventTypeDoubleBitEccError}, nvml.EventData{})
	for range 2 { // it stays
		devices = look(t, p)
		for i, want := range []string{"Xid 48", "2 new errors", "", "", "Xid 79: it has fallen", "", "", "Xid 777: see https"} {
			if d := devices[i]; !strings.Contains(d.Ill, want) || want == "" && d.Ill != "" {
				t.Errorf("%d: %q", i, d.Ill)
			}
		}
		if !strings.Contains(devices[6].Warning, "Xid 94") {
			t.Errorf("%+v", devices[6])
		}
	}
}

// TestLost: a GPU that falls off the bus keeps its name; one that was never seen does not hide the others.
func TestLost(t *testing.T) {
	t.Parallel()
	b := newBox(dgxa100.New())
	p := newProber(b)
	before := look(t, p)
	b.device(2).GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) { return nvml.Memory_v2{}, nvml.ERROR_GPU_IS_LOST }
	all := b.DeviceGetHandleByIndexFunc
	b.DeviceGetHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i == 5 {
			return nil, nvml.ERROR_GPU_IS_LOST
		}
		return all(i)
	}
	after := look(t, p)
	for i, d := range after {
		if lost := i == 2 || i == 5; d.UUID != before[i].UUID || lost != strings.Contains(d.Ill, "lost") || lost != (d.Reading.Free == nil) {
			t.Errorf("%d: %+v", i, d)
		}
	}
	devices, note, err := newProber(b).Probe(t.Context())
	if err != nil || len(devices) != 6 || !strings.Contains(note, "GPU 2 is left out") || !strings.Contains(note, "GPU 5 is left out") {
		t.Errorf("%d %q %v", len(devices), note, err)
	}
}

// TestNoDriver: after an Init that fails nothing is called, however often it is asked.
func TestNoDriver(t *testing.T) {
	t.Parallel()
	for ret, want := range map[nvml.Return]string{
		nvml.ERROR_LIBRARY_NOT_FOUND: "libnvidia-ml.so.1", nvml.ERROR_DRIVER_NOT_LOADED: "not loaded", nvml.ERROR_LIB_RM_VERSION_MISMATCH: "restart",
		nvml.ERROR_NO_PERMISSION: "/dev/nvidia", nvml.ERROR_UNKNOWN: "does not open",
	} {
		tries := 0
		p := newProber(&mock.Interface{InitFunc: func() nvml.Return { tries++; return ret }}) // anything else panics
		for range 3 {
			devices, note, err := p.Probe(t.Context())
			if devices != nil || err != nil || !strings.Contains(note, want) {
				t.Errorf("%v: %q %v", ret, note, err)
			}
		}
		if tries != 1 {
			t.Errorf("%v: it was opened %d times", ret, tries)
		}
	}
	b := newBox(dgxa100.New())
	b.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.SUCCESS }
	if _, note, err := newProber(b).Probe(t.Context()); !strings.Contains(note, "no GPU") || err != nil {
		t.Errorf("%q %v", note, err)
	}
	b.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.ERROR_UNKNOWN }
	if _, _, err := newProber(b).Probe(t.Context()); err == nil {
		t.Error("it says nothing")
	}
}

// TestHere asks the driver of this machine, if there is one: it does not end the process.
func TestHere(t *testing.T) {
	t.Parallel()
	devices, note, err := New().Probe(context.Background())
	t.Logf("%d devices, %q, %v", len(devices), note, err)
	for _, d := range devices {
		gputest.Sane(t, d)
	}
	if len(devices) == 0 && note == "" && err == nil {
		t.Error("there is nothing, and no reason")
	}
}
