package wasmexec

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

func probe(t *testing.T, c Config) *Executor {
	t.Helper()
	return newExecutor(t, build(t, "./testdata/probe", "-buildmode=c-shared"), c)
}

func outputs(t *testing.T, e *Executor, in *sdk.Task) sdk.Values {
	t.Helper()
	r, err := e.Execute(t.Context(), in)
	if err != nil {
		t.Fatalf("%s: %v", in.Type, err)
	}
	return r.Outputs
}

func fails(t *testing.T, e *Executor, in *sdk.Task) *sdk.Error {
	t.Helper()
	_, err := e.Execute(t.Context(), in)
	if err == nil {
		t.Fatalf("%s succeeds", in.Type)
	}
	return sdk.AsError(err)
}

// TestWorld: a task sees its own time and seed, and nothing else that differs from one machine or moment to the next.
func TestWorld(t *testing.T) {
	t.Parallel()
	task := func(seed uint64) *sdk.Task {
		in := exectest.Task("test.world", nil)
		in.Time, in.Seed = time.Date(2026, 3, 1, 10, 0, 0, 123456789, time.UTC), seed
		return in
	}
	e := probe(t, Config{})
	began := time.Now()
	first := outputs(t, e, task(7))
	if took := time.Since(began); took > time.Minute {
		t.Errorf("sleeping for an hour took %v", took)
	}
	for name, want := range map[string]any{
		"now": "2026-03-01T10:00:00.123456789Z", "later": "2026-03-01T11:00:00.123456789Z", "slept": json.Number("3600000000000"),
	} {
		if first[name] != want {
			t.Errorf("%s is %v, want %v", name, first[name], want)
		}
	}
	for _, name := range []string{"environment", "escapes"} {
		if list, _ := first[name].([]any); len(list) > 0 {
			t.Errorf("%s: %v", name, list)
		}
	}
	e = probe(t, Config{})
	if again := outputs(t, e, task(7)); !reflect.DeepEqual(again, first) {
		t.Errorf("elsewhere it sees %v, not %v", again, first)
	}
	if other := outputs(t, e, task(8)); other["random"] == first["random"] {
		t.Error("the seed changes nothing")
	}
}

// TestTenants: what a task leaves in memory is seen by later tasks of the same owner and pipeline, and by no others.
func TestTenants(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{})
	for k, c := range []struct {
		owner, pipeline string
		fresh           bool
	}{{"ada", "film", true}, {"ada", "film", false}, {"grace", "film", true}, {"ada", "song", true}} {
		in := exectest.Task("test.count", nil)
		in.Owner, in.Pipeline = c.owner, c.pipeline
		got := outputs(t, e, in)["tasks"]
		if (got == json.Number("1")) != c.fresh {
			t.Errorf("%d: %s in %s is task %v of its instance", k, c.owner, c.pipeline, got)
		}
	}
}

// TestLoop: a guest that loops is stopped at its deadline; meanwhile others run, and the collector too.
func TestLoop(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{})
	outputs(t, e, exectest.Task("test.count", nil)) // compiled
	ended := make(chan *sdk.Error, 1)
	go func() {
		_, err := e.Execute(t.Context(), withLimits("test.loop", sdk.Limits{Time: time.Second}))
		ended <- sdk.AsError(err)
	}()
	for {
		outputs(t, e, exectest.Task("test.count", nil))
		runtime.GC()
		select {
		case got := <-ended:
			if got.Cause != sdk.CauseHung || !strings.Contains(got.Message, "test.loop") {
				t.Errorf("got %#v", got)
			}
			outputs(t, e, exectest.Task("test.count", nil))
			return
		default:
		}
	}
}

func TestLoopCancelled(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{Limits: sdk.Limits{Time: time.Hour}, Ceilings: sdk.Limits{Time: time.Hour}})
	outputs(t, e, exectest.Task("test.count", nil))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.Execute(ctx, exectest.Task("test.loop", nil)); err == nil {
		t.Error("it returns without an error")
	}
}

// TestLimits: memory, output and reports have limits, and the instance after one that broke them is as new.
func TestLimits(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{Limits: sdk.Limits{Output: 1 << 20}})
	if got := fails(t, e, exectest.Task("test.greedy", nil)); !strings.Contains(got.Message, "memory") || !strings.Contains(got.Message, "test.greedy") || got.Hint == "" {
		t.Errorf("got %#v", got)
	}
	if got := fails(t, e, exectest.Task("test.big", nil)); !strings.Contains(got.Message, "test.big") || got.Hint == "" {
		t.Errorf("got %#v", got)
	}
	reports := 0
	outputs(t, e, exectest.Task("test.talk", nil).WithReporter(func(sdk.Report) { reports++ }))
	if reports < 1000 || reports > 10_001 {
		t.Errorf("%d reports were passed on", reports)
	}
	if got := outputs(t, e, exectest.Task("test.count", nil))["tasks"]; got != json.Number("1") {
		t.Errorf("it is task %v of its instance", got)
	}
}

// section writes a section of a module by hand.
func section(id byte, content ...byte) string {
	return string(append([]byte{id, byte(len(content))}, content...))
}

const header = "\x00asm\x01\x00\x00\x00"

// TestRefusedModules: what is no module, was altered or wants more than it may is refused, with what to do.
func TestRefusedModules(t *testing.T) {
	t.Parallel()
	void := section(1, 1, 0x60, 0, 0)
	for _, c := range []struct{ name, code, sum, message string }{
		{"text", "Dear host, let me in", "", "not a WASM module"},
		{"cut off", header + "\x01\x7f", "", "not a valid WASM module"},
		{"altered", header, strings.Repeat("0", 64), "altered"},
		{"unknown import", header + void + section(2, append([]byte{1, 3, 'e', 'n', 'v', 4, 'e', 'x', 'e', 'c'}, 0, 0)...), "", "env"},
		{"exports nothing", header, "", "_start"},
		{"huge table", header + section(4, 1, 0x70, 0, 0x80, 0x80, 0x80, 0x01), "", "table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := Module{Bytes: []byte(c.code), SHA256: c.sum}
			if c.sum == "" {
				m.SHA256 = checksum(m.Bytes)
			}
			e := New(Config{Resolve: func(string) (Module, error) { return m, nil }})
			defer e.Close()
			got := fails(t, e, exectest.Task("test.x", nil))
			if !strings.Contains(got.Message, c.message) || got.Cause != sdk.CauseRefused || !got.Permanent {
				t.Errorf("got %#v, want %q", got, c.message)
			}
		})
	}
}

// TestDamagedCache: compiled modules that were cut short or overwritten are compiled anew.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it compiles again and again")
	}
	dir := t.TempDir()
	code := build(t, "./testdata/command")
	run := func() error {
		e := New(patient(Config{CacheDir: dir, Resolve: func(string) (Module, error) { return Module{Bytes: code, SHA256: checksum(code)}, nil }}))
		_, err := e.Execute(t.Context(), exectest.Task("test.echo", sdk.Values{"value": "x"}))
		return errors.Join(err, e.Close())
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	damaged := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		damaged++
		return os.WriteFile(path, []byte("no code"), 0o600)
	})
	if err != nil || damaged == 0 {
		t.Fatalf("%d files in the cache, %v", damaged, err)
	}
	if err := run(); err != nil {
		t.Error(err)
	}
}

// TestClosed: an executor that was closed takes no task, and says that the host stops.
func TestClosed(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fails(t, e, exectest.Task("test.count", nil)); got.Cause != sdk.CauseDrained {
		t.Errorf("got %#v", got)
	}
	if err := e.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}
