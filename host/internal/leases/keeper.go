// Package leases owns this machine's devices: who holds what of them (core/device's table is the last word), what plugins
// keep warm there, and what has to go so that a task finds room. Readings come from outside, and so do processes; memory
// that was given up is granted again once a reading shows that it is free.
package leases

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/tally"
	"github.com/myspinbot/spinbot/sdk"
)

// Process is a living process of a plugin.
type Process struct {
	Plugin  string
	Devices []string
	PIDs    []int
	Used    time.Time // when a task ran in it last
	// Models are what it said that it holds, when it Tells.
	Models []sdk.Model
	Tells  bool
}

// Processes are the plugins' processes on this machine.
type Processes interface {
	Warm() []Process
	// Unload frees one model. ErrCannotUnload: only the end of the process does.
	Unload(ctx context.Context, plugin string, devices []string, model string) error
	// Evict ends a process that no task runs in. It is gone when Evict returns.
	Evict(ctx context.Context, plugin string, devices []string) error
}

// ErrCannotUnload says that a plugin frees memory only when its process ends.
var ErrCannotUnload = errors.New("the plugin cannot unload models")

// Config is what a Keeper works with.
type Config struct {
	Processes Processes
	// Engines are the devices on which engines compute that run by themselves.
	Engines []string
	// RAM and Disk are what there is to lease, in bytes; below zero: as much as is asked for. Reserve is kept free of each
	// device.
	RAM, Disk, Reserve int64
	// Patience is how long a task waits for memory that was given up to become free; 0: 20 s.
	Patience time.Duration
	Reclaim  Reclaim
	// Held says which devices a person holds from the beginning, and why.
	Held map[string]string
	// Open says whether devices may be used now, and when that changes; nil: always.
	Open func(now time.Time) (bool, time.Time)
	// Crawls says whether a task is so slow that lack of memory is the likely reason; nil: none ever is.
	Crawls func(id string) bool
	// Changed is called when something has become different for whoever places tasks, with nothing locked here.
	Changed func()
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger
}

// Keeper holds this machine's devices. It is safe for concurrent use.
type Keeper struct {
	cfg Config

	mu       sync.Mutex
	table    *device.Table
	read     []device.Device // as they were last read
	expected map[string]placement.Assignment
	files    map[string][]string // the model files of each task that comes or runs
	leases   map[string]*held
	tally    *tally.Tally
	given    int             // how often a lease was given or taken back, or something warm was given up
	going    map[string]bool // processes that give something up just now: no task is let to them meanwhile
	watched  map[string]*watched
	ours     func(pid int) bool // as of the last look
	moved    chan struct{}      // closed and made anew when something was given back or read
}

// held is a lease with the task that holds it.
type held struct {
	lease    device.Lease
	plugin   string
	model    string
	nodeType string
	since    time.Time
	peak     int64
	stop     context.CancelCauseFunc
}

// New makes the keeper of this machine's devices: none, until they are observed.
func New(c Config) *Keeper {
	c.Patience = cmp.Or(c.Patience, 20*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	d := &Keeper{cfg: c, table: device.NewTable(c.RAM, c.Disk), expected: map[string]placement.Assignment{}, files: map[string][]string{}, leases: map[string]*held{}, tally: tally.New(), going: map[string]bool{}, watched: map[string]*watched{}, ours: func(int) bool { return false }, moved: make(chan struct{})}
	d.table.Reserve, d.table.Engines = c.Reserve, c.Engines
	for uuid, why := range c.Held {
		d.holdFor(uuid, byPerson, why)
	}
	return d
}

// View is what whoever places tasks has to know.
func (d *Keeper) View() (devices []device.Device, warm []device.Warm) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range d.table.Units() {
		shown := u.Device
		foreign := u.Foreign()
		shown.Ill, shown.Reading.Foreign = u.Usable(), &foreign
		devices = append(devices, shown)
	}
	for _, w := range d.table.Warm() {
		warm = append(warm, *w)
	}
	return devices, warm
}

