package meter_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
)

// A program is a guest with one way to run it.
type program struct {
	name, path string
	args       []string
	stdin      string
}

// programs are guests that other compilers made, from wazero's test data, and one that Go makes here.
func programs(t *testing.T) []program {
	t.Helper()
	wasi := func(path ...string) string {
		return wazeroFile(t, append([]string{"imports/wasi_snapshot_preview1"}, path...)...)
	}
	var list []program
	for _, c := range []struct{ name, path string }{
		{"C", wasi("testdata/zig-cc/wasi.wasm")}, {"Rust", wasi("testdata/cargo-wasi/wasi.wasm")},
		{"TinyGo", wasi("testdata/tinygo/wasi.wasm")}, {"Zig", wasi("testdata/zig/wasi.wasm")},
	} {
		for _, args := range [][]string{{"ls", "."}, {"stat"}, {"poll", "0"}, {"ls", "folder", "folder"}, {"preopen"}, {"absent"}} {
			list = append(list, program{c.name, c.path, args, ""})
		}
	}
	for _, c := range []struct{ name, path string }{
		{"C cat", wasi("example/testdata/zig-cc/cat.wasm")}, {"Rust cat", wasi("example/testdata/cargo-wasi/cat.wasm")},
		{"TinyGo cat", wasi("example/testdata/tinygo/cat.wasm")}, {"Zig cat", wasi("example/testdata/zig/cat.wasm")},
	} {
		list = append(list, program{c.name, c.path, []string{"text"}, ""}, program{c.name, c.path, []string{"absent"}, ""})
	}
	return append(list, program{"Go", goGuest(t), []string{"words"}, "the quick brown fox jumps over the lazy dog"})
}

// goGuest builds testdata/guest.
func goGuest(t testing.TB, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", append(append([]string{"build", "-o", out}, flags...), "./testdata/guest")...)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// A meteredRun is what came of one run.
type meteredRun struct {
	stdout, stderr string
	err            string
	memory         []byte
	fuel           int64
	refills        int
}

// run runs a program; slice is how much fuel it gets at once, 0 for a module that is not metered.
func (p program) run(t *testing.T, cache wazero.CompilationCache, code []byte, slice int64) (r meteredRun) {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features).WithCompilationCache(cache))
	defer runtime.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	granted := int64(0)
	offerRefill(t, runtime, func(fuel int64) int64 {
		r.fuel += granted - fuel
		granted = slice
		r.refills++
		return slice
	})
	var stdout, stderr bytes.Buffer
	config := wazero.NewModuleConfig().WithName("").WithArgs(append([]string{"guest"}, p.args...)...).WithStartFunctions().
		WithStdin(bytes.NewReader([]byte(p.stdin))).WithStdout(&stdout).WithStderr(&stderr).
		WithRandSource(bytes.NewReader(make([]byte, 1<<20))).
		WithWalltime(func() (int64, int32) { return 1e9, 0 }, 1).WithNanotime(func() int64 { return 1 }, 1).WithNanosleep(func(int64) {}).
		WithFSConfig(wazero.NewFSConfig().WithReadOnlyDirMount("testdata/files", "/"))
	compiled, err := runtime.CompileModule(ctx, code)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	m, err := runtime.InstantiateModule(ctx, compiled, config)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	_, err = m.ExportedFunction("_start").Call(ctx)
	r.stdout, r.stderr, r.err = stdout.String(), stderr.String(), firstLine(err)
	r.memory = slices.Clone(memoryOf(m))
	if slice > 0 {
		r.fuel += granted - int64(m.ExportedGlobal(meter.Fuel).Get())
	}
	return r
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func rewrite(t testing.TB, code []byte) []byte {
	t.Helper()
	metered, err := meter.Rewrite(code)
	if err != nil {
		t.Fatal(err)
	}
	return metered
}

