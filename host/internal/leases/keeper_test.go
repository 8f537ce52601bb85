package leases_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/leases"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
)

const gib = int64(1) << 30

// fakeGPU is one device with processes that load models: too many of them do not fit.
type fakeGPU struct {
	uuid     string           // GPU-0 when empty
	now      func() time.Time // time.Now when nil
	mu       sync.Mutex
	memory   int64
	foreign  int64
	models   map[string]int64 // plugin#model: bytes
	alive    map[string]bool  // plugins whose processes live
	unloads  bool             // plugins can unload single models
	tells    bool
	loads    int
	most     int64
	reads    int
	stubborn bool // what was given up is not free yet
	ghost    int64
}

func (g *fakeGPU) name() string { return cmp.Or(g.uuid, "GPU-0") }

func (g *fakeGPU) used() int64 {
	sum := g.foreign + g.ghost
	for _, m := range g.models {
		sum += m
	}
	return sum
}

func (g *fakeGPU) device() device.Device {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reads++
	if !g.stubborn {
		g.ghost = 0
	}
	used := g.used()
	free := g.memory - used
	d := device.Device{UUID: g.name(), Kind: device.CUDA, Name: "Test", Memory: g.memory}
	at := time.Now()
	if g.now != nil {
		at = g.now()
	}
	d.Reading = device.Reading{At: at, Used: &used, Free: &free, Processes: []device.Process{}}
	for k, plugin := range []string{"ollama", "comfyui"} {
		var sum int64
		for name, m := range g.models {
			if strings.HasPrefix(name, plugin+"#") {
				sum += m
			}
		}
		if sum > 0 {
			d.Reading.Processes = append(d.Reading.Processes, device.Process{PID: k + 1, Memory: &sum})
		}
	}
	if g.foreign > 0 {
		d.Reading.Processes = append(d.Reading.Processes, device.Process{PID: 99, Memory: &g.foreign})
	}
	return d
}

func (g *fakeGPU) Warm() (out []leases.Process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, plugin := range []string{"ollama", "comfyui"} {
		if !g.alive[plugin] {
			continue
		}
		p := leases.Process{Plugin: plugin, Devices: []string{g.name()}, PIDs: []int{k + 1}, Tells: g.tells}
		for name, m := range g.models {
			if model, ok := strings.CutPrefix(name, plugin+"#"); ok {
				p.Models = append(p.Models, sdk.Model{Name: model, Memory: m})
			}
		}
		out = append(out, p)
	}
	return out
}

func (g *fakeGPU) Unload(_ context.Context, plugin string, _ []string, model string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.unloads {
		return leases.ErrCannotUnload
	}
	g.ghost += g.models[plugin+"#"+model]
	delete(g.models, plugin+"#"+model)
	return nil
}

func (g *fakeGPU) Evict(_ context.Context, plugin string, _ []string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, m := range g.models {
		if strings.HasPrefix(name, plugin+"#") {
			g.ghost += m
			delete(g.models, name)
		}
	}
	delete(g.alive, plugin)
	return nil
}

// crash ends a plugin's process by itself. Its memory is free at once: the next process of a task that holds a lease would
// else load beside what is left of the last one, which no lease can prevent.
func (g *fakeGPU) crash(plugin string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.models, func(name string, _ int64) bool { return strings.HasPrefix(name, plugin+"#") })
	delete(g.alive, plugin)
}

// run loads the model when it is not there, as a plugin does, and fails when it does not fit.
func (g *fakeGPU) run(memory func(model string) int64) exec.Executor {
	return exec.Func(func(_ context.Context, t *sdk.Task) (sdk.Result, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		plugin, _, _ := strings.Cut(t.Type, ".")
		model, _ := t.Inputs["model"].(string)
		g.alive[plugin] = true
		if _, loaded := g.models[plugin+"#"+model]; !loaded {
			g.loads++
			g.models[plugin+"#"+model] = memory(model)
		}
		if g.most = max(g.most, g.used()); g.used() > g.memory {
			delete(g.models, plugin+"#"+model)
			return sdk.Result{}, &sdk.Error{Cause: sdk.CauseOOM, Message: "out of memory"}
		}
		return sdk.Result{Outputs: sdk.Values{}}, nil
	})
}

