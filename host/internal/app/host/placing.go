package host

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/leases"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// localAgent is the agent within this process.
const localAgent = "local"

// never is longer than any task waits.
const never = 100 * 365 * 24 * time.Hour

// place makes what gives devices to tasks: the leases of this machine's devices, and the placer.
func (h *Host) place() {
	policy := placement.Policy{}
	if f := h.cfg.File; f != nil {
		policy = placement.Policy{Ageing: f.Placement.Ageing, Preempt: f.Placement.Preempt, Reserve: f.Placement.Reserve, Quotas: map[string]placement.Quota{}}
		if policy.Ageing == 0 { // a file's 0 means that nobody rises; the policy's own, that everybody does as usual
			policy.Ageing = never
		}
		for _, q := range f.Quotas {
			policy.Quotas[q.User] = placement.Quota{Devices: q.Devices, Memory: q.Memory}
		}
	}
	h.ram, h.disk = memory(), diskOf(h.cfg.State.Dir)
	held, err := h.readHolds()
	if err != nil {
		h.cfg.Log.Warn("which devices are held cannot be read: none is", "file", h.cfg.State.Holds(), "error", err)
	}
	h.leases = leases.New(leases.Config{Held: held, Processes: processes{h}, RAM: h.ram, Disk: h.disk, Reserve: policy.Reserve, Reclaim: h.reclaim(), Open: h.hours(),
		Crawls: func(id string) bool { return h.placer.Crawls(id) }, Changed: h.tellPlacer, Log: h.cfg.Log})
	h.placer = placer.New(placer.Config{Policy: policy, Plugin: h.pluginOf, Engines: h.engines(), Expect: h.leases.Expect, File: h.cfg.State.Learned(), Log: h.cfg.Log})
}

// reclaim says how devices are given to other programs.
func (h *Host) reclaim() leases.Reclaim {
	f := h.cfg.File
	if f == nil || f.Reclaim.Policy == config.Off {
		return leases.Reclaim{}
	}
	r := leases.Reclaim{Memory: f.Reclaim.Memory, After: f.Reclaim.After, Return: f.Reclaim.Return}
	switch f.Reclaim.Policy {
	case config.Cancel:
		r.Stops = func(string) bool { return true }
	case config.Park:
		r.Stops = h.parks
	case config.Finish, config.Off:
	}
	return r
}

func (h *Host) parks(nodeType string) bool {
	v, err := h.catalog.Last(context.Background())
	if err != nil {
		return false
	}
	t, _ := v.NodeType(nodeType)
	return t.Parks
}

// hours says when devices may be used; nil: always.
func (h *Host) hours() func(time.Time) (bool, time.Time) {
	if h.cfg.File == nil || len(h.cfg.File.Hours) == 0 {
		return nil
	}
	return func(now time.Time) (bool, time.Time) { return config.Open(h.cfg.File.Hours, now) }
}

// engines are the devices that external engines use, by plugin. One that is a device of its own is written down as one.
func (h *Host) engines() map[string][]string {
	if h.cfg.File == nil {
		return nil
	}
	out := map[string][]string{}
	for _, e := range h.cfg.File.Engines {
		uuid := e.Device
		if uuid == "" {
			uuid = "ENGINE-" + e.Name
		}
		out[e.Plugin] = append(out[e.Plugin], uuid)
	}
	return out
}

// engineDevices are the engines that are devices of their own.
func engineDevices(f *config.Config) (out []gpu.Written) {
	if f == nil {
		return nil
	}
	for _, e := range f.Engines {
		if e.Device == "" {
			out = append(out, gpu.Written{Device: device.Device{UUID: "ENGINE-" + e.Name, Kind: device.Engine, Name: e.Plugin + " at " + e.URL, Memory: e.Memory}})
		}
	}
	return out
}

func diskOf(folder string) int64 {
	s, err := artifacts.SpaceOf(folder)
	if err != nil {
		return -1
	}
	return int64(s.Free)
}

