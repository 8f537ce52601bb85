package wasmexec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
	"github.com/myspinbot/spinbot/sdk"
)

// maxModule is the largest module in bytes that is read.
const maxModule = 128 << 20

// form is how a module is run.
type form int

const (
	formReactor form = iota
	formCommand
	formExtism
)

// A module is one compiled module. It is loaded once, and closed when nothing uses it any more.
type module struct {
	e     *Executor
	name  string
	ready chan struct{} // closed once loaded, or not: err says why
	err   error

	program
	unmetered error // why it has no meter; nil when it has
	form      form
	pool      *pool // of a reactor

	// guarded by Executor.mu
	users int
	used  time.Time
	bytes int64 // of memory, about
}

// module gives the loaded module; the caller releases it.
func (e *Executor) module(ctx context.Context, where Module) (*module, error) {
	name := filepath.Base(where.Path)
	if where.Path == "" {
		name = "module"
	}
	sum := strings.ToLower(strings.TrimPrefix(where.SHA256, "sha256:"))
	if sum == "" {
		code, err := read(where)
		if err != nil {
			return nil, err
		}
		where.Bytes, sum = code, checksum(code)
	}
	m := e.claim(name, sum, where)
	select {
	case <-m.ready:
	case <-ctx.Done():
		m.release()
		return nil, stopped(name, context.Cause(ctx))
	}
	if m.err != nil {
		m.release()
		return nil, m.err
	}
	return m, nil
}

// claim counts a user of the module and begins to load it when it is the first.
func (e *Executor) claim(name, sum string, where Module) *module {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.modules[sum]
	if m == nil {
		m = &module{e: e, name: name, ready: make(chan struct{})}
		e.evict()
		e.modules[sum] = m
		e.tasks.Go(func() {
			size := 0
			size, m.err = m.load(where, sum)
			e.mu.Lock()
			if m.bytes = weight(size); m.err != nil {
				delete(e.modules, sum)
			}
			e.mu.Unlock()
			close(m.ready)
			debug.FreeOSMemory() // compiling takes three times what stays, and the collector would not run for long
		})
	}
	m.users++
	return m
}

func (m *module) release() {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	m.users--
	m.used = time.Now()
	m.e.restIn(restFor)
}

// restFor is how long nobody uses a module until it is closed. To read it from the cache again takes a tenth of a second.
const restFor = 10 * time.Minute

// restIn has rest look then, unless it does already; without a cache a module would be compiled again. The caller holds mu.
func (e *Executor) restIn(d time.Duration) {
	if e.resting == nil && !e.closed && e.config.CacheDir != "" {
		e.resting = time.AfterFunc(d, e.rest)
	}
}

// rest closes the modules that nobody has used for long, memory included, and comes again while there are others.
func (e *Executor) rest() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.resting = nil; e.closed {
		return
	}
	var unused []*module
	next := restFor
	for sum, m := range e.modules {
		if m.users > 0 || !m.loaded() {
			continue
		}
		left := restFor - time.Since(m.used)
		if left > 0 {
			next = min(next, left)
			continue
		}
		delete(e.modules, sum)
		unused = append(unused, m)
	}
	if len(e.modules) > 0 {
		e.restIn(next)
	}
	for _, m := range unused {
		e.tasks.Go(m.shut)
	}
}

// shut closes a module that is in the list no more.
func (m *module) shut() {
	if err := m.close(); err != nil {
		m.e.config.Log.Warn("a module did not close cleanly", "module", m.name, "error", err)
	}
}

// weight is about how much memory a module of a size takes: compiled, with what wazero knows of it, and an instance.
func weight(code int) int64 { return 1<<20 + 12*int64(code) }

// evict closes the module unused for longest while they take too much memory together. The caller holds mu.
func (e *Executor) evict() {
	for {
		taken := int64(0)
		for _, m := range e.modules {
			taken += m.bytes
		}
		if taken <= e.config.ModuleMemory {
			return
		}
		oldest := ""
		for sum, m := range e.modules {
			if m.users == 0 && m.loaded() && (oldest == "" || m.used.Before(e.modules[oldest].used)) {
				oldest = sum
			}
		}
		if oldest == "" {
			return
		}
		e.tasks.Go(e.modules[oldest].shut)
		delete(e.modules, oldest)
	}
}

func read(where Module) ([]byte, error) {
	if where.Bytes != nil {
		return where.Bytes, nil
	}
	if where.Load != nil {
		return where.Load(), nil
	}
	info, err := os.Stat(where.Path)
	if err == nil && info.Size() > maxModule {
		return nil, refuse(fmt.Sprintf("%s: %s: larger than a module may be, %s", where.Path, size(info.Size()), size(maxModule)))
	}
	var code []byte
	if err == nil {
		code, err = os.ReadFile(where.Path)
	}
	if err != nil {
		return nil, refuse("module cannot be read: " + err.Error())
	}
	return code, nil
}

func checksum(code []byte) string {
	sum := sha256.Sum256(code)
	return hex.EncodeToString(sum[:])
}

