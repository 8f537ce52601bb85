package leases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// Expect says that a task comes, and what it was promised.
func (d *Keeper) Expect(a placement.Assignment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expected[a.Task.ID] = a
	if len(a.Task.Files) > 0 {
		d.files[a.Task.ID] = a.Task.Files
	}
}

// UserOf says which task that comes or runs needs a model file; empty: none does.
func (d *Keeper) UserOf(file string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, files := range d.files {
		if slices.Contains(files, file) {
			return id
		}
	}
	return ""
}

// Forget says that a task comes no more, or has ended.
func (d *Keeper) Forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.expected, id)
	delete(d.files, id)
}

// Lease implements exec.Leaser.
func (d *Keeper) Lease(ctx context.Context, t *sdk.Task) (context.Context, func(error) *sdk.Usage, error) {
	id := t.Address.String()
	d.mu.Lock()
	a, ok := d.expected[id]
	delete(d.expected, id)
	d.mu.Unlock()
	if r := &a.Task.Request; ok && r.Count == 0 && r.RAM == 0 && r.Disk == 0 {
		return ctx, nil, nil // it was given this agent, and nothing of it
	}
	if !ok {
		if len(t.Devices) == 0 {
			return ctx, nil, nil
		}
		return nil, nil, refused("nobody has said that it comes with devices")
	}
	for _, warm := range append(a.Unload, d.beside(a)...) {
		if err := d.giveUp(ctx, warm); err != nil {
			d.cfg.Log.Warn("memory is not given up", "task", id, "what", warm, "error", err)
		}
	}
	lease, err := d.grant(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	held, release := d.hold(ctx, a, lease)
	return held, release, nil
}

// beside is what other processes keep warm where a task goes of which nobody knows what it needs: it has the device alone.
func (d *Keeper) beside(a placement.Assignment) (ids []string) {
	if r := &a.Task.Request; !r.Exclusive || r.Memory > 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.table.Warm() {
		if !w.Foreign && w.Process != placement.Process(a.Task.Plugin, a.Devices) && slices.ContainsFunc(w.Devices, func(uuid string) bool { return slices.Contains(a.Devices, uuid) }) {
			ids = append(ids, w.ID)
		}
	}
	return ids
}

func refused(why string) error { return &sdk.Error{Cause: sdk.CauseRefused, Message: why} }

// grant waits until the table grants what was promised: memory that was given up becomes free a moment later.
func (d *Keeper) grant(ctx context.Context, a placement.Assignment) (device.Lease, error) {
	ask := device.Ask{ID: a.Task.ID, Devices: a.Devices, Request: a.Task.Request, Warm: placement.WarmID(placement.Process(a.Task.Plugin, a.Devices), a.Task.Model)}
	patience := time.NewTimer(d.cfg.Patience)
	defer patience.Stop()
	for {
		d.mu.Lock()
		lease, err := device.Lease{}, error(&device.Refusal{Device: "", Why: "what it works with is being unloaded"})
		if !d.going[process(ask.Warm)] { // else it would count on what goes
			lease, err = d.table.Grant(ask, d.cfg.Now())
		}
		moved := d.moved
		d.mu.Unlock()
		var why *device.Refusal
		if !errors.As(err, &why) {
			return lease, err
		}
		if d.makeRoom(ctx, why.Device, ask) {
			continue
		}
		select {
		case <-moved:
		case <-patience.C:
			return lease, refused(why.Error())
		case <-ctx.Done():
			return lease, context.Cause(ctx)
		}
	}
}

// makeRoom has something given up that is idle on the device, what was used longest ago first. It says whether it did.
func (d *Keeper) makeRoom(ctx context.Context, uuid string, ask device.Ask) bool {
	d.mu.Lock()
	u := d.table.Unit(uuid)
	var oldest *device.Warm
	if u != nil && u.Usable() == "" && u.Needs(ask.Request.Memory, ask.Warm) > u.Free() {
		for _, w := range u.WarmOn() {
			if u.Idle(w) && w.ID != ask.Warm && (oldest == nil || w.Used.Before(oldest.Used)) {
				oldest = w
			}
		}
	}
	id := ""
	if oldest != nil {
		id = oldest.ID
	}
	d.mu.Unlock()
	return id != "" && d.giveUp(ctx, id) == nil
}

// giveUp has something warm given up: the model is unloaded, or where that cannot be, its process is ended. No task is let to the
// process meanwhile: it would count on what goes.
func (d *Keeper) giveUp(ctx context.Context, id string) error {
	c, err := d.begin(id)
	if err != nil || c.ID == "" {
		return err
	}
	whole, err := d.unload(ctx, c)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.going, c.Process)
	d.given++
	for _, other := range slices.Clone(d.table.Warm()) {
		if err == nil && (other.ID == id || whole && other.Process == c.Process) {
			d.table.Gone(other.ID, d.cfg.Now())
		}
	}
	d.move()
	return err
}

