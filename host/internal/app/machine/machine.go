// Package machine is what one machine carries out plugins' tasks with: the plugins' processes, the devices and the leases of
// them. A host has one, and so has an agent. It wires, and holds no logic of those.
package machine

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/config/hours"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/fake"
	"github.com/myspinbot/spinbot/host/internal/gpu/metal"
	"github.com/myspinbot/spinbot/host/internal/gpu/nvml"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/host/internal/gpu/smi"
	"github.com/myspinbot/spinbot/host/internal/leases"
	"github.com/myspinbot/spinbot/host/internal/models"
	"github.com/myspinbot/spinbot/host/internal/outbound"
	"github.com/myspinbot/spinbot/sdk"
)

// Config is what a Machine is made of.
type Config struct {
	State local.State
	// Name is what the machine is called in its fleet; empty: it is the host's own. Version is that of this spinbot.
	Name, Version string
	File          *config.Config // nil: the defaults
	// Agent is the id that engines are told apart by which are devices of their own; empty: the one within a host.
	Agent string
	// Probe is the command that looks at the devices, as probe.Child takes it; empty: nobody does. Devices are those that
	// the configuration describes.
	Probe   []string
	Devices []gpu.Written
	Environ []string
	// Resolve finds the program of a node type; Configure what a plugin is told; Parks whether a node type's tasks may be
	// stopped and begun anew.
	Resolve   func(nodeType string) (pluginexec.Binary, error)
	Program   func(plugin string) (pluginexec.Binary, bool) // that of a plugin which may be used
	Configure func(ctx context.Context, plugin string) (sdk.Values, error)
	Parks     func(nodeType string) bool
	Crawls    func(id string) bool // see leases.Config
	Changed   func()               // the same
	Empty     func(note string)    // there are no devices
	Stocked   func(files bool)     // see models.Config.Changed
	Started   func(plugin string)  // see pluginexec.Config.Started
	Log       *slog.Logger
	TaskLog   *slog.Logger // what tasks say
}

// Machine carries out plugins' tasks.
type Machine struct {
	Plugins *pluginexec.Executor
	Devices *probe.Watch
	Leases  *leases.Keeper
	Models  *models.Library // nil: this machine does not say which model files it has
	// RAM and Disk are what there is to lease, in bytes; below zero: nobody knows.
	RAM, Disk int64

	cfg       Config
	mu        sync.Mutex
	following bool
	closed    bool
	unfollow  context.CancelFunc
	web       *outbound.Client // for model files
	followed  sync.WaitGroup
	classes   classes
	wanted    chan struct{} // somebody wants a device
	hours     atomic.Pointer[[]hours.Weekly]
}

// Prober finds the real devices of this machine. A driver may hang or end the process that asks it: so only the probe,
// a process of its own, uses it.
func Prober() gpu.Prober {
	wsl := gpu.WSL()
	ways := []gpu.Prober{nvml.New(), smi.Nvidia(smi.Programs, wsl)}
	if wsl { // where NVML knows less
		ways[0], ways[1] = ways[1], ways[0]
	}
	return gpu.Join(gpu.First(ways...), smi.AMD(smi.Programs), metal.New())
}

// ProbeEvery is how often devices are looked at.
const ProbeEvery = time.Second

// FirstLook is how long somebody who asks for devices waits for the first look at them.
const FirstLook = 3 * time.Second

