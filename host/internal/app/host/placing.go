package host

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/plan"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// localAgent is the agent within this process.
const localAgent = "local"

// never is longer than any task waits.
const never = 100 * 365 * 24 * time.Hour

// place makes what gives devices to tasks.
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
	h.placer = placer.New(placer.Config{Policy: policy, Plugin: h.pluginOf, Engines: h.engines(), Expect: h.expect, Leader: h.together(policy), Here: localAgent, File: h.cfg.State.Learned(), Log: h.cfg.Log})
}

func (h *Host) parks(nodeType string) bool {
	v, err := h.catalog.Last(context.Background())
	if err != nil {
		return false
	}
	t, _ := v.NodeType(nodeType)
	return t.Parks
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

func (h *Host) pluginOf(nodeType string) string {
	if e, err := h.offers(nodeType); err == nil {
		return e.Name
	}
	name, _, _ := strings.Cut(nodeType, ".")
	return name
}

// expect tells whoever carries a task out that it comes.
func (h *Host) expect(a placement.Assignment) {
	if h.fleet != nil {
		h.fleet.remote.Expect(a)
		return
	}
	h.leases.Expect(a)
}

// tellPlacer says how this machine is now.
func (h *Host) tellPlacer() {
	me := placement.Agent{ID: localAgent, Name: "this machine", Tasks: h.cfg.Parallel, Coming: coming(h.machine.Fetching())}
	if h.machine.Models != nil {
		me.Files = h.machine.Models.Names()
	}
	if h.fleet != nil {
		if h.fleet.cfg.NoAgent {
			return
		}
		me.Offers = h.offered()
	}
	devices, warm := h.leases.View()
	h.placer.Agent(me, devices, h.machine.RAM, h.machine.Disk, warm)
}

// offered gives the node types of this machine's own plugins, sorted.
func (h *Host) offered() []string {
	out := []string{}
	v, err := h.catalog.Last(context.Background())
	if err != nil {
		return out
	}
	for _, e := range v.Entries {
		if e.Kind == catalog.Plugin && e.State == catalog.Ready && len(e.Agents) == 0 {
			var told []string
			if block, ok := h.file.Load().Plugin(e.Name); ok {
				told = block.Settings()
			}
			for _, t := range e.Manifest.NodeTypes {
				out = append(out, t.Offers(told)...)
			}
		}
	}
	slices.Sort(out)
	return out
}

// followDevices looks after the devices from now on. Called again it does nothing.
func (h *Host) followDevices() {
	told, fetched := map[string]said{}, map[string]time.Time{}
	h.machine.Follow(h.placer.Idle, func(now time.Time) {
		h.sayWaiting(told, now)
		h.fetchShortages(fetched, now)
		if err := h.placer.Save(); err != nil {
			h.cfg.Log.Warn("learning goes on without", "error", err)
		}
	})
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
	if h.sharing != nil {
		waiting = slices.DeleteFunc(waiting, func(id string) bool {
			at, err := sdk.ParseAddress(id)
			return err != nil || !h.isActive(at.Run)
		})
	}
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
	p.h.machine.Wanted()
}

func (p placing) Done(id string, went *placement.Went) {
	p.h.leases.Forget(id)
	if p.h.fleet != nil {
		p.h.fleet.remote.Forget(id)
	}
	p.Placer.Done(id, went)
}

// usable says which nodes of a run lack settings of their plugins; nil: none.
func (h *Host) usable(run engine.Submission) error {
	var lacks []string
	var runs func(at string) bool // made when it is asked for the first time
	eachNode(run.Pipeline, "", func(at string, n *pipeline.Node) {
		if len(n.Unset) == 0 {
			return
		}
		if runs == nil {
			runs = h.runs(run)
		}
		if runs(at) {
			lacks = append(lacks, at+": "+strings.Join(n.Unset, "; "))
		}
	})
	if len(lacks) == 0 {
		return nil
	}
	return &client.Problem{Code: client.CodeInvalidPipeline, Detail: "it cannot be run here: " + strings.Join(lacks, "; "), Fix: "set in spinbot.hcl what lacks, or leave the input out"}
}

// placeable says which nodes of a run no device could ever serve; nil: none.
func (h *Host) placeable(ctx context.Context, run engine.Submission) error {
	var never []string
	var runs func(at string) bool // made when it is asked for the first time
	eachNode(run.Pipeline, "", func(at string, n *pipeline.Node) {
		d, ok := n.Wants(nil)
		if !ok {
			return
		}
		h.followDevices()
		if err := h.machine.FirstSeen(ctx); err != nil {
			return
		}
		why := h.placer.Never(want(n, d))
		if why == "" {
			return
		}
		if runs == nil {
			runs = h.runs(run)
		}
		if runs(at) {
			never = append(never, at+" "+why)
		}
	})
	if err := ctx.Err(); err != nil || len(never) == 0 {
		return err
	}
	return &client.Problem{Code: client.CodeInvalidPipeline, Detail: "it could never be run here: " + strings.Join(never, "; "),
		Fix: "ask for less in its device block, or add a device; spinbot devices lists what is there"}
}

// runs tells of nodes, by address without keys, whether they may run at all: not those that the inputs leave out.
func (h *Host) runs(run engine.Submission) func(at string) bool {
	out := map[string]bool{} // left out, as far as it is known
	for _, n := range plan.Make(run.Pipeline, run.Inputs, plan.Sources{Vault: h.secrets,
		Result: func(*pipeline.Node, string) (sdk.Values, string, bool) { return nil, "", false },
		Took:   func(string) (time.Duration, int) { return 0, 0 }}).Nodes {
		at, idle := keyless(n.At), n.Verdict == plan.Skipped || n.Instances == 0
		if before, seen := out[at]; seen {
			idle = idle && before // of another instance of its module
		}
		out[at] = idle
	}
	return func(at string) bool {
		for {
			if out[at] {
				return false
			}
			end := strings.LastIndexByte(at, '/')
			if end < 0 {
				return true
			}
			at = at[:end] // what is in a module that does not run does not run either
		}
	}
}

func want(n *pipeline.Node, d pipeline.Device) placement.Want {
	return placement.Want{Type: n.Type, Request: d.Request, Model: d.Model, Files: d.Files, Evictable: d.Evictable}
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
	if err := h.machine.FirstSeen(ctx); err != nil {
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
