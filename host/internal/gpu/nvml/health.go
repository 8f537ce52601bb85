//go:build linux && cgo

package nvml

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// health says whether the device may be used: what it reported, and what its memory says of itself.
func (r *reader) health(d *device.Device) {
	warn := func(format string, args ...any) {
		if d.Warning != "" {
			d.Warning += "; "
		}
		d.Warning += fmt.Sprintf(format, args...)
	}
	r.errors(d, warn)
	if r.has("nvmlDeviceGetRemappedRows") {
		switch _, _, pending, failed, ret := r.dev.GetRemappedRows(); {
		case ret != nvml.SUCCESS:
		case failed:
			d.Ill = "a row of its memory is broken and cannot be replaced any more: the device is to be replaced"
		case pending:
			warn("a row of its memory is to be replaced: reset it when it is idle (nvidia-smi --gpu-reset)")
		}
	}
	if on, ok := figure(r, "nvmlDeviceGetRetiredPagesPendingStatus", r.dev.GetRetiredPagesPendingStatus); ok && on == nvml.FEATURE_ENABLED {
		warn("pages of its memory are to be retired: reset it when it is idle (nvidia-smi --gpu-reset)")
	}
	if r.events == nil {
		return
	}
	r.events.watch(d.UUID, r.dev)
	if xid, ok := r.events.warnings[d.UUID]; ok {
		warn("%s", xid)
	}
	if xid, ok := r.events.ill[d.UUID]; ok {
		d.Ill = xid
	}
}

// errors looks at those that the memory could not correct. Those of before are a warning; new ones make it ill.
func (r *reader) errors(d *device.Device, warn func(string, ...any)) {
	n, ok := figure(r, "nvmlDeviceGetTotalEccErrors", func() (uint64, nvml.Return) {
		return r.dev.GetTotalEccErrors(nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.VOLATILE_ECC)
	})
	if !ok {
		return
	}
	before, known := r.before[d.UUID]
	if !known || n < before { // a reset begins to count anew
		before = n
		r.before[d.UUID] = n
	}
	if n > before {
		d.Ill = fmt.Sprintf("%d new errors in its memory that could not be corrected: reset it (nvidia-smi --gpu-reset)", n-before)
	} else if n > 0 {
		warn("%d errors in its memory could not be corrected since the driver was loaded", n)
	}
}

// harmless are the Xids that an application's own mistake causes: the device goes on.
// https://docs.nvidia.com/deploy/xid-errors
var harmless = map[uint64]bool{13: true, 31: true, 43: true, 45: true, 68: true, 109: true}

// mended are the Xids after which the device has helped itself: what ran may have died, the next task may go on.
var mended = map[uint64]string{63: "a row of its memory was replaced", 94: "an error in its memory was contained"}

var xids = map[uint64]string{
	48: "double bit error in its memory", 62: "an internal microcontroller stopped", 64: "a row of its memory could not be replaced",
	74: "NVLink error", 79: "it has fallen off the bus", 95: "uncontained memory error", 119: "its firmware does not answer",
	120: "its firmware failed", 140: "memory error that could not be corrected",
}

// events are the errors that devices report by themselves. What made a device ill is remembered as long as the process.
type events struct {
	set      nvml.EventSet
	watched  map[string]bool
	ill      map[string]string
	warnings map[string]string
}

// newEvents gives nil where the driver has no events.
func newEvents(p *prober) *events {
	for _, symbol := range []string{"nvmlEventSetWait", "nvmlDeviceRegisterEvents", "nvmlDeviceGetSupportedEventTypes"} {
		if !p.has(symbol) {
			return nil
		}
	}
	set, ok := ask(p, "nvmlEventSetCreate", p.lib.EventSetCreate)
	if !ok {
		return nil
	}
	return &events{set: set, watched: map[string]bool{}, ill: map[string]string{}, warnings: map[string]string{}}
}

// watch asks to be told of a device's errors, once.
func (e *events) watch(uuid string, dev nvml.Device) {
	if e.watched[uuid] || uuid == "" {
		return
	}
	e.watched[uuid] = true
	types, ret := dev.GetSupportedEventTypes()
	if types &= nvml.EventTypeXidCriticalError | nvml.EventTypeDoubleBitEccError; ret != nvml.SUCCESS || types == 0 {
		return
	}
	_ = dev.RegisterEvents(types, e.set) // where it is refused nothing is told
}

// most is how many events are taken in at once: a device in distress may have no end of them.
const most = 64

// collect takes what has been reported, without waiting.
func (e *events) collect() {
	if e == nil {
		return
	}
	for range most {
		data, ret := e.set.Wait(0)
		if ret != nvml.SUCCESS {
			return
		}
		e.take(data)
	}
}

func (e *events) take(data nvml.EventData) {
	if data.Device == nil {
		return
	}
	uuid, ret := data.Device.GetUUID()
	if ret != nvml.SUCCESS {
		return
	}
	if data.EventType == nvml.EventTypeDoubleBitEccError {
		data.EventData = 48
	}
	xid := data.EventData
	if what, ok := mended[xid]; ok {
		e.warnings[uuid] = fmt.Sprintf("Xid %d: %s", xid, what)
		return
	}
	if harmless[xid] {
		return
	}
	what := xids[xid]
	if what == "" {
		what = "see https://docs.nvidia.com/deploy/xid-errors"
	}
	e.ill[uuid] = fmt.Sprintf("Xid %d: %s", xid, what)
}