// TestGuests: guests in C, Rust, Zig, TinyGo and Go do the same with and without a meter, and use the same fuel
// however they are given it.
func TestGuests(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	cache := wazero.NewCompilationCache()
	defer cache.Close(t.Context())
	spoke := 0
	for _, p := range programs(t) {
		code := read(t, p.path)
		metered := rewrite(t, code)
		plain := p.run(t, cache, code, 0)
		big, small := p.run(t, cache, metered, 1<<30), p.run(t, cache, metered, 777)
		for _, got := range []meteredRun{big, small} {
			if got.stdout != plain.stdout || got.stderr != plain.stderr || got.err != plain.err {
				t.Errorf("%s %v: metered %q %q %q, plain %q %q %q",
					p.name, p.args, got.stdout, got.stderr, got.err, plain.stdout, plain.stderr, plain.err)
			}
			if !bytes.Equal(got.memory, plain.memory) {
				t.Errorf("%s %v: the memories differ", p.name, p.args)
			}
		}
		if big.fuel != small.fuel || small.fuel == 0 {
			t.Errorf("%s %v: %d units at once, %d in %d slices", p.name, p.args, big.fuel, small.fuel, small.refills)
		}
		spoke += len(plain.stdout)
		t.Logf("%-10s %-20s %8d units, prints %d bytes, %s", p.name, fmt.Sprint(p.args), big.fuel, len(plain.stdout), plain.err)
	}
	if spoke < 100 {
		t.Error("the guests say too little to be compared")
	}
}

// TestFuzzcases: the modules on which compilers of WebAssembly stumbled before, each export called with zeros.
func TestFuzzcases(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	dir := wazeroFile(t, "internal/integration_test/fuzzcases/testdata")
	paths, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d modules, %v", len(paths), err)
	}
	compared := 0
	for _, path := range paths {
		code := read(t, path)
		metered, err := meter.Rewrite(code)
		if err != nil {
			t.Logf("%s: %v", filepath.Base(path), err)
			continue
		}
		got := callAll(t, metered, true)
		if slices.Contains(got, outOfFuel) {
			continue
		}
		if want := callAll(t, code, false); !slices.Equal(got, want) {
			t.Errorf("%s: metered %q, plain %q", filepath.Base(path), got, want)
		}
		compared++
	}
	if compared < 40 {
		t.Errorf("only %d of %d were compared", compared, len(paths))
	}
}

const outOfFuel = "out of fuel"

// callAll calls each exported function with zeros and says what came of it, and of the memory.
func callAll(t testing.TB, code []byte, metered bool) (said []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features).
		WithMemoryLimitPages(64).WithCloseOnContextDone(!metered))
	defer runtime.Close(context.Background())
	if metered {
		refills := 0
		offerRefill(t, runtime, func(int64) int64 {
			if refills++; refills > 1000 {
				panic(outOfFuel)
			}
			return 10_000
		})
	}
	compiled, err := runtime.CompileModule(ctx, code)
	if err != nil {
		return []string{"invalid"}
	}
	m, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return []string{"not made"}
	}
	names := []string{}
	for name := range m.ExportedFunctionDefinitions() {
		if name != meter.Save && name != meter.Restore {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		f := m.ExportedFunction(name)
		params := 0
		for _, p := range f.Definition().ParamTypes() {
			if params++; p == 0x7b {
				params++
			}
		}
		results, err := f.Call(ctx, make([]uint64, params)...)
		line := firstLine(err)
		if len(line) >= len(outOfFuel) && line[:len(outOfFuel)] == outOfFuel {
			return append(said, outOfFuel)
		}
		for i, kind := range f.Definition().ResultTypes() {
			if (kind == 0x70 || kind == api.ValueTypeExternref) && i < len(results) && results[i] != 0 {
				results[i] = 1
			}
		}
		said = append(said, fmt.Sprint(name, results, line))
	}
	return append(said, fmt.Sprintf("%x", checksum(memoryOf(m))))
}

func checksum(b []byte) (sum uint64) {
	for _, c := range b {
		sum = sum*1099511628211 + uint64(c)
	}
	return sum
}

func isValid(t testing.TB, code []byte) bool {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	defer runtime.Close(ctx)
	_, err := runtime.CompileModule(ctx, code)
	return err == nil
}