// machine is a placer and devices over one fake GPU, wired as a host wires them.
type machine struct {
	gpu    *fakeGPU
	held   *leases.Keeper
	placer *placer.Placer
	exec   exec.Executor
}

func newMachine(t *testing.T, g *fakeGPU, memory func(string) int64) *machine {
	t.Helper()
	g.models, g.alive = map[string]int64{}, map[string]bool{}
	m := &machine{gpu: g}
	m.held = leases.New(leases.Config{Processes: g, RAM: -1, Disk: -1, Patience: 10 * time.Second, Changed: m.changed})
	m.placer = placer.New(placer.Config{Plugin: func(t string) string { p, _, _ := strings.Cut(t, "."); return p }, Expect: func(a placement.Assignment) { m.held.Expect(travelled(t, a)) }})
	m.exec = exec.Lease(g.run(memory), m.held)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	m.held.Observe([]device.Device{g.device()})
	wg.Go(func() {
		for ctx.Err() == nil {
			m.held.Observe([]device.Device{g.device()})
			time.Sleep(200 * time.Microsecond) // the pace of readings, which nothing depends on
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait(); _ = m.placer.Close() })
	return m
}

// travelled is an assignment as an agent on another machine gets it.
func travelled(t *testing.T, a placement.Assignment) (out placement.Assignment) {
	raw, err := json.Marshal(a)
	if err = errors.Join(err, json.Unmarshal(raw, &out)); err != nil {
		t.Error(err)
	}
	return out
}

// TestExpectedFromElsewhere: what was promised on another machine is granted here; a task that was promised nothing holds nothing.
func TestExpectedFromElsewhere(t *testing.T) {
	t.Parallel()
	g := &fakeGPU{memory: 24 * gib, models: map[string]int64{}, alive: map[string]bool{}}
	k := leases.New(leases.Config{Processes: g, RAM: 64 * gib, Disk: -1})
	k.Observe([]device.Device{g.device()})
	at := func(name string) sdk.Address {
		return sdk.Address{Run: "run_01J00000000000000000000000", Node: sdk.Step{Kind: "node", Name: name}, Attempt: 1}
	}
	lease := func(name string, r device.Request, devices ...string) func(error) *sdk.Usage {
		t.Helper()
		k.Expect(travelled(t, placement.Assignment{Task: placement.Task{ID: at(name).String(), Type: "ollama.chat", Plugin: "ollama", Model: "llama", Request: r}, Agent: "box2", Devices: devices}))
		_, release, err := k.Lease(t.Context(), &sdk.Task{Address: at(name), Type: "ollama.chat", Devices: devices})
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	release := lease("a", device.Request{Count: 1, Memory: 20 * gib}, "GPU-0")
	if u := k.Uses()["GPU-0"]; len(u.Tasks) != 1 || u.Tasks[0] != at("a").String() || u.Granted != 20*gib {
		t.Errorf("%+v", u)
	}
	release(nil)
	if u := k.Uses()["GPU-0"]; len(u.Tasks) != 0 {
		t.Errorf("%+v", u)
	}
	if release := lease("b", device.Request{RAM: gib}); release == nil {
		t.Error("RAM is not held")
	}
	if release := lease("c", device.Request{}); release != nil {
		t.Error("a task that needs an agent only holds something of it")
	}
}

func (m *machine) changed() {
	if m.placer == nil {
		return
	}
	d, warm := m.held.View()
	m.placer.Agent(placement.Agent{ID: "local"}, d, -1, -1, warm)
}

// do has one task placed and carried out, again when it is refused.
func (m *machine) do(ctx context.Context, n int, plugin, model string, memory int64) error {
	for attempt := 1; ; attempt++ {
		given := make(chan placement.Given, 1)
		at := sdk.Address{Run: fmt.Sprintf("run_%026d", n), Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: attempt}
		w := placement.Want{ID: at.String(), Owner: "anna", Type: sdk.NodeType{Name: plugin + ".do", Concurrency: 1}, Model: model, Request: device.Request{Count: 1, Memory: memory}}
		m.placer.Want(w, func(g placement.Given) { given <- g }, func() {})
		var g placement.Given
		select {
		case g = <-given:
		case <-ctx.Done():
			return fmt.Errorf("task %d waits: %s", n, m.placer.Why(w.ID))
		}
		_, err := m.exec.Execute(ctx, &sdk.Task{Address: at, Type: plugin + ".do", Devices: g.Devices, Inputs: sdk.Values{"model": model}})
		m.placer.Done(w.ID, &placement.Went{Error: sdk.AsError(err)})
		if e := sdk.AsError(err); e == nil || e.Cause != sdk.CauseRefused {
			return err
		}
	}
}

// TestTwoEnginesShareOneDevice: two plugins whose models do not fit together run 200 tasks in turns, with no task out of
// memory and none that waits for ever, and load their models not much oftener than the bound on passing over makes them.
func TestTwoEnginesShareOneDevice(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name           string
		unloads, tells bool
	}{{"unload", true, true}, {"evict", false, false}, {"evict, telling", false, true}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			g := &fakeGPU{memory: 24 * gib, unloads: kind.unloads, tells: kind.tells}
			size := func(model string) int64 { return map[string]int64{"llama": 14 * gib, "flux": 16 * gib}[model] }
			m := newMachine(t, g, size)
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			var wg sync.WaitGroup
			errs := make(chan error, 200)
			m.placer.Hold("until all are there")
			for n := range 200 {
				plugin, model := "ollama", "llama"
				if n%2 == 1 {
					plugin, model = "comfyui", "flux"
				}
				wg.Go(func() { errs <- m.do(ctx, n, plugin, model, size(model)) })
			}
			waitFor(t, func() bool { return len(m.placer.Waiting()) == 200 })
			m.placer.Hold("")
			wg.Wait()
			close(errs)
			for err := range errs {
				if err != nil {
					t.Fatal(err)
				}
			}
			if g.most > g.memory {
				t.Errorf("%d bytes of %d were used", g.most, g.memory)
			}
			if g.loads > 12 { // 200 tasks in batches of at most 33 and one
				t.Errorf("models were loaded %d times", g.loads)
			}
		})
	}
}

