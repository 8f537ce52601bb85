package guest

import (
	"unsafe"

	"github.com/myspinbot/spinbot/sdk"
)

// current is set by Main and never changes; input and output are the regions last handed out.
var (
	current       *runner
	input, output []byte
)

// Main offers the plugin's nodes to the host. It is to be called by main, or by an init function, and returns.
func Main(p sdk.Plugin) { current = newRunner(p) }

// Go does not run main of a reactor, so the first call from outside does.
//
//go:linkname programMain main.main
func programMain()

func ready() {
	if current == nil {
		programMain()
	}
	if current == nil {
		panic("main does not call guest.Main")
	}
}

// abi is called once, before anything else: what it sets up belongs to the state that the host brings back.
//
//go:wasmexport spinbot_abi
func abi() int32 {
	ready()
	return abiVersion
}

//go:wasmexport spinbot_describe
func describe() int64 {
	ready()
	output = current.plugin.Manifest().AppendJSON(output[:0])
	return region(output)
}

//go:wasmexport spinbot_alloc
func alloc(length int32) int32 {
	if n := int(uint32(length)); cap(input) < n || cap(input) > keep {
		input = make([]byte, n, max(n, 4<<10))
	} else {
		input = input[:n]
	}
	return int32(uintptr(unsafe.Pointer(unsafe.SliceData(input))))
}

// keep is the size up to which buffers are kept for the next task.
const keep = 1 << 20

//go:wasmexport spinbot_run
func run(_, length int32) int64 {
	ready()
	if cap(output) > keep {
		output = nil
	}
	t, err := DecodeTask(input[:uint32(length)])
	if err != nil {
		output = AppendOutcome(output[:0], Outcome{Err: sdk.AsError(err)})
		return region(output)
	}
	output = AppendOutcome(output[:0], current.run(t.WithReporter(report)))
	return region(output)
}

func region(b []byte) int64 {
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))<<32 | int64(len(b))
}

func report(r sdk.Report) {
	switch r.Kind {
	case sdk.ReportProgress:
		hostProgress(r.Fraction, unsafe.StringData(r.Message), uint32(len(r.Message)))
	case sdk.ReportLog:
		hostLog(level(r.Level), unsafe.StringData(r.Message), uint32(len(r.Message)))
	case sdk.ReportCheckpoint:
		hostCheckpoint(unsafe.SliceData(r.Checkpoint), uint32(len(r.Checkpoint)))
	case sdk.ReportPreview, sdk.ReportCurve, sdk.ReportUsage: // a control node has no way to make a new file, and ends in moments
	}
}

func level(name string) uint32 {
	switch name {
	case "debug":
		return 0
	case "warn":
		return 2
	case "error":
		return 3
	}
	return 1
}

//go:wasmimport spinbot log
//go:noescape
func hostLog(level uint32, text *byte, length uint32)

//go:wasmimport spinbot progress
//go:noescape
func hostProgress(fraction float64, text *byte, length uint32)

//go:wasmimport spinbot checkpoint
//go:noescape
func hostCheckpoint(data *byte, length uint32)
