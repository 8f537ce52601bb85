package wasmexec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

// loadedModule is the one module of an executor.
func loadedModule(t testing.TB, e *Executor) *module {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.modules {
		return m
	}
	t.Fatal("no module is loaded")
	return nil
}

func owned(in *sdk.Task, owner string) *sdk.Task {
	in.Owner = owner
	return in
}

// TestReset: ten thousand owners after one another have the same instance, which does not grow and forgets each.
func TestReset(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{})
	outputs(t, e, exectest.Task("test.count", nil))
	p := loadedModule(t, e).pool
	first := p.list[0]
	size := first.module.Memory().Size()
	if first.restore == nil {
		t.Fatal("a Go guest cannot be reset")
	}
	n := 10_000
	if testing.Short() {
		n = 500
	}
	for k := range n {
		if got := outputs(t, e, owned(exectest.Task("test.count", nil), fmt.Sprint(k)))["tasks"]; got != json.Number("1") {
			t.Fatalf("owner %d has task %v of the instance", k, got)
		}
	}
	if len(p.list) != 1 || p.list[0] != first {
		t.Errorf("%d instances are idle, the first is another: %v", len(p.list), p.list[0] != first)
	}
	if got := first.module.Memory().Size(); got > size+1<<20 {
		t.Errorf("its memory grew from %d to %d bytes", size, got)
	}
}

// TestResetForgets: nothing that an owner gave is in the memory that the next one gets, nor beyond its end.
func TestResetForgets(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, reactorCode(t), Config{})
	mark := strings.Repeat("ada's own words ", 1<<16) // a MiB: the memory grows
	outputs(t, e, exectest.Task("test.echo", sdk.Values{"value": mark}))
	p := loadedModule(t, e).pool
	i := p.list[0]
	grown := i.module.Memory().Size()
	if !bytes.Contains(i.box.memory.buf, []byte("ada's own words")) {
		t.Fatal("the words are not where they are looked for")
	}
	began := time.Now()
	if !i.reset() {
		t.Fatal("it cannot be reset")
	}
	took := time.Since(began)
	if size := i.module.Memory().Size(); size >= grown || uint64(size) != i.saved.size {
		t.Errorf("it has %d bytes, had %d, began with %d", size, grown, i.saved.size)
	}
	if bytes.Contains(i.box.memory.buf, []byte("ada's own words")) {
		t.Error("the words are still there")
	}
	for grown > i.module.Memory().Size() {
		if _, ok := i.module.Memory().Grow(1); !ok {
			t.Fatal("it cannot grow again")
		}
	}
	if bytes.Contains(i.box.memory.buf, []byte("ada's own words")) {
		t.Error("the words come back with the memory")
	}
	t.Logf("reset in %v", took)
}

// TestIdle: what is kept counts with what it holds, which is what its largest task took, also when the last one was small.
func TestIdle(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, reactorCode(t), Config{})
	outputs(t, e, owned(exectest.Task("test.echo", sdk.Values{"value": strings.Repeat("ada's own words ", 1<<16)}), "ada"))
	outputs(t, e, owned(exectest.Task("test.echo", sdk.Values{"value": "few"}), "bob"))
	p := loadedModule(t, e).pool
	memory := &p.list[0].box.memory
	if n, bytes := e.Idle(); n != 1 || len(p.list) != 1 || bytes != int64(cap(memory.buf)) || bytes <= int64(len(memory.buf)) {
		t.Errorf("%d of %d instances hold %d bytes: %d, with room for %d", n, len(p.list), bytes, len(memory.buf), cap(memory.buf))
	}
	p.close()
	if n, bytes := e.Idle(); n != 0 || bytes != 0 {
		t.Errorf("%d instances hold %d bytes, and there are none", n, bytes)
	}
}

// TestRest: a module that nobody has used for long gives back its memory, and is there again for the next task; one in use stays.
func TestRest(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, reactorCode(t), Config{})
	in := exectest.Task("test.echo", sdk.Values{"value": "x"})
	outputs(t, e, in)
	m := loadedModule(t, e)
	look := func(users int, unused time.Duration) bool {
		e.mu.Lock()
		m.users, m.used = users, time.Now().Add(-unused)
		e.mu.Unlock()
		e.rest()
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.modules) > 0 && e.resting == nil {
			t.Error("it looks no more")
		}
		return len(e.modules) > 0
	}
	if !look(0, restFor/2) || !look(1, 2*restFor) {
		t.Error("a module was closed that is used")
	}
	code := &codeOf{CompilationCache: m.cache}
	m.cache = code
	if look(0, restFor) {
		t.Fatal("a module stays that nobody uses")
	}
	e.tasks.Wait()
	if !code.closed {
		t.Error("its code stays in the memory")
	}
	if n, bytes := e.Idle(); n != 0 || bytes != 0 {
		t.Errorf("%d instances hold %d bytes", n, bytes)
	}
	outputs(t, e, in)
}

// codeOf is what wazero has in its memory of a module, and knows whether it was closed.
type codeOf struct {
	wazero.CompilationCache
	closed bool
}

func (c *codeOf) Close(ctx context.Context) error {
	c.closed = true
	return c.CompilationCache.Close(ctx)
}

// TestHammer: many owners at once, some of whom give up, on modules that have to make room for each other.
func TestHammer(t *testing.T) {
	t.Parallel()
	code := [2][]byte{reactorCode(t), build(t, "./testdata/probe", "-buildmode=c-shared")}
	e := New(Config{
		CacheDir: compiled, ModuleMemory: 1 << 20, IdleMemory: 10 << 20, Running: 4,
		Limits: sdk.Limits{Time: time.Minute},
		Resolve: func(name string) (Module, error) {
			c := code[0]
			if name == "test.count" || name == "test.loop" {
				c = code[1]
			}
			return Module{Bytes: c, SHA256: checksum(c)}, nil
		},
	})
	defer e.Close()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for k := range 12 {
				ctx, cancel := context.WithCancel(t.Context())
				name := []string{"test.echo", "test.count", "test.loop"}[(g+k)%3]
				in := owned(exectest.Task(name, nil), fmt.Sprint((g*k)%5))
				if name == "test.echo" {
					in.Inputs = sdk.Values{"value": fmt.Sprint(g, k)}
				}
				if name == "test.loop" {
					time.AfterFunc(time.Millisecond, cancel)
				}
				r, err := e.Execute(ctx, in)
				cancel()
				switch {
				case name == "test.loop" && sdk.AsError(err).Cause != sdk.CauseCancelled:
					t.Errorf("a loop that was cancelled: %v", err)
				case name != "test.loop" && err != nil:
					t.Error(err)
				case name == "test.echo" && r.Outputs["value"] != fmt.Sprint(g, k):
					t.Errorf("it was given %v, and gave %v", fmt.Sprint(g, k), r.Outputs)
				}
			}
		})
	}
	wg.Wait()
	if n, idle := e.Idle(); n < 0 || n > 8 || idle < 0 || idle > 10<<20 {
		t.Errorf("%d idle instances have %d bytes", n, idle)
	}
}