func waitFor(t *testing.T, what func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !what(); {
		if time.Now().After(end) {
			t.Fatal("it did not come to that")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestMemoryIsGrantedWhenItIsFree: what a process has given up is granted once a reading shows it, and a task that waits
// for it in vain is refused with the figures.
func TestMemoryIsGrantedWhenItIsFree(t *testing.T) {
	t.Parallel()
	g := &fakeGPU{memory: 24 * gib, stubborn: true, models: map[string]int64{}, alive: map[string]bool{}}
	d := leases.New(leases.Config{Processes: g, RAM: -1, Disk: -1, Patience: 50 * time.Millisecond})
	d.Observe([]device.Device{g.device()})
	ctx := t.Context()
	task := func(n int, plugin, model string) *sdk.Task {
		at := sdk.Address{Run: fmt.Sprintf("run_%026d", n), Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: 1}
		d.Expect(placement.Assignment{Task: placement.Task{ID: at.String(), Plugin: plugin, Model: model, Request: device.Request{Count: 1, Memory: 20 * gib}}, Devices: []string{"GPU-0"}})
		return &sdk.Task{Address: at, Type: plugin + ".do", Devices: []string{"GPU-0"}, Inputs: sdk.Values{"model": model}}
	}
	e := exec.Lease(g.run(func(string) int64 { return 20 * gib }), d)
	var used *sdk.Usage
	first := task(1, "ollama", "llama").WithReporter(func(r sdk.Report) { used = r.Usage })
	if _, err := e.Execute(ctx, first); err != nil || used == nil {
		t.Fatal(err, used)
	}
	d.Observe([]device.Device{g.device()})
	_, err := e.Execute(ctx, task(2, "comfyui", "flux"))
	if se := sdk.AsError(err); se == nil || se.Cause != sdk.CauseRefused || !strings.Contains(se.Message, "GPU-0 has 4 GiB free, and 20 GiB are needed") {
		t.Fatalf("%v", err)
	}
	g.mu.Lock()
	g.stubborn = false
	g.mu.Unlock()
	d.Observe([]device.Device{g.device()})
	if _, err := e.Execute(ctx, task(3, "comfyui", "flux")); err != nil {
		t.Fatal(err)
	}
	if _, warm := d.View(); len(warm) != 1 || warm[0].Model != "flux" || warm[0].Memory != 20*gib {
		t.Errorf("%+v", warm)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	g := &fakeGPU{memory: 24 * gib, models: map[string]int64{}, alive: map[string]bool{"ollama": true}}
	crawls := false
	changes := 0
	d := leases.New(leases.Config{Processes: g, RAM: -1, Disk: -1, Crawls: func(string) bool { return crawls }, Changed: func() { changes++ }})
	d.Observe([]device.Device{g.device()})
	run := func(during func()) (*sdk.Usage, error) {
		at := sdk.Address{Run: "run_00000000000000000000000001", Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: 1}
		d.Expect(placement.Assignment{Task: placement.Task{ID: at.String(), Plugin: "ollama", Request: device.Request{Count: 1, Memory: 20 * gib}}, Devices: []string{"GPU-0"}})
		var used *sdk.Usage
		task := sdk.Task{Address: at, Devices: []string{"GPU-0"}}
		_, err := exec.Lease(exec.Func(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
			during()
			if crawls || strings.Contains(fmt.Sprint(context.Cause(ctx)), "GPU-0") {
				<-ctx.Done()
			}
			return sdk.Result{}, ctx.Err()
		}), d).Execute(t.Context(), task.WithReporter(func(r sdk.Report) { used = r.Usage }))
		return used, err
	}
	load := func(n int64) {
		g.mu.Lock()
		g.models["ollama#"] = n
		g.mu.Unlock()
		d.Observe([]device.Device{g.device()})
	}
	used, err := run(func() { load(9 * gib); load(17 * gib); load(12 * gib) })
	if err != nil || used.DeviceMemory != 17*gib {
		t.Errorf("%+v %v", used, err)
	}
	if before := changes; !d.Hold("GPU-0", "a game") || changes == before || d.Hold("GPU-7", "x") {
		t.Error("holding it was not told")
	}
	if shown, _ := d.View(); !strings.Contains(shown[0].Ill, "a game") {
		t.Errorf("%+v", shown[0])
	}
	d.Hold("GPU-0", "")
	crawls = true
	if _, err = run(func() { load(24 * gib) }); sdk.AsError(err).Cause != sdk.CauseSpilling {
		t.Errorf("%v", err)
	}
	crawls = false
	load(0)
	_, err = run(func() { d.Observe(nil) })
	if se := sdk.AsError(err); se.Cause != sdk.CauseLost || !strings.Contains(se.Message, "is not there any more") {
		t.Errorf("%v", err)
	}
}

func TestLeaseEnds(t *testing.T) {
	t.Parallel()
	g := &fakeGPU{memory: 8 * gib, models: map[string]int64{}, alive: map[string]bool{}, foreign: 6 * gib}
	d := leases.New(leases.Config{Processes: g, RAM: -1, Disk: -1})
	d.Observe([]device.Device{g.device()})
	task := &sdk.Task{Address: sdk.Address{Run: "run_00000000000000000000000001", Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: 1}, Devices: []string{"GPU-0"}}
	e := exec.Lease(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil }), d)
	if _, err := e.Execute(t.Context(), task); sdk.AsError(err).Cause != sdk.CauseRefused {
		t.Errorf("a task that nobody announced got a device: %v", err)
	}
	d.Expect(placement.Assignment{Task: placement.Task{ID: task.Address.String(), Request: device.Request{Count: 1, Memory: 4 * gib}}, Devices: []string{"GPU-0"}})
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("somebody asked")
	cancel(asked)
	if _, err := e.Execute(ctx, task); !errors.Is(err, asked) {
		t.Errorf("%v", err)
	}
	if _, err := e.Execute(t.Context(), &sdk.Task{Address: task.Address}); err != nil {
		t.Errorf("a task without devices: %v", err)
	}
}

// TestHammer has tasks of many plugins and models come at once on a device that foreign programs use now and then. None may
// find less memory than it was granted.
func TestHammer(t *testing.T) {
	t.Parallel()
	g := &fakeGPU{memory: 24 * gib, unloads: true, tells: true}
	m := newMachine(t, g, func(model string) int64 { return int64(len(model)) * gib })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(k), 7))
			for n := range 40 {
				model := strings.Repeat("m", 1+r.IntN(12))
				if err := m.do(ctx, k*100+n, []string{"ollama", "comfyui"}[r.IntN(2)], model, int64(len(model))*gib); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if g.most > g.memory {
		t.Errorf("%d bytes of %d were used", g.most, g.memory)
	}
	if _, warm := m.held.View(); slices.ContainsFunc(warm, func(w device.Warm) bool { return w.Memory < 0 }) {
		t.Errorf("%+v", warm)
	}
}

