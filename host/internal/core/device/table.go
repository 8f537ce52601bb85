package device

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Lease is what a task holds of the devices of one agent for a time.
type Lease struct {
	ID string // the task's address
	// Epoch is the fence: it grows with each grant of the table, and who comes with another one is turned away.
	Epoch   uint64
	Devices []string
	// Memory is bytes of each device; RAM and Disk are the agent's.
	Memory, RAM, Disk int64
	Exclusive         bool
	// Warm is the Warm that the task works with; leases with the same one share what it holds already.
	Warm string
	// Expires is when it ends unless it is renewed; zero: never. Ends is when the task is expected to be done; zero: unknown.
	Expires, Ends time.Time
}

// Warm is a model that a process keeps on devices while no task works with it. Its memory is given up when it is told to.
type Warm struct {
	// ID is its name within the agent: its process and the model.
	ID string
	// Process is the name of the plugin's process: there is one for each plugin and set of devices.
	Process string
	Plugin  string
	Devices []string
	// Model is empty for what a process holds without any.
	Model string
	// Memory is what it holds of each device, in bytes: as it says, else as its last task was granted.
	Memory int64
	// External: the process is somebody else's engine. It can be asked to unload, not ended.
	External bool
	// Foreign: the engine works for somebody else now.
	Foreign bool
	// Used is when a task worked with it last.
	Used time.Time
	// Told: the process itself calls it so. Else tasks do, and As is what the process calls what it holds, as far as it has said.
	Told bool
	As   []string
}

// Refusal says why the table grants nothing. The same request is not worth another try before Revision has advanced.
type Refusal struct {
	Device   string // its UUID; empty when the agent itself is short of something
	Why      string
	Revision uint64
}

func (r *Refusal) Error() string {
	if r.Device == "" {
		return r.Why
	}
	return Short(r.Device) + " " + r.Why
}

// Table is the lease table of one agent: its word is the last on who may use which device. It has one owner at a time.
type Table struct {
	// Reserve is memory of each device that nobody is granted, in bytes.
	Reserve int64
	// TTL is how long a lease holds without being renewed; zero: it does not end by itself.
	TTL time.Duration
	// Trusting: memory that was given up is free at once. A table that only foresees what an agent will grant trusts; the
	// agent's own grants such memory once a reading shows that it is free.
	Trusting bool
	// Engines are the UUIDs of devices on which engines compute that somebody else runs. What their processes hold there for our tasks is
	// ours, though the processes are not.
	Engines []string

	epoch, revision uint64
	units           []*Unit
	leases          map[string]*Lease
	warm            []*Warm
	ram, disk       amount
}

// amount is something of the agent that is leased like device memory; a total below zero: nobody knows how much there is.
type amount struct{ total, leased int64 }

// Unit is a device with what is held of it.
type Unit struct {
	Device
	// Held is why a person took it out of use; empty: it is in use.
	Held string

	table  *Table
	leases []*Lease
	warm   []*Warm
	ghosts []ghost
	base   int64  // what foreign processes used when none of ours was there
	ours   *int64 // what processes of ours were measured to use at the last reading; nil: the driver does not tell
}

// ghost is memory of a process that has ended: it counts as taken until a reading shows that it is free.
type ghost struct {
	memory int64
	since  time.Time
}

// NewTable makes the table of an agent with so much RAM and disk to lease, in bytes; below zero: as much as is asked for.
func NewTable(ram, disk int64) *Table {
	return &Table{leases: map[string]*Lease{}, ram: amount{total: ram}, disk: amount{total: disk}}
}

// SetAgent sets how much RAM and disk the agent has to lease.
func (t *Table) SetAgent(ram, disk int64) { t.ram.total, t.disk.total = ram, disk }

// Revision grows whenever a request that was refused could be granted, or the other way round.
func (t *Table) Revision() uint64 { return t.revision }

// Units are the devices, in the order in which they became known. They belong to the table.
func (t *Table) Units() []*Unit { return t.units }

// Unit finds a device by its UUID; nil: there is none.
func (t *Table) Unit(uuid string) *Unit {
	for _, u := range t.units {
		if u.UUID == uuid {
			return u
		}
	}
	return nil
}

// Lease finds a lease by its ID; nil: there is none.
func (t *Table) Lease(id string) *Lease { return t.leases[id] }

// Warm lists what is kept warm, in the order in which they became known.
func (t *Table) Warm() []*Warm { return t.warm }

