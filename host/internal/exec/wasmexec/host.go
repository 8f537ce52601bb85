package wasmexec

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	hostModule = "spinbot"
	wasiModule = "wasi_snapshot_preview1"
)

type sandboxKey struct{}

// offerHost adds the module "spinbot" that sdk/guest imports.
func offerHost(ctx context.Context, r wazero.Runtime) error {
	i32, f64 := api.ValueTypeI32, api.ValueTypeF64
	b := r.NewHostModuleBuilder(hostModule)
	add := func(name string, params []api.ValueType, fn func(s *sandbox, m api.Module, stack []uint64)) {
		b = b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, stack []uint64) {
			if s, ok := ctx.Value(sandboxKey{}).(*sandbox); ok {
				fn(s, m, stack)
			}
		}), params, nil).Export(name)
	}
	add("log", []api.ValueType{i32, i32, i32}, hostLog)
	add("progress", []api.ValueType{f64, i32, i32}, hostProgress)
	add("checkpoint", []api.ValueType{i32, i32}, hostCheckpoint)
	_, err := b.Instantiate(ctx)
	return err
}

var levels = [...]string{"debug", "info", "warn", "error"}

func hostLog(s *sandbox, m api.Module, stack []uint64) {
	level := min(api.DecodeU32(stack[0]), uint32(len(levels)-1))
	s.report(sdk.Report{Kind: sdk.ReportLog, Level: levels[level], Message: string(bytesAt(m, stack[1], stack[2], lineSize))})
}

func hostProgress(s *sandbox, m api.Module, stack []uint64) {
	fraction := min(max(api.DecodeF64(stack[0]), -1), 1)
	if fraction != fraction { // NaN
		fraction = -1
	}
	s.report(sdk.Report{Kind: sdk.ReportProgress, Fraction: fraction, Message: string(bytesAt(m, stack[1], stack[2], lineSize))})
}

func hostCheckpoint(s *sandbox, m api.Module, stack []uint64) {
	if n := api.DecodeU32(stack[1]); n > sdk.MaxCheckpoint {
		panic(fmt.Errorf("a checkpoint of %s: at most %s are kept", size(int64(n)), size(sdk.MaxCheckpoint)))
	}
	data := append([]byte(nil), bytesAt(m, stack[0], stack[1], sdk.MaxCheckpoint)...)
	s.report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: data})
}

// bytesAt gives at most most bytes of the guest's memory; they are the guest's. A region outside it traps.
func bytesAt(m api.Module, address, length uint64, most uint32) []byte {
	b, ok := m.Memory().Read(api.DecodeU32(address), min(api.DecodeU32(length), most))
	if !ok {
		panic(fmt.Errorf("%d bytes at %d are outside the guest's memory", api.DecodeU32(length), api.DecodeU32(address)))
	}
	return b
}
