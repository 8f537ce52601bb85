package wasmexec_test

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
	"github.com/myspinbot/spinbot/sdk"
)

const sdkDir = "../../../../sdk"

// missing skips a test for want of a program, or fails it in CI.
func missing(t *testing.T, what, install string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing; install it: %s", what, install)
	}
	t.Skipf("SKIPPING: %s is missing; install it: %s", what, install)
}

func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("guests of other languages are compiled without -short only")
	}
}

func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	began := time.Now()
	defer func() { t.Logf("%s %s: %v", name, args[0], time.Since(began)) }()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// buildC compiles one file with spinbot.h, by clang or else by zig.
func buildC(t *testing.T, source string) []byte {
	t.Helper()
	notShort(t)
	out := filepath.Join(t.TempDir(), "c.wasm")
	args := []string{
		"-std=c11", "-O2", "-ffreestanding", "-nostdlib", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
		"-Wl,--no-entry", "-Wl,--strip-all", "-I", filepath.Join(sdkDir, "c"), "-o", out, source,
	}
	switch {
	case targetsWasm(t):
		command(t, ".", "clang", append([]string{"--target=wasm32"}, args...)...)
	case has("zig"):
		command(t, ".", "zig", append([]string{"cc", "-target", "wasm32-freestanding"}, args...)...)
	default:
		missing(t, "a C compiler for WASM", "apt-get install clang lld, or zig")
	}
	return readFile(t, out)
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// targetsWasm says whether clang is there, with its linker; Apple's knows no WASM.
func targetsWasm(t *testing.T) bool {
	t.Helper()
	if !has("clang") || !has("wasm-ld") {
		return false
	}
	out, err := exec.CommandContext(t.Context(), "clang", "--print-targets").Output()
	return err == nil && strings.Contains(string(out), "wasm32")
}

// installAS gives a copy of the kit's example with the compiler installed.
func installAS(t *testing.T) string {
	t.Helper()
	notShort(t)
	if !has("npm") {
		missing(t, "npm", "apt-get install nodejs npm")
	}
	dir, kit := t.TempDir(), filepath.Join(sdkDir, "assemblyscript")
	err := filepath.WalkDir(kit, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "node_modules" {
			return cmp.Or(err, fs.SkipDir)
		}
		to := filepath.Join(dir, strings.TrimPrefix(path, kit))
		if d.IsDir() {
			return os.MkdirAll(to, 0o750)
		}
		return os.WriteFile(to, readFile(t, path), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "example")
	command(t, dir, "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
	return dir
}

// buildAS compiles an entry file in a copy of the kit's example.
func buildAS(t *testing.T, dir, entry string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "as.wasm")
	asc := filepath.Join(dir, "node_modules/assemblyscript/bin/asc.js")
	command(t, dir, "node", append([]string{asc, entry, "--config", "asconfig.json", "--outFile", out}, args...)...)
	return readFile(t, out)
}

func buildGo(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "go.wasm")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-ldflags=-s -w", "-o", out}, args...), ".")...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, text)
	}
	return readFile(t, out)
}

// example is a module that offers one node type, and what its tasks come to.
type example struct {
	code  []byte
	node  string
	cases []exampleCase
}

// exampleCase is one task: its outputs as JSON, or how its error and the hint begin.
type exampleCase struct {
	inputs             sdk.Values
	outputs, err, hint string
}

func TestGoExample(t *testing.T) {
	t.Parallel()
	notShort(t)
	example{buildGo(t, sdkDir+"/examples/slug", "-buildmode=c-shared"), "text.slug", []exampleCase{
		{inputs: sdk.Values{"text": "Hello, World"}, outputs: `{"slug":"hello-world"}`},
		{inputs: sdk.Values{"text": "?"}, err: "the text has no letter", hint: "give a text"},
	}}.run(t)
}

