package pluginexec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/pin"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// Warm is one living process of a plugin.
type Warm struct {
	Plugin  string
	Devices []string // sorted; nil: none
	// PIDs are its processes, its own first, those that it started after it. A process that is about to start has none.
	PIDs    []int
	Started time.Time
	// LastUsed is when its last task ended, or its start.
	LastUsed time.Time
	// Tasks are the addresses of those that it works on now.
	Tasks []string
	// Starting: it takes no task yet. Ending: it takes no more.
	Starting, Ending bool
	// Models are what it held at ModelsAt, which is zero when it cannot tell, or was not asked yet. It is asked after each
	// task.
	Models   []sdk.Model
	ModelsAt time.Time
}

// Warm lists every process that carries out tasks, the one used longest ago first. It asks no plugin, so it is quick.
func (e *Executor) Warm() []Warm {
	e.mu.Lock()
	var all []*process
	for p := range e.live {
		if p.family != "" {
			all = append(all, p)
		}
	}
	e.mu.Unlock()
	var leaders []int
	for _, p := range all {
		leaders = append(leaders, p.run.PID())
	}
	pids := group.Processes(leaders)
	out := make([]Warm, len(all))
	for i, p := range all {
		out[i] = p.warm()
		out[i].PIDs = pids[leaders[i]]
	}
	slices.SortFunc(out, func(a, b Warm) int { return a.LastUsed.Compare(b.LastUsed) })
	return out
}

func (p *process) warm() Warm {
	w := Warm{Plugin: p.binary.Name, Devices: slices.Clone(p.devices), Started: p.started}
	w.Models, w.ModelsAt = p.holds.last()
	p.mu.Lock()
	defer p.mu.Unlock()
	w.LastUsed, w.Starting, w.Ending = p.lastUsed, !p.taking, p.retired || p.run.Ended()
	for _, t := range p.tasks {
		w.Tasks = append(w.Tasks, t.address)
	}
	slices.Sort(w.Tasks)
	return w
}

// Look has a plugin asked what it holds on a set of devices, in the background: an engine that it talks to may hold what no task loaded. A
// process is started where there is none. What it says is in Warm then.
func (e *Executor) Look(b Binary, devices []string) {
	devices = pin.Set(devices)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	s := e.slot(b, devices)
	p := s.process
	switch {
	case p == nil:
		st := e.begin(s, b, devices)
		e.owned.Go(func() {
			if <-st.done; st.process != nil {
				st.process.ask()
			}
		})
	case p.isReady():
		e.owned.Go(p.ask)
	}
}

// ErrNotRunning says that no process of a plugin is there to be asked.
var ErrNotRunning = errors.New("no process of the plugin runs")

// Installed asks the plugin's process for a set of devices what its engine has; ErrNotRunning where there is none.
func (e *Executor) Installed(ctx context.Context, b Binary, devices []string) ([]string, error) {
	e.mu.Lock()
	p := e.slot(b, pin.Set(devices)).process
	e.mu.Unlock()
	if p == nil || !p.isReady() {
		return nil, ErrNotRunning
	}
	return p.wire.Installed(ctx)
}

// BusyError says that a process cannot be ended or emptied, because it is at work.
type BusyError struct {
	Plugin  string
	Devices []string
	Tasks   []string // addresses; none: it is just starting for one
}

// Error says what it works on.
func (e *BusyError) Error() string {
	work := "is starting for a task"
	if len(e.Tasks) > 0 {
		work = "works on " + strings.Join(e.Tasks, ", ")
	}
	return fmt.Sprintf("plugin %s%s %s: its memory is not free before that ends", e.Plugin, on(e.Devices), work)
}

// LeftError says that processes outlived SIGKILL.
type LeftError struct {
	Plugin  string
	Devices []string
	PIDs    []int
}

// Error says which, and what it means.
func (e *LeftError) Error() string {
	return fmt.Sprintf("plugin %s%s was killed, but processes %v are still there: the kernel holds them, often a driver that hangs; "+
		"what they hold on a device is not free (dmesg may say why; a restart of the machine frees it)", e.Plugin, on(e.Devices), e.PIDs)
}

func on(devices []string) string {
	if len(devices) == 0 {
		return ""
	}
	return " on " + strings.Join(devices, ", ")
}

// ErrCannotUnload says that a plugin frees memory only when its process ends: Evict.
var ErrCannotUnload = errors.New("the plugin cannot unload models: only the end of its process frees their memory")

