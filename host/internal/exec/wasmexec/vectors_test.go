package wasmexec_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// rawGuest calls a module of testdata/kits by hand, so that every byte that it reads and writes is the test's.
type rawGuest struct{ module api.Module }

func newRawGuest(t *testing.T, code []byte) rawGuest {
	t.Helper()
	r := wazero.NewRuntime(t.Context())
	t.Cleanup(func() { _ = r.Close(t.Context()) })
	wasi_snapshot_preview1.MustInstantiate(t.Context(), r)
	b := r.NewHostModuleBuilder("spinbot")
	b.NewFunctionBuilder().WithFunc(func(uint32, uint32, uint32) {}).Export("log")
	b.NewFunctionBuilder().WithFunc(func(float64, uint32, uint32) {}).Export("progress")
	b.NewFunctionBuilder().WithFunc(func(uint32, uint32) {}).Export("checkpoint")
	if _, err := b.Instantiate(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(t.Context(), code, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		t.Fatal(err)
	}
	return rawGuest{m}
}

// run gives the bytes of the outcome.
func (g rawGuest) run(t *testing.T, task []byte) []byte {
	t.Helper()
	call := func(name string, args ...uint64) uint64 {
		out, err := g.module.ExportedFunction(name).Call(t.Context(), args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return out[0]
	}
	at := call("spinbot_alloc", uint64(len(task)))
	if !g.module.Memory().Write(uint32(at), task) {
		t.Fatalf("the guest has no room at %d", at)
	}
	region := call("spinbot_run", at, uint64(len(task)))
	out, ok := g.module.Memory().Read(uint32(region>>32), uint32(region))
	if !ok {
		t.Fatalf("region %x is outside the guest's memory", region)
	}
	return bytes.Clone(out)
}

func appendTask(t *testing.T, in *sdk.Task) []byte {
	t.Helper()
	data, err := guest.AppendTask(nil, in)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// vectorsHold: a guest with the echo nodes reads every task of sdk/guest/testdata/vectors.json for what it is, writes
// every outcome as it stands there, and takes no part of a task for the whole.
func vectorsHold(t *testing.T, code []byte) {
	t.Helper()
	var v struct {
		Tasks, Outcomes []struct{ Name, Hex string }
	}
	if err := json.Unmarshal(readFile(t, filepath.Join(sdkDir, "guest/testdata/vectors.json")), &v); err != nil {
		t.Fatal(err)
	}
	g := newRawGuest(t, code)
	for _, c := range v.Tasks {
		task := readTask(t, c.Hex)
		want := guest.AppendOutcome(nil, guest.Outcome{Outputs: told(task)})
		task.Type = "echo.task"
		if nested(task.Inputs) >= sdk.MaxDepth {
			want = guest.AppendOutcome(nil, guest.Outcome{Outputs: objectOf(task.Inputs)})
			task.Type = "echo.values"
		}
		if got := g.run(t, appendTask(t, &task)); !bytes.Equal(got, want) {
			t.Errorf("task %s: got\n%x, want\n%x", c.Name, got, want)
		}
	}
	for _, c := range v.Outcomes {
		data, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		o, err := guest.DecodeOutcome(data)
		if err != nil {
			t.Fatal(err)
		}
		in := exectest.Task("echo.values", o.Outputs)
		if o.Err != nil {
			if o.Broken || o.Err.Cause != sdk.CauseFailed {
				continue // what a kit has no way to say
			}
			in = exectest.Task("echo.fail", sdk.Values{
				"message": o.Err.Message, "hint": o.Err.Hint, "detail": o.Err.Detail, "permanent": o.Err.Permanent,
			})
		} else if o.Outputs == nil {
			continue // a kit's outputs are an object
		}
		if got := g.run(t, appendTask(t, in)); !bytes.Equal(got, data) {
			t.Errorf("outcome %s: got\n%x, want\n%x", c.Name, got, data)
		}
	}
	cutOff(t, g, readTask(t, v.Tasks[2].Hex))
}

func readTask(t *testing.T, text string) sdk.Task {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	task, err := guest.DecodeTask(data)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// cutOff: each part of a task, and one with bytes after its end, is refused.
func cutOff(t *testing.T, g rawGuest, task sdk.Task) {
	t.Helper()
	data := appendTask(t, &task)
	for n := range len(data) + 2 {
		if n == len(data) {
			continue
		}
		o, err := guest.DecodeOutcome(g.run(t, append(bytes.Clone(data), 0)[:n]))
		if err != nil || o.Err == nil || o.Err.Message != "the task cannot be read" || o.Err.Hint == "" {
			t.Fatalf("%d of %d bytes: got %+v, %v", n, len(data), o, err)
		}
	}
}

// told is what echo.task says of a task.
func told(t sdk.Task) sdk.Values {
	saved := make([]any, len(t.Checkpoint))
	for i, b := range t.Checkpoint {
		saved[i] = int(b)
	}
	return sdk.Values{
		"type": "echo.task", "owner": t.Owner, "pipeline": t.Pipeline, "checkpoint": saved, "run": t.Address.Run,
		"node": t.Address.Node.Name + t.Address.Node.Key.String(), "attempt": t.Address.Attempt,
		"time": nanos(t.Time), "deadline": nanos(t.Deadline), "seed": int64(t.Seed), "inputs": map[string]any(objectOf(t.Inputs)),
	}
}

func objectOf(v sdk.Values) sdk.Values {
	if v == nil {
		return sdk.Values{}
	}
	return v
}

func nanos(at time.Time) int64 {
	if at.IsZero() {
		return math.MinInt64
	}
	return at.UnixNano()
}

// nested is how deep values nest.
func nested(x any) int {
	deepest := 0
	switch x := x.(type) {
	case []any:
		for _, y := range x {
			deepest = max(deepest, nested(y))
		}
	case sdk.Values:
		return nested(map[string]any(x))
	case map[string]any:
		for _, y := range x {
			deepest = max(deepest, nested(y))
		}
	default:
		return 0
	}
	return 1 + deepest
}