func (h *Host) pluginOf(nodeType string) string {
	if e, err := h.offers(nodeType); err == nil {
		return e.Name
	}
	name, _, _ := strings.Cut(nodeType, ".")
	return name
}

// kindOf says of what kind a device is; empty: it is not known.
func (h *Host) kindOf(uuid string) device.Kind {
	for _, d := range h.devices.Inventory().Devices {
		if d.UUID == uuid {
			return d.Kind
		}
	}
	return ""
}

// tellPlacer says how this machine's devices are now.
func (h *Host) tellPlacer() {
	devices, warm := h.leases.View()
	h.placer.Agent(placement.Agent{ID: localAgent, Name: "this machine"}, devices, h.ram, h.disk, warm)
}

// followDevices looks after the devices from now on: it waits for the first look, and has leases follow the readings. Called
// again it does nothing.
func (h *Host) followDevices() {
	h.following.Do(func() {
		h.devices.Start()
		ctx, cancel := context.WithCancel(context.Background())
		h.unfollow = cancel
		h.followed = make(chan struct{})
		go func() {
			defer close(h.followed)
			h.follow(ctx)
		}()
	})
}

// How often leases look at the readings: at each while tasks hold or want devices, which may also grow old between two;
// else seldom, and more seldom where there are none.
const (
	lookOften  = time.Second / 2
	lookSeldom = 2 * time.Second
	lookRarely = 5 * time.Second
)

func (h *Host) follow(ctx context.Context) {
	first, cancel := context.WithTimeout(ctx, firstLook)
	_ = h.devices.First(first) // what it found, or that it found nothing, is in the inventory
	cancel()
	said := map[string]said{}
	for ctx.Err() == nil {
		seen := h.devices.Inventory().Devices
		h.leases.Observe(seen)
		h.sayWaiting(said, time.Now())
		if err := h.placer.Save(); err != nil {
			h.cfg.Log.Warn("learning goes on without", "error", err)
		}
		pause, moved := lookRarely, h.devices.Moved()
		switch {
		case len(seen) > 0 && h.placer.Idle():
			pause, moved = lookSeldom, nil
		case len(seen) > 0:
			pause = lookOften
		}
		select {
		case <-ctx.Done():
		case <-moved:
		case <-h.wanted:
		case <-time.After(pause):
		}
	}
}

// said is what whoever watches was told of an attempt that waits for devices.
type said struct {
	next time.Time // when it may be said, or said again
	why  string
}

// An attempt that waits for longer than a moment says why to whoever watches; most of them at a time.
const (
	aMoment  = 2 * time.Second
	mostSaid = 100
)

func (h *Host) sayWaiting(told map[string]said, now time.Time) {
	waiting := h.placer.Waiting()
	waits := map[string]bool{}
	for _, id := range waiting[:min(len(waiting), mostSaid)] {
		waits[id] = true
		t, known := told[id]
		if !known {
			t.next = now.Add(aMoment)
		}
		if !now.Before(t.next) {
			t.next = now.Add(2 * aMoment)
			why := h.placer.Why(id)
			if at, err := sdk.ParseAddress(id); err == nil && why != "" && why != t.why {
				t.why = why
				h.live.report(at, sdk.Report{Kind: sdk.ReportProgress, Fraction: -1, Message: why}, now)
			}
		}
		told[id] = t
	}
	for id := range told {
		if !waits[id] {
			delete(told, id)
		}
	}
}

// placing is how the engine asks for devices: they are looked after from the first time on.
type placing struct {
	*placer.Placer
	h *Host
}

func (p placing) Want(w placement.Want, given func(placement.Given), yield func()) {
	p.h.followDevices()
	p.Placer.Want(w, given, yield)
	select {
	case p.h.wanted <- struct{}{}: // whoever wants a device should not wait for a look that is far off
	default:
	}
}

func (p placing) Done(id string, went *placement.Went) {
	p.h.leases.Forget(id)
	p.Placer.Done(id, went)
}

// processes are the plugins' processes as leases see them.
type processes struct{ h *Host }