// begin says of something warm that it goes; nothing when it is not there.
func (d *Keeper) begin(id string) (device.Warm, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.warm(id)
	switch {
	case w == nil:
		return device.Warm{}, nil
	case d.working(id):
		return device.Warm{}, fmt.Errorf("a task works with %s", id)
	case d.going[w.Process]:
		return device.Warm{}, fmt.Errorf("%s gives something up already", w.Process)
	}
	d.going[w.Process] = true
	return *w, nil
}

// unload frees what is warm; whole: with its process. One with which a task works is not ended.
func (d *Keeper) unload(ctx context.Context, w device.Warm) (whole bool, err error) {
	names := w.As
	if len(names) == 0 && w.Model != "" {
		names = []string{w.Model}
	}
	if len(names) == 0 {
		err = ErrCannotUnload
	}
	for _, name := range names {
		err = errors.Join(err, d.cfg.Processes.Unload(ctx, w.Plugin, w.Devices, name))
	}
	if err == nil || ctx.Err() != nil || w.External {
		return false, err
	}
	d.mu.Lock()
	busy := d.leased(func(warm string) bool { return process(warm) == w.Process })
	d.mu.Unlock()
	if busy {
		return false, fmt.Errorf("a task works with %s, which cannot unload %s: %w", w.Process, w.Model, err)
	}
	return true, d.cfg.Processes.Evict(ctx, w.Plugin, w.Devices)
}

// hold keeps a lease for a task until its release.
func (d *Keeper) hold(ctx context.Context, a placement.Assignment, lease device.Lease) (context.Context, func(error) *sdk.Usage) {
	ctx, stop := context.WithCancelCause(ctx)
	h := &held{lease: lease, plugin: a.Task.Plugin, model: a.Task.Model, nodeType: a.Task.Type, since: d.cfg.Now(), stop: stop}
	d.mu.Lock()
	d.leases[lease.ID] = h
	d.tally.Hold(lease.ID, lease.Devices, lease.Memory, h.since)
	d.given++
	d.mu.Unlock()
	return ctx, func(err error) *sdk.Usage {
		stop(nil)
		var lost *exec.DeviceLostError
		if errors.As(err, &lost) {
			d.suspect(h, lost)
		}
		return d.release(h)
	}
}

// suspect keeps tasks from devices that one has just lost: it would be tried again there at once.
func (d *Keeper) suspect(h *held, lost *exec.DeviceLostError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, uuid := range h.lease.Devices {
		d.holdFor(uuid, byLoss, "it was lost under "+h.lease.ID+" a moment ago: "+lost.Err.Message)
		d.watched[uuid].lostAt = d.cfg.Now()
	}
}

// release gives a lease back; what its process goes on to hold is warm from now on.
func (d *Keeper) release(h *held) *sdk.Usage {
	processes, fresh := d.lockWarm()
	now := d.cfg.Now()
	used := d.tally.Release(h.lease.ID, h.lease.Devices, now)
	delete(d.leases, h.lease.ID)
	d.given++
	for _, p := range processes {
		if name := placement.Process(p.Plugin, p.Devices); name == process(h.lease.Warm) && len(p.Devices) > 0 {
			was := d.warm(h.lease.Warm)
			d.table.Keep(device.Warm{ID: h.lease.Warm, Process: name, Plugin: h.plugin, Devices: h.lease.Devices, Model: h.model, Memory: h.lease.Memory, Used: now, Told: was != nil && was.Told})
		}
	}
	d.table.Release(h.lease.ID, h.lease.Epoch, now)
	if fresh {
		d.refresh(processes)
	}
	d.move()
	d.mu.Unlock()
	d.cfg.Changed()
	return &sdk.Usage{DeviceMemory: h.peak, DeviceTime: now.Sub(h.since).Milliseconds() * int64(len(h.lease.Devices)), Devices: used}
}