// Observe takes the devices as they were last read. One that is not among them is ill from now on: it may come back. ours
// says which processes belong to us; nil: none does.
func (t *Table) Observe(devices []Device, ours func(pid int) bool) {
	t.revision++
	seen := make(map[string]bool, len(devices))
	for _, d := range devices {
		seen[d.UUID] = true
		u := t.Unit(d.UUID)
		if u == nil {
			u = &Unit{table: t, Device: d}
			t.units = append(t.units, u)
			u.warm = slices.DeleteFunc(slices.Clone(t.warm), func(w *Warm) bool { return !slices.Contains(w.Devices, d.UUID) })
		}
		u.Device, u.ours = d, measured(&d, ours)
		u.ghosts = slices.DeleteFunc(u.ghosts, func(g ghost) bool { return d.Reading.Used == nil || d.Reading.At.After(g.since) })
		if used := d.Reading.Used; used != nil && (*used < u.base || len(u.leases) == 0 && len(u.warm) == 0 && len(u.ghosts) == 0) {
			u.base = *used
		}
	}
	for _, u := range t.units {
		if !seen[u.UUID] {
			u.Ill = "is not there any more"
		}
	}
}

// measured adds up what processes of ours use; nil where the driver does not tell of one of them.
func measured(d *Device, ours func(pid int) bool) *int64 {
	if d.Reading.Processes == nil || ours == nil {
		return nil
	}
	var sum int64
	for _, p := range d.Reading.Processes {
		if !ours(p.PID) {
			continue
		}
		if p.Memory == nil {
			return nil
		}
		sum += *p.Memory
	}
	return &sum
}

// Hold takes a device out of use, why for people; an empty why takes it back. It says whether there is such a device.
func (t *Table) Hold(uuid, why string) bool {
	u := t.Unit(uuid)
	if u != nil && u.Held != why {
		u.Held = why
		t.revision++
	}
	return u != nil
}

// Ask is a request for chosen devices.
type Ask struct {
	ID      string
	Devices []string
	Request Request
	Warm    string
	Ends    time.Time
}

// Grant leases the devices, all or none. A second request with the ID of a lease is refused.
func (t *Table) Grant(a Ask, now time.Time) (Lease, error) {
	if t.leases[a.ID] != nil {
		return Lease{}, t.refuse("", "a lease of "+a.ID+" is there already")
	}
	units := make([]*Unit, len(a.Devices))
	for k, uuid := range a.Devices {
		u := t.Unit(uuid)
		switch {
		case u == nil:
			return Lease{}, t.refuse(uuid, "is not a device of this agent")
		case slices.Contains(units[:k], u):
			return Lease{}, t.refuse(uuid, "was asked for twice")
		}
		if why := u.Refuses(&a.Request, a.Warm); why != "" {
			return Lease{}, t.refuse(uuid, why)
		}
		units[k] = u
	}
	if why := t.Short(&a.Request); why != "" {
		return Lease{}, t.refuse("", why)
	}
	return *t.grant(a, units, now), nil
}

// Adopt leases devices to a task that has them already, however little is free. What is not a device of the agent is left out.
func (t *Table) Adopt(a Ask, now time.Time) Lease {
	var units []*Unit
	for _, uuid := range a.Devices {
		if u := t.Unit(uuid); u != nil {
			units = append(units, u)
		}
	}
	l := t.grant(a, units, now)
	for _, u := range units {
		if n := len(u.leases) - 1; l.Exclusive && n > 0 { // who looks whether a device is somebody's own looks at the first
			copy(u.leases[1:], u.leases[:n])
			u.leases[0] = l
		}
	}
	return *l
}

func (t *Table) refuse(device, why string) error {
	return &Refusal{Device: device, Why: why, Revision: t.revision}
}

// Short says what the agent itself has too little of for the request; empty when it has enough.
func (t *Table) Short(r *Request) string {
	if why := t.ram.lacks("RAM", r.RAM); why != "" {
		return why
	}
	return t.disk.lacks("disk", r.Disk)
}

func (a *amount) lacks(what string, need int64) string {
	if need == 0 || a.total < 0 || need <= a.total-a.leased {
		return ""
	}
	return fmt.Sprintf("needs %s of %s, and %s of %s are free", sdk.FormatSize(need), what, sdk.FormatSize(max(0, a.total-a.leased)), sdk.FormatSize(a.total))
}

// Exceeds says what of the request is more than the agent has in all, whoever uses it now; empty when nothing is.
func (t *Table) Exceeds(r *Request) string {
	if why := t.ram.exceeds("RAM", r.RAM); why != "" {
		return why
	}
	return t.disk.exceeds("disk", r.Disk)
}