// TestGivenUp: a device that a foreign program takes is held, emptied and given back, and so outside its hours.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	g := &fakeGPU{memory: 24 * gib, unloads: true, tells: true, models: map[string]int64{"ollama#llama": 8 * gib}, alive: map[string]bool{"ollama": true}}
	now, open := time.Unix(1_700_000_000, 0), true
	d := leases.New(leases.Config{Processes: g, RAM: -1, Disk: -1, Now: func() time.Time { return now },
		Open:    func(time.Time) (bool, time.Time) { return open, now.Add(time.Hour) },
		Reclaim: leases.Reclaim{Memory: 2 * gib, After: 5 * time.Second, Return: time.Minute, Stops: func(nodeType string) bool { return nodeType == "ollama.chat" }}})
	look := func(after time.Duration, foreign int64) string {
		now = now.Add(after)
		g.mu.Lock()
		g.foreign = foreign
		g.mu.Unlock()
		d.Observe([]device.Device{g.device()})
		return d.Uses()["GPU-0"].Held
	}
	if held := look(0, gib); held != "" {
		t.Errorf("held: %s", held)
	}
	stopped := make(chan error, 1)
	begun := make(chan bool)
	at := sdk.Address{Run: "run_00000000000000000000000001", Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: 1}
	d.Expect(placement.Assignment{Task: placement.Task{ID: at.String(), Type: "ollama.chat", Plugin: "ollama", Model: "small", Request: device.Request{Count: 1, Memory: gib}}, Devices: []string{"GPU-0"}})
	go func() {
		_, err := exec.Lease(exec.Func(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
			close(begun)
			<-ctx.Done()
			return sdk.Result{}, ctx.Err()
		}), d).Execute(t.Context(), &sdk.Task{Address: at, Type: "ollama.chat", Devices: []string{"GPU-0"}})
		stopped <- err
	}()
	<-begun
	if held := look(time.Second, 3*gib); held != "" {
		t.Errorf("held at once: %s", held)
	}
	if held := look(5*time.Second, 3*gib); held != "process 99 (3 GiB) uses it" {
		t.Errorf("held: %q", held)
	}
	if err := <-stopped; sdk.AsError(err).Cause != sdk.CausePreempted {
		t.Errorf("%v", err)
	}
	if _, warm := d.View(); len(warm) != 0 {
		t.Errorf("it keeps %+v", warm)
	}
	if held := look(time.Second, gib); held == "" {
		t.Error("given back at once")
	}
	open = false
	if held := look(time.Minute, gib); !strings.HasPrefix(held, "its hours begin ") {
		t.Errorf("held: %q", held)
	}
	d.Hold("GPU-0", "a person's word goes first")
	if held := look(time.Second, gib); held != "a person's word goes first" {
		t.Errorf("held: %q", held)
	}
	open = true
	d.Hold("GPU-0", "")
	if held := look(time.Second, gib); held != "" {
		t.Errorf("held: %q", held)
	}
}