// Use is what is held of a device.
type Use struct {
	Held    string   // why it is out of use; empty: it is in use
	Tasks   []string // addresses
	Warm    []string // IDs of what nobody works with
	Granted int64    // bytes of both
}

// Uses says what is held of each device, by UUID.
func (d *Keeper) Uses() map[string]Use {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]Use{}
	for _, u := range d.table.Units() {
		use := Use{Held: u.Held, Granted: u.Taken()}
		for _, l := range u.Leases() {
			use.Tasks = append(use.Tasks, l.ID)
		}
		for _, w := range u.WarmOn() {
			if u.Idle(w) {
				use.Warm = append(use.Warm, w.ID)
			}
		}
		out[u.UUID] = use
	}
	return out
}

// move wakes whoever waits for something to be given back. mu is held.
func (d *Keeper) move() {
	close(d.moved)
	d.moved = make(chan struct{})
}

// Observe takes in the devices as they were last read.
func (d *Keeper) Observe(devices []device.Device) {
	processes, fresh := d.lockWarm()
	d.read = devices
	d.ours = ours(processes)
	d.table.Observe(devices, d.ours)
	d.tally.Read(devices, d.cfg.Now())
	if fresh {
		d.refresh(processes)
	}
	calls := append(d.watch(processes), d.look(d.cfg.Now())...)
	d.move()
	d.mu.Unlock()
	for _, call := range calls {
		call()
	}
	d.cfg.Changed()
}

// lockWarm takes mu, and gives what processes keep warm. fresh: no lease has been given or taken back since they were asked. What an
// older look missed would be taken for gone, and its memory given to somebody else.
func (d *Keeper) lockWarm() (processes []Process, fresh bool) {
	for range 10 {
		d.mu.Lock()
		was := d.given
		d.mu.Unlock()
		processes = d.cfg.Processes.Warm()
		d.mu.Lock()
		if d.given == was {
			return processes, true
		}
		d.mu.Unlock()
	}
	d.mu.Lock()
	return processes, false
}

func ours(processes []Process) func(pid int) bool {
	pids := map[int]bool{}
	for _, p := range processes {
		for _, pid := range p.PIDs {
			pids[pid] = true
		}
	}
	return func(pid int) bool { return pids[pid] }
}

// refresh takes in what processes keep warm. mu is held.
func (d *Keeper) refresh(processes []Process) {
	keeps := map[string]bool{} // by ID, or by process where it does not tell
	for _, p := range processes {
		name := placement.Process(p.Plugin, p.Devices)
		if !p.Tells || d.leased(func(warm string) bool { return process(warm) == name }) { // what it tells now its task goes on to change
			keeps[name] = true
			continue
		}
		if last := d.called(name, p.Models); last != nil {
			var sum int64
			last.Foreign, last.As = false, nil
			for _, m := range p.Models {
				last.As = append(last.As, m.Name)
				sum += m.Memory / max(1, int64(len(p.Devices)))
				last.Foreign = last.Foreign || m.InUse && !d.working(last.ID)
			}
			last.Memory = cmp.Or(sum, last.Memory)
			keeps[last.ID] = true
			d.table.Keep(*last)
			continue
		}
		for _, m := range p.Models {
			w := device.Warm{ID: placement.WarmID(name, m.Name), Process: name, Plugin: p.Plugin, Devices: p.Devices, Model: m.Name, Used: p.Used, Told: true}
			if len(p.Devices) > 0 {
				w.Memory = m.Memory / int64(len(p.Devices))
			}
			if was := d.warm(w.ID); was != nil {
				w.Memory, w.Used = cmp.Or(w.Memory, was.Memory), was.Used
			}
			w.Foreign = m.InUse && !d.working(w.ID)
			keeps[w.ID] = true
			d.table.Keep(w)
		}
	}
	now := d.cfg.Now()
	for _, w := range slices.Clone(d.table.Warm()) {
		if !keeps[w.ID] && !keeps[w.Process] && !w.External {
			d.table.Gone(w.ID, now)
		}
	}
}