// New makes a machine. It looks at its devices from Follow on. Close it in the end.
func New(c Config) (*Machine, error) {
	m := &Machine{cfg: c, wanted: make(chan struct{}, 1)}
	var err error
	m.Plugins, err = pluginexec.New(pluginexec.Config{Resolve: c.Resolve, Configure: c.Configure, SocketDir: filepath.Join(c.State.Dir, "plugins.sock"),
		Kind: m.kindOf, Started: c.Started, Log: c.TaskLog})
	if err != nil {
		return nil, err
	}
	m.Devices = m.watch()
	m.openModels()
	m.RAM, m.Disk = memory(), diskOf(c.State.Dir)
	held, err := m.readHolds()
	if err != nil {
		c.Log.Warn("which devices are held cannot be read: none is", "file", c.State.Holds(), "error", err)
	}
	m.SetHours(nil)
	reserve, engines := int64(0), []string(nil)
	if c.File != nil {
		m.SetHours(c.File.Hours)
		reserve = c.File.Placement.Reserve
	}
	for _, e := range m.engines() {
		engines = append(engines, e.Device)
	}
	m.Leases = leases.New(leases.Config{Held: held, Processes: processes{m.Plugins}, Engines: engines, RAM: m.RAM, Disk: m.Disk, Reserve: reserve, Reclaim: m.reclaim(), Open: m.open,
		Crawls: c.Crawls, Changed: c.Changed, Log: c.Log})
	return m, nil
}

// Close ends the plugins' processes and what looks at the devices.
func (m *Machine) Close() error {
	m.mu.Lock()
	m.closed = true
	if m.unfollow != nil {
		m.unfollow()
	}
	m.mu.Unlock()
	m.followed.Wait()
	m.closeModels()
	return errors.Join(m.Devices.Close(), m.Plugins.Close())
}

// watch makes what keeps watch over the devices.
func (m *Machine) watch() *probe.Watch {
	var sources []probe.Source
	if len(m.cfg.Probe) > 0 {
		sources = append(sources, probe.Child{Command: m.cfg.Probe, Environ: m.cfg.Environ}.Source)
	}
	if all := append(slices.Clone(m.cfg.Devices), m.engineDevices()...); len(all) > 0 {
		written := sync.OnceValue(func() gpu.Prober { return fake.New(all, time.Now) }) // scripts begin with the first look
		sources = append(sources, func(ctx context.Context, give func(probe.Sample)) error {
			return probe.Local(written(), ProbeEvery)(ctx, give)
		})
	}
	return probe.New(probe.Config{Sources: sources, Log: m.cfg.Log, Empty: m.cfg.Empty})
}

// kindOf says of what kind a device is; empty: it is not known.
func (m *Machine) kindOf(uuid string) device.Kind {
	for _, d := range m.Devices.Inventory().Devices {
		if d.UUID == uuid {
			return d.Kind
		}
	}
	return ""
}

// reclaim says how devices are given to other programs.
func (m *Machine) reclaim() leases.Reclaim {
	f := m.cfg.File
	if f == nil || f.Reclaim.Policy == config.Off {
		return leases.Reclaim{}
	}
	r := leases.Reclaim{Memory: f.Reclaim.Memory, After: f.Reclaim.After, Return: f.Reclaim.Return}
	switch f.Reclaim.Policy {
	case config.Cancel:
		r.Stops = func(string) bool { return true }
	case config.Park:
		r.Stops = m.cfg.Parks
	case config.Finish, config.Off:
	}
	return r
}

// SetHours says when devices may be used, from now on; none: always.
func (m *Machine) SetHours(hours []hours.Weekly) { m.hours.Store(&hours) }

// open says whether devices may be used now, and when that changes.
func (m *Machine) open(now time.Time) (bool, time.Time) { return hours.Open(*m.hours.Load(), now) }

func diskOf(folder string) int64 {
	s, err := artifacts.SpaceOf(folder)
	if err != nil {
		return -1
	}
	return int64(s.Free)
}

// Hold takes a device out of use, why for people; an empty why takes it back. It is kept in a file, so that a restart does
// not end it.
func (m *Machine) Hold(uuid, why string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	held, err := m.readHolds()
	if err != nil {
		return err
	}
	if delete(held, uuid); why != "" {
		held[uuid] = why
	}
	raw, err := json.Marshal(held)
	if err == nil {
		err = os.WriteFile(m.cfg.State.Holds(), raw, 0o600)
	}
	if err == nil {
		m.Leases.Hold(uuid, why)
	}
	return err
}