func TestCommandExample(t *testing.T) {
	t.Parallel()
	notShort(t)
	example{buildGo(t, sdkDir+"/examples/wordcount"), "wordcount.top", []exampleCase{
		{inputs: sdk.Values{"text": "To be, or not to be!", "most": json.Number("2")}, outputs: `{"words":[{"count":2,"word":"be"},{"count":2,"word":"to"}]}`},
		{inputs: sdk.Values{"text": "Ü ü"}, outputs: `{"words":[{"count":2,"word":"ü"}]}`},
		{inputs: sdk.Values{"text": ""}, err: "the text has no word", hint: "give a text"},
		{inputs: sdk.Values{"text": true}, err: "the task cannot be read", hint: "see what it takes: spinbot node-types wordcount.top"},
	}}.run(t)
}

func TestC(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ab", 1<<20)
	example{buildC(t, sdkDir+"/c/example/rot13.c"), "rot13.text", []exampleCase{
		{inputs: sdk.Values{"text": "Hello ü"}, outputs: `{"text":"Uryyb ü"}`},
		{inputs: sdk.Values{"text": long}, outputs: `{"text":"` + strings.Repeat("no", 1<<20) + `"}`},
		{inputs: sdk.Values{"text": ""}, err: "the text is empty", hint: "give a text"},
		{inputs: sdk.Values{"text": []any{}}, err: "input text: want text, got a list", hint: "see what it takes: spinbot node-types rot13.text"},
		{inputs: sdk.Values{}, err: "input text: is required", hint: "see what it takes: spinbot node-types rot13.text"},
		{inputs: sdk.Values{"text": strings.Repeat(long, 20)}, err: "rot13.text needs more memory than its limit of 64 MiB", hint: "give it less"},
	}}.run(t)
	echo := buildC(t, "testdata/kits/echo.c")
	vectorsHold(t, echo)
	readsFiles(t, echo)
}

func TestAssemblyScript(t *testing.T) {
	t.Parallel()
	dir := installAS(t)
	example{buildAS(t, dir, "assembly/index.ts"), "count.text", []exampleCase{
		{inputs: sdk.Values{"text": "one two\nthree ü😀"}, outputs: `{"lines":2,"words":4}`},
		{inputs: sdk.Values{"text": "one two\nthree", "longer_than": json.Number("3")}, outputs: `{"lines":2,"words":1}`},
		{inputs: sdk.Values{"text": " "}, err: "the text is empty", hint: "give a text"},
		{inputs: sdk.Values{"text": true}, err: "input text: want text, got true", hint: "see what count.text takes: spinbot node-types count.text"},
		{inputs: sdk.Values{}, err: "input text: is required", hint: "see what count.text takes: spinbot node-types count.text"},
		{inputs: sdk.Values{"text": "a", "longer_than": json.Number("0.5")}, err: "input longer_than: want a whole number, got 0.5"},
		{inputs: sdk.Values{"text": strings.Repeat("a ", 20<<20)}, err: "count.text needs more memory than its limit of 64 MiB", hint: "give it less"},
	}}.run(t)
	if err := os.WriteFile(filepath.Join(dir, "assembly/echo.ts"), readFile(t, "testdata/kits/echo.ts"), 0o600); err != nil {
		t.Fatal(err)
	}
	echo := buildAS(t, dir, "assembly/echo.ts", "--optimizeLevel", "0", "--shrinkLevel", "0")
	vectorsHold(t, echo)
	readsFiles(t, echo)
	standIns(t, echo)
}