// called gives what the last task of a process worked with, when the process holds something and has only other names for it: what it
// holds then goes by the name that tasks have for it. Else nil. mu is held.
func (d *Keeper) called(process string, models []sdk.Model) *device.Warm {
	var last *device.Warm
	for _, w := range d.table.Warm() {
		if w.Process == process && (last == nil || w.Used.After(last.Used)) {
			last = w
		}
	}
	known := func(m sdk.Model) bool { return d.warm(placement.WarmID(process, m.Name)) != nil }
	if len(models) == 0 || last == nil || last.Told || slices.ContainsFunc(models, known) {
		return nil
	}
	named := *last
	return &named
}

// working says whether a task of ours works with something warm, or is about to. mu is held.
func (d *Keeper) working(id string) bool {
	return d.leased(func(warm string) bool { return warm == id })
}

// leased says whether there is a lease with something warm that is meant.
func (d *Keeper) leased(meant func(warm string) bool) bool {
	return slices.ContainsFunc(d.table.Units(), func(u *device.Unit) bool {
		return slices.ContainsFunc(u.Leases(), func(l *device.Lease) bool { return meant(l.Warm) })
	})
}

func (d *Keeper) warm(id string) *device.Warm {
	for _, w := range d.table.Warm() {
		if w.ID == id {
			return w
		}
	}
	return nil
}

// watch looks after the tasks that hold devices: how much they use, whether a device was lost under them, whether they crawl
// for lack of memory. It gives what has to be done once mu is not held any more.
func (d *Keeper) watch(processes []Process) (stops []func()) {
	for id, h := range d.leases {
		h.peak = max(h.peak, d.used(h, processes))
		for _, uuid := range h.lease.Devices {
			u := d.table.Unit(uuid)
			switch {
			case u == nil:
			case u.Ill != "":
				stops = append(stops, func() { h.stop(lostDevice(uuid, u.Ill)) })
			case full(u) && d.cfg.Crawls != nil:
				stops = append(stops, func() {
					if d.cfg.Crawls(id) {
						h.stop(spilling(u))
					}
				})
			}
		}
	}
	return stops
}

// full says whether a device has next to nothing left.
func full(u *device.Unit) bool {
	free := u.Reading.Free
	return free != nil && *free < u.Memory/32
}

func lostDevice(uuid, why string) error {
	return &sdk.Error{Cause: sdk.CauseLost, Message: fmt.Sprintf("%s, which it ran on, %s", device.Short(uuid), why), Hint: "spinbot devices shows how it is now"}
}

func spilling(u *device.Unit) error {
	return &sdk.Error{Cause: sdk.CauseSpilling, Message: fmt.Sprintf("it was more than five times as slow as usual, and %s has no memory left", device.Short(u.UUID)),
		Hint: "give the node more memory in its device block, or a degrade block for spilling"}
}

// used is how much memory of one of its devices the process of a task uses now; 0 when nobody can tell, or when several tasks
// share the process.
func (d *Keeper) used(h *held, processes []Process) (most int64) {
	for _, other := range d.leases {
		if other != h && other.lease.Warm != "" && process(other.lease.Warm) == process(h.lease.Warm) {
			return 0
		}
	}
	for _, p := range processes {
		if placement.Process(p.Plugin, p.Devices) != process(h.lease.Warm) {
			continue
		}
		for _, uuid := range h.lease.Devices {
			if u := d.table.Unit(uuid); u != nil {
				most = max(most, usedBy(u, p.PIDs))
			}
		}
	}
	return most
}

func usedBy(u *device.Unit, pids []int) (sum int64) {
	for _, p := range u.Reading.Processes {
		if p.Memory != nil && slices.Contains(pids, p.PID) {
			sum += *p.Memory
		}
	}
	return sum
}

// process is the name of the process in the ID of something warm.
func process(warmID string) string {
	name, _, _ := strings.Cut(warmID, "#")
	return name
}
