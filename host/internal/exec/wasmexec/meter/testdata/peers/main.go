// Command peers compares, on the same module in one run, what a call costs: wazero as it is, wazero that stops guests
// by their context, metered, and Extism with a deadline. It prints medians of CPU time, and of the ratios of rounds that
// followed each other, as lines of a Go benchmark.
//
//	GOWORK=off go run . guest.wasm
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"golang.org/x/sys/unix"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
)

const (
	rounds = 41
	round  = 20 * time.Millisecond
	slice  = 250_000
)

// A peer calls an export of the guest.
type peer struct {
	name string
	call func(export string)
}

func main() {
	ctx := context.Background()
	code, err := os.ReadFile(os.Args[1])
	check(err)
	var rewriting []float64
	var metered []byte
	for range 9 {
		began := cpu()
		metered, err = meter.Rewrite(code)
		check(err)
		rewriting = append(rewriting, float64(cpu()-began)/1e6)
	}
	fmt.Printf("BenchmarkRewrite 1 %.1f cpu-ms %.1f MB %.1f %%-larger\n", median(rewriting), float64(len(code))/1e6, 100*(float64(len(metered))/float64(len(code))-1))
	peers := []peer{
		{"metered", raw(ctx, metered, false)}, {"wazero", raw(ctx, code, false)},
		{"closing", raw(ctx, code, true)}, {"extism", withExtism(ctx, code)},
	}
	for _, export := range []string{"codec", "json", "loop"} {
		compare(export, peers)
	}
}

func compare(export string, peers []peer) {
	took := make([][]float64, len(peers))
	ratios := make([][]float64, len(peers))
	for range rounds {
		for i, p := range peers {
			n, began, until := 0, cpu(), time.Now().Add(round)
			for time.Now().Before(until) {
				p.call(export)
				n++
			}
			took[i] = append(took[i], float64(cpu()-began)/1e3/float64(n))
		}
		for i := range peers {
			last := len(took[i]) - 1
			ratios[i] = append(ratios[i], took[i][last]/took[0][last])
		}
	}
	fmt.Printf("BenchmarkPeers/%s 1", export)
	for i, p := range peers {
		fmt.Printf(" %.1f %s-us", median(took[i]), p.name)
	}
	for i, p := range peers[1:] {
		fmt.Printf(" %.2f %s-of-metered", median(ratios[i+1]), p.name)
	}
	fmt.Println()
}

func raw(ctx context.Context, code []byte, closing bool) func(string) {
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCloseOnContextDone(closing))
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	refill := api.GoFunc(func(ctx context.Context, stack []uint64) {
		if ctx.Err() != nil {
			panic(ctx.Err())
		}
		stack[0] = slice
	})
	i64 := []api.ValueType{api.ValueTypeI64}
	_, err := r.NewHostModuleBuilder(meter.Host).NewFunctionBuilder().WithGoFunction(refill, i64, i64).Export(meter.Refill).Instantiate(ctx)
	check(err)
	m, err := r.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	check(err)
	functions := map[string]api.Function{}
	for name := range m.ExportedFunctionDefinitions() {
		functions[name] = m.ExportedFunction(name)
	}
	return func(export string) {
		inner, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		var stack [1]uint64
		check(functions[export].CallWithStack(inner, stack[:]))
		if stack[0] != 0 {
			panic(export)
		}
	}
}

func withExtism(ctx context.Context, code []byte) func(string) {
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: code}}, Timeout: 60_000}
	p, err := extism.NewPlugin(ctx, manifest, extism.PluginConfig{EnableWasi: true}, nil)
	check(err)
	return func(export string) {
		_, _, err := p.Call(export, nil)
		check(err)
	}
}

func cpu() int64 {
	var t unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t))
	return t.Nano()
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