// load reads, verifies, compiles and inspects the module, and makes its first instance when it is a reactor. It
// returns the module's size in bytes.
func (m *module) load(where Module, sum string) (int, error) {
	code, err := read(where)
	if err != nil {
		return 0, err
	}
	if got := checksum(code); got != sum {
		return 0, refuse(fmt.Sprintf("%s: its checksum is sha256:%s, not sha256:%s as trusted: it was altered", m.name, got, sum))
	}
	if !bytes.HasPrefix(code, []byte("\x00asm")) {
		return 0, refuse(m.name + " is not a WASM module: it does not begin with \\0asm")
	}
	if code, err = limitTables(code); err != nil {
		return 0, refuse(m.name + " " + err.Error())
	}
	metered, err := m.e.cache.meter(code, sum)
	if err == nil {
		code = metered
	}
	m.unmetered = err
	p, err := m.e.cache.compile(code, m.unmetered == nil)
	if err != nil {
		return 0, refuse(m.name + " is not a valid WASM module: " + firstLine(err.Error()))
	}
	m.program = p
	if err = m.inspect(); err == nil && m.form != formCommand {
		m.pool = newPool(m)
		err = m.pool.warm()
	}
	if err != nil {
		_ = m.free() // err says more
		m.program = program{}
	}
	return len(code), err
}

// inspect finds out the form and refuses imports that nobody offers.
func (m *module) inspect() error {
	for _, f := range m.compiled.ImportedFunctions() {
		from, name, _ := f.Import()
		if from == meter.Host && m.unmetered == nil {
			continue
		}
		offered := m.runtime.Module(from)
		if offered == nil {
			return m.refuseImport(from, name, "a control node may import "+wasiModule+", "+hostModule+" or "+extismModule)
		}
		d, ok := offered.ExportedFunctionDefinitions()[name]
		if !ok {
			return m.refuseImport(from, name, "there is no such function")
		}
		if !sameTypes(d, f) {
			return m.refuseImport(from, name, "its parameters or results are others")
		}
	}
	for _, memory := range m.compiled.ImportedMemories() {
		from, name, _ := memory.Import()
		return m.refuseImport(from, name, "a control node has its own memory")
	}
	exports := m.compiled.ExportedFunctions()
	if m.runtime.Module(extismModule) != nil {
		if m.form = formExtism; len(m.extismVerbs()) == 0 && exports["describe"] == nil {
			return refuse(m.name + " is no control node: of its exports none is a function without parameters, as an Extism plug-in has")
		}
		return nil
	}
	if _, ok := exports["_start"]; ok {
		m.form = formCommand
		return nil
	}
	for name, want := range abi {
		d, ok := exports[name]
		if !ok {
			return refuse(m.name + " is no control node: it exports neither _start (a WASI command) nor " + name + " (a reactor made with sdk/guest)")
		}
		if got := signature(d); got != want {
			return refuse(fmt.Sprintf("%s: its %s is %s; this host wants %s: build it with the sdk of this host's version", m.name, name, got, want))
		}
	}
	if len(m.compiled.ExportedMemories()) == 0 {
		return refuse(m.name + " is no control node: it exports no memory")
	}
	return nil
}

func (m *module) refuseImport(from, name, why string) error {
	return refuse(fmt.Sprintf("%s imports %s.%s, which no control node is given: %s", m.name, from, name, why))
}

// abi lists what a reactor exports; see sdk/guest.
var abi = map[string]string{
	"spinbot_abi":      "() i32",
	"spinbot_describe": "() i64",
	"spinbot_alloc":    "(i32) i32",
	"spinbot_run":      "(i32,i32) i64",
}

func signature(d api.FunctionDefinition) string {
	names := func(types []api.ValueType) string {
		out := make([]string, len(types))
		for i, t := range types {
			out[i] = api.ValueTypeName(t)
		}
		return strings.Join(out, ",")
	}
	return strings.TrimSpace("(" + names(d.ParamTypes()) + ") " + names(d.ResultTypes()))
}

func sameTypes(a, b api.FunctionDefinition) bool { return signature(a) == signature(b) }

func (m *module) execute(ctx context.Context, t *sdk.Task, l sdk.Limits, files *artifacts) (sdk.Values, error) {
	if m.unmetered != nil && l.Budget != math.MaxInt64 {
		return nil, &sdk.Error{
			Cause: sdk.CauseRefused, Permanent: true, Limit: sdk.LimitBudget,
			Message: t.Type + " has a budget, and its module cannot be metered: " + m.unmetered.Error(),
			Hint:    "take limits.budget out of the node; its timeout holds",
		}
	}
	switch m.form {
	case formCommand:
		return m.runCommand(ctx, t, l, files)
	case formExtism:
		return m.runExtism(ctx, t, l, files)
	case formReactor:
	}
	return m.runReactor(ctx, t, l, files)
}

func (m *module) describe(ctx context.Context) ([]byte, error) {
	switch m.form {
	case formCommand:
		return m.describeCommand(ctx)
	case formExtism:
		return m.describeExtism(ctx)
	case formReactor:
	}
	return m.describeReactor(ctx)
}

func (m *module) loaded() bool {
	select {
	case <-m.ready:
		return m.runtime != nil
	default:
		return false
	}
}

// close waits until the module is loaded, and frees it.
func (m *module) close() error {
	<-m.ready
	if m.runtime == nil {
		return nil
	}
	return m.free()
}

func (m *module) free() error {
	if m.pool != nil {
		m.pool.close()
	}
	return m.program.close()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