func (a *amount) exceeds(what string, need int64) string {
	if a.total < 0 || need <= a.total {
		return ""
	}
	return fmt.Sprintf("has %s of %s in all, not %s", sdk.FormatSize(a.total), what, sdk.FormatSize(need))
}

func (t *Table) grant(a Ask, units []*Unit, now time.Time) *Lease {
	t.epoch++
	t.revision++
	l := &Lease{ID: a.ID, Epoch: t.epoch, Devices: a.Devices, Memory: a.Request.Memory, RAM: a.Request.RAM, Disk: a.Request.Disk,
		Exclusive: a.Request.Exclusive, Warm: a.Warm, Ends: a.Ends}
	if t.TTL > 0 {
		l.Expires = now.Add(t.TTL)
	}
	t.leases[l.ID] = l
	t.ram.leased += l.RAM
	t.disk.leased += l.Disk
	for _, u := range units {
		u.leases = append(u.leases, l)
	}
	return l
}

// Renew lets a lease hold for another TTL. False: it has ended, and whoever held it must stop.
func (t *Table) Renew(id string, epoch uint64, now time.Time) bool {
	l := t.leases[id]
	if l == nil || l.Epoch != epoch {
		return false
	}
	if t.TTL > 0 {
		l.Expires = now.Add(t.TTL)
	}
	return true
}

// Release gives a lease back. False: it had ended before. Where nothing is kept warm its memory counts as taken until a
// reading shows that it is free.
func (t *Table) Release(id string, epoch uint64, now time.Time) bool {
	l := t.leases[id]
	if l == nil || l.Epoch != epoch {
		return false
	}
	t.drop(l, now)
	return true
}

// Expire ends every lease that was not renewed in time, and gives them in the order in which they were granted.
func (t *Table) Expire(now time.Time) []Lease {
	var out []Lease
	for _, l := range t.leases {
		if !l.Expires.IsZero() && !now.Before(l.Expires) {
			out = append(out, *l)
		}
	}
	slices.SortFunc(out, func(a, b Lease) int { return cmp.Compare(a.Epoch, b.Epoch) })
	for k := range out {
		t.drop(t.leases[out[k].ID], now)
	}
	return out
}

func (t *Table) drop(l *Lease, now time.Time) {
	t.revision++
	delete(t.leases, l.ID)
	t.ram.leased -= l.RAM
	t.disk.leased -= l.Disk
	for _, uuid := range l.Devices {
		u := t.Unit(uuid)
		if u == nil {
			continue
		}
		before := u.taken()
		u.leases = slices.DeleteFunc(u.leases, func(x *Lease) bool { return x == l })
		u.haunt(before-u.taken(), l.Warm != "" && u.find(l.Warm) != nil, now)
	}
}

// haunt keeps memory that was given up from being granted until a reading shows that it is free. Where nothing is
// measured, or a process that lives on goes by its own figures, it is free at once.
func (u *Unit) haunt(memory int64, alive bool, now time.Time) {
	if memory > 0 && u.Reading.Used != nil && !alive {
		u.ghosts = append(u.ghosts, ghost{memory, now})
	}
}

// Keep takes in what is kept warm: it is new, or its figures have changed.
func (t *Table) Keep(w Warm) {
	t.revision++
	at := slices.IndexFunc(t.warm, func(x *Warm) bool { return x.ID == w.ID })
	if at < 0 {
		at = len(t.warm)
		t.warm = append(t.warm, &Warm{})
	}
	kept := t.warm[at]
	moved := !slices.Equal(kept.Devices, w.Devices)
	*kept = w
	if !moved {
		return
	}
	for _, u := range t.units {
		u.warm = slices.DeleteFunc(u.warm, func(x *Warm) bool { return x == kept })
		if slices.Contains(w.Devices, u.UUID) {
			u.warm = append(u.warm, kept)
		}
	}
}

// Gone says that something is not kept warm any more.
func (t *Table) Gone(id string, now time.Time) {
	at := slices.IndexFunc(t.warm, func(x *Warm) bool { return x.ID == id })
	if at < 0 {
		return
	}
	t.revision++
	w := t.warm[at]
	t.warm = slices.Delete(t.warm, at, at+1)
	for _, uuid := range w.Devices {
		if u := t.Unit(uuid); u != nil {
			before := u.taken()
			u.warm = slices.DeleteFunc(u.warm, func(x *Warm) bool { return x == w })
			u.haunt(before-u.taken(), false, now)
		}
	}
}