func (p processes) Warm() (out []leases.Process) {
	for _, w := range p.h.plugins.Warm() {
		if w.Starting || w.Ending {
			continue
		}
		out = append(out, leases.Process{Plugin: w.Plugin, Devices: w.Devices, PIDs: w.PIDs, Used: w.LastUsed, Models: w.Models,
			Tells: len(w.Tasks) == 0 && !w.ModelsAt.IsZero() && !w.ModelsAt.Before(w.LastUsed)}) // else what it said is out of date
	}
	return out
}

func (p processes) Unload(ctx context.Context, plugin string, devices []string, model string) error {
	err := p.h.plugins.Unload(ctx, plugin, devices, model)
	if errors.Is(err, pluginexec.ErrCannotUnload) {
		return leases.ErrCannotUnload
	}
	return err
}

func (p processes) Evict(ctx context.Context, plugin string, devices []string) error {
	return p.h.plugins.Evict(ctx, plugin, devices)
}

// placeable says which nodes of a pipeline no device could ever serve; nil: none.
func (h *Host) placeable(ctx context.Context, p *pipeline.Pipeline) error {
	var never []string
	eachNode(p, "", func(at string, n *pipeline.Node) {
		d, ok := n.Wants(nil)
		if !ok {
			return
		}
		h.followDevices()
		if err := h.firstSeen(ctx); err != nil {
			return
		}
		if why := h.placer.Never(want(n, d)); why != "" {
			never = append(never, at+" "+why)
		}
	})
	if err := ctx.Err(); err != nil || len(never) == 0 {
		return err
	}
	return &client.Problem{Code: client.CodeInvalidPipeline, Detail: "it could never be run here: " + strings.Join(never, "; "),
		Fix: "ask for less in its device block, or add a device; spinbot devices lists what is there"}
}

// firstSeen waits until the placer knows the devices.
func (h *Host) firstSeen(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	if err := h.devices.First(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	h.leases.Observe(h.devices.Inventory().Devices)
	return nil
}

func want(n *pipeline.Node, d pipeline.Device) placement.Want {
	return placement.Want{Type: n.Type, Request: d.Request, Model: d.Model, Evictable: d.Evictable}
}

// eachNode calls do for every node of a pipeline and the modules in it, with its address without keys.
func eachNode(p *pipeline.Pipeline, in string, do func(at string, n *pipeline.Node)) {
	for _, n := range p.Nodes {
		at := in + string(n.Kind) + "." + n.Name
		do(at, n)
		if n.Module != nil {
			eachNode(n.Module, at+"/", do)
		}
	}
}

// wouldGo says for a plan where a node would go now, or why it would wait.
func (h *Host) wouldGo(ctx context.Context, n *pipeline.Node, d pipeline.Device) (where, waits string) {
	h.followDevices()
	if err := h.firstSeen(ctx); err != nil {
		return "", ""
	}
	a, why := h.placer.Would(want(n, d))
	if why != "" {
		return "", why
	}
	for k, uuid := range a.Devices {
		a.Devices[k] = device.Short(uuid)
	}
	where = strings.Join(a.Devices, ", ")
	switch {
	case a.Warm:
		where += ", loaded there"
	case len(a.Unload) > 0:
		where += " instead of " + strings.Join(unloaded(a.Unload), ", ")
	}
	return where, ""
}

func deviceWanted(d *pipeline.Device) *client.Device {
	return &client.Device{Memory: d.Memory, Count: d.Count, Model: d.Model, AtLeast: d.AtLeast, RAM: d.RAM, Disk: d.Disk,
		Exclusive: d.Exclusive, Only: d.Only, Prefer: d.Prefer, Forbid: d.Forbid, Evictable: d.Evictable}
}

// unloaded names what is kept warm for people: its plugin, and the model.
func unloaded(ids []string) []string {
	out := slices.Clone(ids)
	for k, id := range ids {
		process, model, _ := strings.Cut(id, "#")
		plugin, _, _ := strings.Cut(process, "@")
		out[k] = strings.TrimSpace(plugin + " " + model)
	}
	return out
}
