package wasmexec

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// wasm puts a module together: sections of an id and a content.
func wasm(sections ...[]byte) []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range sections {
		out = append(binary.AppendUvarint(append(out, s[0]), uint64(len(s)-1)), s[1:]...)
	}
	return out
}

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// command is a WASI command with a page of memory that holds data; fd_write is function 0, _start function 1, run with
// the code given and locals of 32 bits.
func command(data string, code ...byte) []byte {
	body := slices.Concat([]byte{1, 4, 0x7f}, code, []byte{0x0b})
	return wasm(
		[]byte{1, 2, 0x60, 0, 0, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f},
		slices.Concat([]byte{2, 1, 22}, []byte("wasi_snapshot_preview1"), []byte{8}, []byte("fd_write"), []byte{0, 1}),
		[]byte{3, 1, 0}, []byte{5, 1, 0, 1},
		slices.Concat([]byte{7, 2, 6}, []byte("_start"), []byte{0, 1, 6}, []byte("memory"), []byte{2, 0}),
		slices.Concat([]byte{10, 1}, uleb(len(body)), body),
		slices.Concat([]byte{11, 1, 0, 0x41, 0, 0x0b}, uleb(len(data)), []byte(data)),
	)
}

// write is a call of fd_write with the vector at 0.
func write(fd byte) []byte { return []byte{0x41, fd, 0x41, 0, 0x41, 1, 0x41, 8, 0x10, 0, 0x1a} }

func vector(at, length uint32) string {
	return string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, at), length)) + "\x00\x00\x00\x00"
}

func only(t *testing.T, code []byte, c Config) *Executor {
	t.Helper()
	m := Module{Bytes: code, SHA256: checksum(code)}
	c.Resolve = func(string) (Module, error) { return m, nil }
	e := New(patient(c))
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestBadModules: whatever a module does, its task ends, with why, and the next one can begin.
func TestBadModules(t *testing.T) {
	t.Parallel()
	forever := func(code ...byte) []byte { return slices.Concat([]byte{0x03, 0x40}, code, []byte{0x0c, 0, 0x0b}) }
	void := []byte{1, 1, 0x60, 0, 0}
	export := slices.Concat([]byte{7, 1, 6}, []byte("_start"), []byte{0, 0})
	body := func(code ...byte) []byte { return append(append([]byte{10, 1, byte(len(code) + 2), 0}, code...), 0x0b) }
	table := func(n ...byte) []byte { return append([]byte{4, byte(len(n) / 3)}, n...) }
	for _, c := range []struct {
		name    string
		code    []byte
		message string
		limit   sdk.Limit
	}{
		{"loop", command("", forever()...), "was stopped after", sdk.LimitTime},
		{"start function that loops", wasm(void, []byte{3, 1, 0}, export, []byte{8, 0}, body(forever()...)), "was stopped after", sdk.LimitTime},
		{"start function that traps", wasm(void, []byte{3, 1, 0}, export, []byte{8, 0}, body(0)), "unreachable", ""},
		{"memory of 4 GiB", wasm(void, []byte{3, 1, 0}, []byte{5, 1, 0, 0x80, 0x80, 4}, export, body()), "needs more memory", sdk.LimitMemory},
		{"memory of 64 GiB", wasm(void, []byte{3, 1, 0}, []byte{5, 1, 0, 0x80, 0x80, 64}, export, body()), "not a valid WASM module", ""},
		{"many tables", wasm(void, []byte{3, 1, 0}, table(bytes.Repeat([]byte{0x70, 0, 1}, 17)...), export, body()), "17 tables", ""},
		{"table that grows", wasm(void, []byte{3, 1, 0}, table(0x70, 0, 1), export,
			body(forever(0xd0, 0x70, 0x41, 0x80, 2, 0xfc, 15, 0, 0x41, 0x7f, 0x46, 0x04, 0x40, 0x00, 0x0b)...)), "unreachable", ""},
		{"recursion", command("", 0x10, 1), "stack overflow", ""},
		{"recursion by tail calls", command("", 0x12, 1), "was stopped after", sdk.LimitTime},
		{"unreachable", command("", 0x00), "unreachable", ""},
		{"outside its memory", command("", 0x41, 0x7f, 0x28, 2, 0, 0x1a), "out of bounds memory access", ""},
		{"endless output", command(vector(12, 4000), forever(write(1)...)...), "returned more", sdk.LimitOutput},
		{"endless log", command(vector(12, 4)+"log\n", forever(write(2)...)...), "calls of the host", sdk.LimitCalls},
		{"NaN", command(vector(12, 21)+`{"outputs":{"x":NaN}}`, write(1)...), "printed no JSON", ""},
		{"infinity", command(vector(12, 24)+`{"outputs":{"x":1e99999}}`, write(1)...), "printed no JSON", ""},
		{"the meter's own function", wasm([]byte{1, 1, 0x60, 1, 0x7e, 1, 0x7e},
			slices.Concat([]byte{2, 1, byte(len(meter.Host))}, []byte(meter.Host), []byte{6}, []byte(meter.Refill), []byte{0, 0})), "which no control node is given", ""},
		{"memory filled for ever", wasm(void, []byte{3, 1, 0}, []byte{5, 1, 0, 0x80, 4}, export,
			body(forever(0x41, 0, 0x41, 1, 0x41, 0x80, 0x80, 0x80, 16, 0xfc, 11, 0)...)), "was stopped after", sdk.LimitTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := sdk.Limits{Time: time.Minute, Calls: 20_000}
			if c.limit == sdk.LimitTime {
				l.Time = 300 * time.Millisecond
			}
			e := only(t, c.code, Config{Limits: l})
			reports := 0
			began := time.Now()
			for range 2 {
				got := fails(t, e, exectest.Task("test.x", nil).WithReporter(func(sdk.Report) { reports++ }))
				if !strings.Contains(got.Message, c.message) || got.Limit != c.limit {
					t.Errorf("got %#v, want %q", got, c.message)
				}
			}
			if took := time.Since(began); took > 2*time.Minute || reports > 20_000 {
				t.Errorf("it took %v, with %d reports", took, reports)
			}
		})
	}
}