func (m *Machine) readHolds() (map[string]string, error) {
	held := map[string]string{}
	raw, err := os.ReadFile(m.cfg.State.Holds())
	if errors.Is(err, fs.ErrNotExist) {
		return held, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &held)
	}
	return held, err
}

// Wanted says that somebody wants a device, and should not wait for a look that is far off.
func (m *Machine) Wanted() {
	select {
	case m.wanted <- struct{}{}:
	default:
	}
}

// How often leases look at the readings: at each while tasks hold or want devices, which may also grow old between two;
// else seldom, and more seldom where there are none.
const (
	lookOften  = time.Second / 2
	lookSeldom = 2 * time.Second
	lookRarely = 5 * time.Second
	leastPause = time.Second / 20 // however many want devices
)

// Follow looks after the devices from now on: it waits for the first look, and has leases follow the readings. looked is
// called after each; idle says that nobody holds or wants any. Called again it does nothing.
func (m *Machine) Follow(idle func() bool, looked func(now time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.following || m.closed {
		return
	}
	m.following = true
	m.Devices.Start()
	ctx, cancel := context.WithCancel(context.Background())
	m.unfollow = cancel
	m.followed.Go(func() { m.follow(ctx, idle, looked) })
}

func (m *Machine) follow(ctx context.Context, idle func() bool, looked func(time.Time)) {
	var asked time.Time
	first, cancel := context.WithTimeout(ctx, FirstLook)
	_ = m.Devices.First(first) // what it found, or that it found nothing, is in the inventory
	cancel()
	for ctx.Err() == nil {
		next := time.After(leastPause)
		seen := m.Devices.Inventory().Devices
		m.Leases.Observe(seen)
		if now := time.Now(); len(m.engines()) > 0 && now.Sub(asked) >= askEngines && !idle() {
			asked = now
			m.askEngines(seen)
		}
		m.lookForClasses(ctx, seen)
		if m.Models != nil {
			m.Models.Background(func(context.Context) { m.Models.Look() }) // a folder may be on a network that hangs
		}
		looked(time.Now())
		pause, moved := lookRarely, m.Devices.Moved()
		switch {
		case len(seen) > 0 && idle():
			pause, moved = lookSeldom, nil
		case len(seen) > 0:
			pause = lookOften
		}
		select {
		case <-ctx.Done():
		case <-moved:
		case <-m.wanted:
			select {
			case <-ctx.Done():
			case <-next:
			}
		case <-time.After(pause):
		}
	}
}

// FirstSeen waits until leases know the devices.
func (m *Machine) FirstSeen(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, FirstLook)
	defer cancel()
	if err := m.Devices.First(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	m.Leases.Observe(m.Devices.Inventory().Devices)
	return nil
}

// processes are the plugins' processes as leases see them.
type processes struct{ plugins *pluginexec.Executor }

// Warm implements leases.Processes.
func (p processes) Warm() (out []leases.Process) {
	for _, w := range p.plugins.Warm() {
		if w.Starting || w.Ending {
			continue
		}
		out = append(out, leases.Process{Plugin: w.Plugin, Devices: w.Devices, PIDs: w.PIDs, Used: w.LastUsed, Models: w.Models,
			Tells: len(w.Tasks) == 0 && !w.ModelsAt.IsZero() && !w.ModelsAt.Before(w.LastUsed)}) // else what it said is out of date
	}
	return out
}

// Unload implements leases.Processes.
func (p processes) Unload(ctx context.Context, plugin string, devices []string, model string) error {
	err := p.plugins.Unload(ctx, plugin, devices, model)
	if errors.Is(err, pluginexec.ErrCannotUnload) {
		return leases.ErrCannotUnload
	}
	return err
}

// Evict implements leases.Processes.
func (p processes) Evict(ctx context.Context, plugin string, devices []string) error {
	return p.plugins.Evict(ctx, plugin, devices)
}
