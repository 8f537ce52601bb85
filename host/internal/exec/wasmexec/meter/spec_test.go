package meter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
)

// wazeroDir is the source of wazero, with its test data: the specification's tests, and guests made by many compilers.
var wazeroDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir == "" {
		err = errors.New("wazero's source is not there")
	} else {
		return dir, err
	}
	return "", err
})

func wazeroFile(t testing.TB, path ...string) string {
	t.Helper()
	dir, err := wazeroDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{dir}, path...)...)
}

const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// script is a test of the specification, as wast2json writes it.
type script struct {
	Commands []command `json:"commands"`
}

type command struct {
	Type       string `json:"type"`
	Line       int    `json:"line"`
	Name       string `json:"name"`
	Filename   string `json:"filename"`
	As         string `json:"as"`
	ModuleType string `json:"module_type"`
	Action     struct {
		Type   string  `json:"type"`
		Field  string  `json:"field"`
		Module string  `json:"module"`
		Args   []value `json:"args"`
	} `json:"action"`
}

type value struct {
	Type  string `json:"type"`
	Lane  string `json:"lane_type"`
	Value any    `json:"value"`
}

// bits are a value as wazero takes it.
func (v value) bits(t *testing.T) []uint64 {
	t.Helper()
	if v.Type != "v128" {
		text, _ := v.Value.(string)
		n := number(t, text)
		if v.Type == "externref" && text != "null" && text != "" {
			n++ // 0 is null
		}
		return []uint64{n}
	}
	lanes := v.Value.([]any)
	width := 128 / len(lanes)
	var out [2]uint64
	for i, lane := range lanes {
		at := i * width
		out[at/64] |= number(t, lane.(string)) & (math.MaxUint64 >> (64 - width)) << (at % 64)
	}
	return out[:]
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	if s == "" || s == "null" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return uint64(n)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A world runs the modules of a script, as they are or metered.
type world struct {
	runtime wazero.Runtime
	meter   bool
	modules map[string]api.Module
	last    api.Module
	spent   uint64 // fuel
	granted int64
	refills int
}

func newWorld(t *testing.T, metered bool) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{
		runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features)),
		meter:   metered, modules: map[string]api.Module{},
	}
	t.Cleanup(func() { _ = w.runtime.Close(ctx) })
	if metered {
		offerRefill(t, w.runtime, func(fuel int64) int64 {
			w.refills++
			w.spent += uint64(w.granted - fuel)
			w.granted = 100
			return w.granted
		})
	}
	code, err := os.ReadFile(wazeroFile(t, "internal/integration_test/spectest/testdata/spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.runtime.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig()); err != nil {
		t.Fatal(err)
	}
	return w
}

func offerRefill(t testing.TB, r wazero.Runtime, refill func(fuel int64) int64) {
	t.Helper()
	_, err := r.NewHostModuleBuilder(meter.Host).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] = uint64(refill(int64(stack[0]))) }),
			[]api.ValueType{api.ValueTypeI64}, []api.ValueType{api.ValueTypeI64}).Export(meter.Refill).Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
}

// do carries out a command and says what came of it.
func (w *world) do(t *testing.T, dir string, c command) string {
	t.Helper()
	switch c.Type {
	case "module", "assert_uninstantiable", "assert_invalid", "assert_malformed", "assert_unlinkable":
		return w.instantiate(t, filepath.Join(dir, c.Filename), c)
	case "assert_return", "action", "assert_trap", "assert_exhaustion":
	default:
		t.Fatalf("line %d: unknown command %s", c.Line, c.Type)
	}
	m := w.last
	if c.Action.Module != "" {
		m = w.modules[c.Action.Module]
	}
	if c.Action.Type == "get" {
		return m.ExportedGlobal(c.Action.Field).String()
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.bits(t)...)
	}
	f := m.ExportedFunction(c.Action.Field)
	results, err := f.Call(t.Context(), args...)
	for i, kind := range f.Definition().ResultTypes() {
		if kind == 0x70 && i < len(results) && results[i] != 0 { // a function's address
			results[i] = 1
		}
	}
	return fmt.Sprint(results, firstLine(err))
}

func (w *world) instantiate(t *testing.T, path string, c command) string {
	t.Helper()
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	valid := c.Type == "module" || c.Type == "assert_uninstantiable" || c.Type == "assert_unlinkable"
	if w.meter {
		metered, err := meter.Rewrite(code)
		switch {
		case err == nil:
			code = metered
		case valid:
			t.Errorf("line %d: %s: %v", c.Line, c.Filename, err)
		default:
			return "refused"
		}
	}
	m, err := w.runtime.InstantiateWithConfig(t.Context(), code, wazero.NewModuleConfig().WithName(c.As))
	if err != nil {
		if !valid {
			return "refused"
		}
		line := firstLine(err)
		return line[strings.Index(line, "failed: ")+1:] // before it stands an index
	}
	w.last = m
	if c.Name != "" {
		w.modules[c.Name] = m
	}
	return "made"
}

// state is what can be seen of the last module from outside.
func (w *world) state() []byte {
	if w.last == nil {
		return nil
	}
	return memoryOf(w.last)
}

func memoryOf(m api.Module) []byte {
	if m.Memory() == nil || len(m.ExportedMemoryDefinitions()) == 0 { // wazero gives a nil that is none
		return nil
	}
	memory, _ := m.Memory().Read(0, m.Memory().Size())
	return memory
}

func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// TestSpecification: the tests of the specification give the same with and without a meter: results, traps, memory.
func TestSpecification(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	commands := 0
	for _, dir := range []string{"v2", "tail-call", "extended-const"} { // v2 has all of v1
		dir = wazeroFile(t, "internal/integration_test/spectest", dir, "testdata")
		scripts, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || len(scripts) == 0 {
			t.Fatalf("no scripts in %s: %v", dir, err)
		}
		for _, path := range scripts {
			commands += runScript(t, path)
		}
	}
	if commands < 20_000 {
		t.Errorf("only %d commands were run", commands)
	}
}

func runScript(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	var s script
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Run(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+filepath.Base(path), func(t *testing.T) {
		t.Parallel()
		plain, metered := newWorld(t, false), newWorld(t, true)
		for i, c := range s.Commands {
			if c.Type == "register" || c.ModuleType == "text" {
				continue
			}
			if c.Type == "module" && i+1 < len(s.Commands) && s.Commands[i+1].Type == "register" {
				c.As = s.Commands[i+1].As
			}
			want, got := plain.do(t, filepath.Dir(path), c), metered.do(t, filepath.Dir(path), c)
			if want != got {
				t.Errorf("line %d: %s %s %s: metered %q, plain %q", c.Line, c.Type, c.Filename, c.Action.Field, got, want)
			}
		}
		if !bytes.Equal(plain.state(), metered.state()) {
			t.Error("the memories differ")
		}
	})
	return len(s.Commands)
}