// slowUnload tells when it is asked to unload something, and waits until it may.
type slowUnload struct {
	*fakeGPU
	asked, may chan struct{}
}

func (s *slowUnload) Unload(ctx context.Context, plugin string, devices []string, model string) error {
	close(s.asked)
	<-s.may
	return s.fakeGPU.Unload(ctx, plugin, devices, model)
}

// TestNobodyCountsOnWhatGoes: while a model is unloaded, no task is let to it: it would load it anew beside what is not free yet.
func TestNobodyCountsOnWhatGoes(t *testing.T) {
	t.Parallel()
	g := &slowUnload{&fakeGPU{memory: 24 * gib, unloads: true, tells: true, models: map[string]int64{"ollama#llama": 20 * gib}, alive: map[string]bool{"ollama": true}}, make(chan struct{}), make(chan struct{})}
	k := leases.New(leases.Config{Processes: g, RAM: -1, Disk: -1})
	k.Observe([]device.Device{g.device()})
	lease := func(plugin, model string, unload ...string) chan error {
		at := sdk.Address{Run: "run_01J00000000000000000000000", Node: sdk.Step{Kind: "node", Name: plugin}, Attempt: 1}
		k.Expect(placement.Assignment{Task: placement.Task{ID: at.String(), Type: plugin + ".do", Plugin: plugin, Model: model, Request: device.Request{Count: 1, Memory: 20 * gib}}, Devices: []string{"GPU-0"}, Unload: unload})
		got := make(chan error, 1)
		go func() {
			_, release, err := k.Lease(t.Context(), &sdk.Task{Address: at, Type: plugin + ".do", Devices: []string{"GPU-0"}})
			if err == nil {
				defer release(nil)
			}
			got <- err
		}()
		return got
	}
	first := lease("comfyui", "flux", placement.WarmID(placement.Process("ollama", []string{"GPU-0"}), "llama"))
	<-g.asked
	second := lease("ollama", "llama")
	select {
	case err := <-second:
		t.Fatalf("a task was let to what goes: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(g.may)
	for len(first) == 0 || len(second) == 0 {
		k.Observe([]device.Device{g.device()}) // what was given up is free
	}
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
}

// TestUserOf: a model file is in use from when its task is told of until that has ended, whether it holds a device or none.
func TestUserOf(t *testing.T) {
	t.Parallel()
	d := leases.New(leases.Config{})
	task := &sdk.Task{Address: sdk.Address{Run: "run_00000000000000000000000001", Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: 1}}
	id := task.Address.String()
	d.Expect(placement.Assignment{Task: placement.Task{ID: id, Files: []string{"loras/ink.pt", "vae/x.pt"}}})
	_, release, err := d.Lease(t.Context(), task)
	if release != nil || err != nil {
		t.Fatal(err)
	}
	if got := d.UserOf("vae/x.pt"); got != id || d.UserOf("vae/y.pt") != "" {
		t.Errorf("%q uses it", got)
	}
	d.Forget(id)
	if got := d.UserOf("vae/x.pt"); got != "" {
		t.Errorf("%q uses it still", got)
	}
}

// TestWhatItHad: what a task had of its device is in what it used, the energy as the device's counter counts it.
func TestWhatItHad(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64 // seconds
	now := func() time.Time { return time.Unix(1_800_000_000+clock.Load(), 0) }
	g := &fakeGPU{memory: 24 * gib, models: map[string]int64{}, alive: map[string]bool{}}
	d := leases.New(leases.Config{Processes: g, RAM: -1, Disk: -1, Now: now})
	read := func(at int64, joules float64) {
		clock.Store(at)
		x := g.device()
		x.Reading.At, x.Reading.Energy = now(), &joules
		d.Observe([]device.Device{x})
	}
	read(0, 1000)
	at := sdk.Address{Run: "run_00000000000000000000000001", Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: 1}
	d.Expect(placement.Assignment{Task: placement.Task{ID: at.String(), Plugin: "ollama", Request: device.Request{Count: 1, Memory: 6 * gib}}, Devices: []string{"GPU-0"}})
	var used *sdk.Usage
	task := sdk.Task{Address: at, Devices: []string{"GPU-0"}}
	_, err := exec.Lease(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) {
		read(1, 1300)
		read(2, 1600)
		return sdk.Result{}, errors.New("it fails")
	}), d).Execute(t.Context(), task.WithReporter(func(r sdk.Report) { used = r.Usage }))
	if err == nil || used == nil || len(used.Devices) != 1 {
		t.Fatalf("%v, it used %+v", err, used)
	}
	if got := used.Devices[0]; got.UUID != "GPU-0" || got.Held != 2000 || got.Share != 2000 || got.Memory != 6*gib || got.Energy != 600 || got.Estimated != 0 {
		t.Errorf("it had %+v", got)
	}
}
