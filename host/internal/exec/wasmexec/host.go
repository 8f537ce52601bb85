package wasmexec

import (
	"context"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	hostModule = "spinbot"
	wasiModule = "wasi_snapshot_preview1"
)

type sandboxKey struct{}

// hostFunc is a function of the module "spinbot". Its result, if it has one, goes to stack[0].
type hostFunc struct {
	name            string
	params, results []api.ValueType
	do              func(ctx context.Context, s *sandbox, m api.Module, stack []uint64)
}

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
	f64 = api.ValueTypeF64
)

var hostFuncs = []hostFunc{
	{"log", []api.ValueType{i32, i32, i32}, nil, hostLog},
	{"progress", []api.ValueType{f64, i32, i32}, nil, hostProgress},
	{"checkpoint", []api.ValueType{i32, i32}, nil, hostCheckpoint},
	{"random", []api.ValueType{i32, i32}, nil, hostRandom},
	{"now", nil, []api.ValueType{i64}, hostNow},
	{"http", []api.ValueType{i32, i32}, []api.ValueType{i32}, hostHTTP},
	{"kv", []api.ValueType{i32, i32}, []api.ValueType{i32}, hostKV},
	{"take", []api.ValueType{i32}, nil, hostTake},
}

// offerHost adds the module "spinbot" that sdk/guest imports.
func offerHost(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(hostModule)
	for _, f := range hostFuncs {
		b = b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, stack []uint64) {
			if s, ok := ctx.Value(sandboxKey{}).(*sandbox); ok {
				f.do(ctx, s, m, stack)
			} else if f.results != nil {
				stack[0] = 0
			}
		}), f.params, f.results).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

var levels = [...]string{"debug", "info", "warn", "error"}

func hostLog(_ context.Context, s *sandbox, m api.Module, stack []uint64) {
	level := min(api.DecodeU32(stack[0]), uint32(len(levels)-1))
	s.report(sdk.Report{Kind: sdk.ReportLog, Level: levels[level], Message: string(bytesAt(m, stack[1], stack[2], lineSize))})
}

func hostProgress(_ context.Context, s *sandbox, m api.Module, stack []uint64) {
	fraction := min(max(api.DecodeF64(stack[0]), -1), 1)
	if fraction != fraction { // NaN
		fraction = -1
	}
	s.report(sdk.Report{Kind: sdk.ReportProgress, Fraction: fraction, Message: string(bytesAt(m, stack[1], stack[2], lineSize))})
}

func hostCheckpoint(_ context.Context, s *sandbox, m api.Module, stack []uint64) {
	if n := api.DecodeU32(stack[1]); n > sdk.MaxCheckpoint {
		panic(fmt.Errorf("a checkpoint of %s: at most %s are kept", size(int64(n)), size(sdk.MaxCheckpoint)))
	}
	data := append([]byte(nil), bytesAt(m, stack[0], stack[1], sdk.MaxCheckpoint)...)
	s.report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: data})
}

func hostRandom(_ context.Context, s *sandbox, m api.Module, stack []uint64) {
	_, _ = s.random.Read(bytesAt(m, stack[0], stack[1], math.MaxUint32)) // never fails
}

func hostNow(_ context.Context, s *sandbox, _ api.Module, stack []uint64) { stack[0] = uint64(s.now) }

func hostHTTP(_ context.Context, s *sandbox, m api.Module, stack []uint64) {
	s.while(func(ctx context.Context) { stack[0] = api.EncodeU32(s.outside(grant.HTTP, m, stack, s.http(ctx))) })
}

func hostKV(_ context.Context, s *sandbox, m api.Module, stack []uint64) {
	s.while(func(ctx context.Context) { stack[0] = api.EncodeU32(s.outside(grant.KV, m, stack, s.kv(ctx))) })
}

func hostTake(_ context.Context, s *sandbox, m api.Module, stack []uint64) {
	if b := s.take(); !m.Memory().Write(api.DecodeU32(stack[0]), b) {
		panic(fmt.Errorf("an answer of %d bytes at %d is outside the guest's memory", len(b), api.DecodeU32(stack[0])))
	}
}

// bytesAt gives at most most bytes of the guest's memory; they are the guest's. A region outside it traps.
func bytesAt(m api.Module, address, length uint64, most uint32) []byte {
	b, ok := m.Memory().Read(api.DecodeU32(address), min(api.DecodeU32(length), most))
	if !ok {
		panic(fmt.Errorf("%d bytes at %d are outside the guest's memory", api.DecodeU32(length), api.DecodeU32(address)))
	}
	return b
}