// run tries the module as hosts use it: it describes itself, works, refuses bad inputs with a hint, is metered, and
// costs the same for every owner.
func (x example) run(t *testing.T) {
	t.Helper()
	e := executor(t, x.code)
	m, err := e.Describe(t.Context(), wasmexec.Module{Bytes: x.code})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.NodeTypes) != 1 || m.NodeTypes[0].Name != x.node || strings.Contains(m.NodeTypes[0].Description, "cannot be metered") {
		t.Errorf("it describes itself as %+v", m)
	}
	for _, c := range x.cases {
		r, err := e.Execute(t.Context(), exectest.Task(x.node, c.inputs))
		if c.err != "" {
			if failed := sdk.AsError(err); err == nil || !strings.HasPrefix(failed.Message, c.err) || !strings.HasPrefix(failed.Hint, c.hint) || !failed.Permanent {
				t.Errorf("%.60v: got %#v, want %q and %q", c.inputs, err, c.err, c.hint)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%.60v: %v", c.inputs, err)
		}
		if got, err := r.Outputs.MarshalJSON(); err != nil || string(got) != c.outputs {
			t.Errorf("%.60v: got %.100s, %v, want %.100s", c.inputs, got, err, c.outputs)
		}
		if v := m.NodeTypes[0].Outputs.Check(r.Outputs); len(v) > 0 {
			t.Errorf("its outputs do not fit its manifest: %v", v)
		}
	}
	first := usage(t, e, x.node, "ada", x.cases[0].inputs)
	again := usage(t, e, x.node, "eve", x.cases[0].inputs)
	if first.Cost == 0 || first.Model == 0 || again.Cost != first.Cost || again.Memory != first.Memory {
		t.Errorf("it used %+v for one owner, %+v for another", first, again)
	}
	t.Logf("%s: a module of %d bytes, %d units of work, %d bytes of memory", x.node, len(x.code), first.Cost, first.Memory)
}

// usage runs a task with a budget and gives what it used.
func usage(t *testing.T, e *wasmexec.Executor, node, owner string, inputs sdk.Values) (u sdk.Usage) {
	t.Helper()
	in := exectest.Task(node, inputs)
	in.Owner, in.Limits.Budget = owner, 1<<40
	_, err := e.Execute(t.Context(), in.WithReporter(func(r sdk.Report) {
		if r.Usage != nil {
			u = *r.Usage
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func executor(t *testing.T, code []byte) *wasmexec.Executor {
	t.Helper()
	e := wasmexec.New(wasmexec.Config{Resolve: func(string) (wasmexec.Module, error) { return wasmexec.Module{Bytes: code}, nil }})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// readsFiles: a guest with the echo nodes reads an input artifact, and no other file.
func readsFiles(t *testing.T, code []byte) {
	t.Helper()
	e := executor(t, code)
	a := sdk.Artifact{Name: "a ü.txt", Path: filepath.Join(t.TempDir(), "a"), Size: 5}
	if err := os.WriteFile(a.Path, []byte("aü\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := e.Execute(t.Context(), exectest.Task("echo.file", sdk.Values{"file": a}))
	if err != nil || r.Outputs["text"] != "aü\r\n" {
		t.Errorf("it reads %q, %v", r.Outputs["text"], err)
	}
	a.Size++ // more than there is
	if _, err := e.Execute(t.Context(), exectest.Task("echo.file", sdk.Values{"file": a})); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a file that is too short: %v", err)
	}
}

// standIns: what AssemblyScript's library wants of its surroundings is there: random numbers of the task's seed, a
// console, and an end that says where.
func standIns(t *testing.T, code []byte) {
	t.Helper()
	e := executor(t, code)
	draw := func(seed uint64) any {
		in := exectest.Task("echo.random", nil)
		in.Seed = seed
		r, err := e.Execute(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return r.Outputs["x"]
	}
	if one, again, other := draw(1), draw(1), draw(2); one != again || one == other {
		t.Errorf("seed 1 gives %v, then %v; seed 2 %v", one, again, other)
	}
	var said []string
	_, err := e.Execute(t.Context(), exectest.Task("echo.throw", nil).WithReporter(func(r sdk.Report) {
		if r.Kind == sdk.ReportLog {
			said = append(said, r.Level+": "+r.Message)
		}
	}))
	if err == nil || !strings.Contains(err.Error(), "trapped: unreachable") || len(said) != 2 || said[0] != "warn: about to throw" ||
		!strings.HasPrefix(said[1], "error: no more of echo.throw (assembly/echo.ts:") {
		t.Errorf("it says %q and ends with %v", said, err)
	}
	if _, err := e.Execute(t.Context(), exectest.Task("echo.nan", nil)); err == nil || !strings.HasPrefix(err.Error(), "output x[1].y: NaN is not a number that can be passed on") {
		t.Errorf("got %v", err)
	}
}