// Evict frees all that a plugin holds on a set of devices: it is told to unload, which also reaches engines that it talks
// to, then its processes are killed, and are gone when Evict returns. A process at work is a *BusyError and goes on, one
// that survives SIGKILL a *LeftError. No process is no error. Tasks that come meanwhile wait for a new process.
func (e *Executor) Evict(ctx context.Context, plugin string, devices []string) error {
	family := e.family(familyOf(plugin, devices))
	for _, p := range family {
		if w := p.warm(); !w.Ending && (w.Starting || len(w.Tasks) > 0) || len(w.Tasks) > 0 {
			return &BusyError{plugin, w.Devices, w.Tasks}
		}
	}
	var errs []error
	for _, p := range family {
		switch {
		case p.claim():
			p.unloadAll(ctx)
			p.kill(&verdict{})
		case !p.run.Ended(): // a task was quicker
			errs = append(errs, &BusyError{plugin, p.devices, p.warm().Tasks})
			continue
		}
		<-p.run.Done()
		if left := p.run.Facts().Left; len(left) > 0 {
			errs = append(errs, &LeftError{plugin, p.devices, left})
		}
	}
	return errors.Join(errs...)
}

// unloadAll gives the plugin the time to free what is not its process's own. What it says does not matter: it is killed.
func (p *process) unloadAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.exec.config.UnloadTimeout)
	defer cancel()
	if err := p.wire.Unload(ctx, ""); err != nil && !errors.Is(err, wire.ErrCannot) {
		p.exec.config.Log.Warn("plugin did not unload before its end", "plugin", p.binary.Name, "devices", p.devices, "error", err)
	}
}

// Unload has a plugin free one model on a set of devices, or all with "", and keeps its process warm. A plugin that cannot
// is ErrCannotUnload; with "", a process at work is a *BusyError. What is not loaded is no error.
func (e *Executor) Unload(ctx context.Context, plugin string, devices []string, model string) error {
	var errs []error
	for _, p := range e.family(familyOf(plugin, devices)) {
		w := p.warm()
		switch {
		case w.Starting:
		case model == "" && len(w.Tasks) > 0:
			errs = append(errs, &BusyError{plugin, w.Devices, w.Tasks})
		default:
			errs = append(errs, p.unload(ctx, model))
		}
	}
	return errors.Join(errs...)
}

func (p *process) unload(ctx context.Context, model string) error {
	limited, cancel := context.WithTimeout(ctx, p.exec.config.UnloadTimeout)
	defer cancel()
	err := p.wire.Unload(limited, model)
	if errors.As(err, new(*wire.ConnError)) && limited.Err() == nil {
		select { // a connection that broke is often the first that is seen of an end
		case <-p.run.Done():
			return nil // and all that it held with it
		case <-limited.Done():
		}
	}
	what := "everything"
	if model != "" {
		what = "model " + model
	}
	switch {
	case err == nil:
		p.refresh(limited)
		return nil
	case errors.Is(err, wire.ErrCannot):
		return fmt.Errorf("plugin %s%s: %w", p.binary.Name, on(p.devices), ErrCannotUnload)
	case ctx.Err() != nil:
		return fmt.Errorf("unload %s of plugin %s%s: %w", what, p.binary.Name, on(p.devices), context.Cause(ctx))
	case limited.Err() != nil:
		return fmt.Errorf("plugin %s%s did not unload %s within %s: evict it", p.binary.Name, on(p.devices), what, p.exec.config.UnloadTimeout)
	}
	return fmt.Errorf("unload %s of plugin %s%s: %w", what, p.binary.Name, on(p.devices), err)
}

// residentTimeout is how long a plugin may take to say what it holds.
const residentTimeout = 5 * time.Second

// residency remembers what a plugin said it holds.
type residency struct {
	mu     sync.Mutex
	models []sdk.Model
	at     time.Time
	asked  int  // questions so far
	known  int  // the question that models answers
	cannot bool // it has said so
	asking bool
	again  bool // a task ended meanwhile
}

func (r *residency) last() ([]sdk.Model, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.models), r.at
}

// ask has the plugin asked in the background, once at a time.
func (p *process) ask() {
	r := &p.holds
	r.mu.Lock()
	wanted := !r.cannot && !r.asking && !p.run.Ended()
	r.again = r.asking
	r.asking = r.asking || wanted
	r.mu.Unlock()
	if wanted && !p.exec.spawn(p.keepAsking) {
		r.done()
	}
}

func (p *process) keepAsking() {
	for {
		ctx, cancel := context.WithTimeout(p.exec.closing, residentTimeout)
		p.refresh(ctx)
		cancel()
		if p.holds.done() {
			return
		}
	}
}

// done ends the asking, unless it has to begin again.
func (r *residency) done() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking, r.again = r.again && !r.cannot, false
	return !r.asking
}

// refresh asks the plugin now. Without an answer, the last one stands.
func (p *process) refresh(ctx context.Context) {
	r := &p.holds
	r.mu.Lock()
	r.asked++
	question := r.asked
	r.mu.Unlock()
	models, err := p.wire.Resident(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil && question > r.known:
		r.models, r.at, r.known = models, time.Now(), question
	case err == nil: // a later question was answered sooner
	case errors.Is(err, wire.ErrCannot):
		r.cannot = true
	case !p.run.Ended() && ctx.Err() == nil:
		p.exec.config.Log.Debug("plugin did not say what it holds", "plugin", p.binary.Name, "error", err)
	}
}