// TestGlobalsForget: a module that keeps what a task gave it in a global shows it to the same tenant only.
func TestGlobalsForget(t *testing.T) {
	t.Parallel()
	outcome := guest.AppendOutcome(nil, guest.Outcome{Outputs: sdk.Values{"n": "0"}})
	digit := byte(bytes.IndexByte(outcome, '0'))
	name := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	body := func(code ...byte) []byte { return slices.Concat(uleb(len(code)+2), []byte{0}, code, []byte{0x0b}) }
	code := wasm(
		[]byte{1, 4, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7e, 0x60, 0, 1, 0x7e},
		[]byte{3, 4, 0, 1, 2, 3}, []byte{5, 1, 0, 1}, []byte{6, 1, 0x7f, 1, 0x41, 0x30, 0x0b},
		slices.Concat([]byte{7, 5}, name("spinbot_abi"), []byte{0, 0}, name("spinbot_alloc"), []byte{0, 1},
			name("spinbot_run"), []byte{0, 2}, name("spinbot_describe"), []byte{0, 3}, name("memory"), []byte{2, 0}),
		slices.Concat([]byte{10, 4}, body(0x41, 1), body(0x41, 0x80, 4),
			body(slices.Concat([]byte{0x23, 0, 0x41, 1, 0x6a, 0x24, 0, 0x41, digit, 0x23, 0, 0x3a, 0, 0, 0x42}, uleb(len(outcome)))...),
			body(0x42, 0)),
		slices.Concat([]byte{11, 1, 0, 0x41, 0, 0x0b}, uleb(len(outcome)), outcome),
	)
	e := only(t, code, Config{})
	for k, c := range []struct{ owner, want string }{{"ada", "1"}, {"ada", "2"}, {"grace", "1"}, {"ada", "1"}} {
		in := exectest.Task("test.x", nil)
		in.Owner = c.owner
		if got := outputs(t, e, in)["n"]; got != c.want {
			t.Errorf("%d: %s sees %v, want %s", k, c.owner, got, c.want)
		}
	}
	if list := loadedModule(t, e).pool.list; len(list) != 1 {
		t.Errorf("%d instances: it was not reset", len(list))
	}
}

// TestUnmetered: a module that the meter refuses runs all the same, and is stopped; its node types say so, and a budget
// that nobody could hold it to is refused.
func TestUnmetered(t *testing.T) {
	t.Parallel()
	// Its memory has a second name, which is the meter's.
	twice := func(code []byte) []byte {
		one := slices.Concat([]byte{7, 2, 6}, []byte("_start"), []byte{0, 1, 6}, []byte("memory"), []byte{2, 0})
		two := slices.Concat(one[:1:1], []byte{3}, one[2:], []byte{byte(len(meter.Fuel))}, []byte(meter.Fuel), []byte{2, 0})
		old := slices.Concat(one[:1:1], uleb(len(one)-1), one[1:])
		return bytes.Replace(code, old, slices.Concat(two[:1:1], uleb(len(two)-1), two[1:]), 1)
	}
	prints := func(text string) []byte { return twice(command(vector(12, uint32(len(text)))+text, write(1)...)) }

	manifest := `{"name": "test", "version": "1.0.0", "description": "d", "node_types": [{"name": "test.x", "description": "Does x", "inputs": {"type": "object"}, "outputs": {"type": "object"}}]}`
	code := prints(manifest)
	e := only(t, code, Config{})
	got, err := e.Describe(t.Context(), Module{Bytes: code, SHA256: checksum(code)})
	if err != nil || !strings.Contains(got.NodeTypes[0].Description, "cannot be metered") {
		t.Errorf("%+v, %v", got, err)
	}

	e = only(t, prints(`{"outputs":{"x":"y"}}`), Config{})
	var used *sdk.Usage
	in := exectest.Task("test.x", nil).WithReporter(func(r sdk.Report) { used = r.Usage })
	if got := outputs(t, e, in); got["x"] != "y" {
		t.Errorf("got %v", got)
	}
	if used == nil || used.Cost != 0 || used.Model != 0 || used.Out == 0 {
		t.Errorf("it used %+v", used)
	}
	in = exectest.Task("test.x", nil)
	in.Limits.Budget = 1000
	if got := fails(t, e, in); got.Limit != sdk.LimitBudget || got.Cause != sdk.CauseRefused || got.Hint == "" {
		t.Errorf("with a budget: %#v", got)
	}

	e = only(t, twice(command("", 0x03, 0x40, 0x0c, 0, 0x0b)), Config{Limits: sdk.Limits{Time: 300 * time.Millisecond}})
	if got := fails(t, e, exectest.Task("test.x", nil)); got.Limit != sdk.LimitTime {
		t.Errorf("a loop: %#v", got)
	}
}
