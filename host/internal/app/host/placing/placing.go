// Package placing is how the tasks of a host get devices: what the placer hears of this machine, when devices are looked after, who is
// told that a task waits. What goes where is core/placement's to say.
package placing

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/host/nodetypes"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
)

// never is longer than any task waits.
const never = 100 * 365 * 24 * time.Hour

// Config is what placing stands on.
type Config struct {
	File    *config.Config // its policy
	Learned string         // the file of what earlier tasks have taught
	Machine *machine.Machine
	Fleet   *agents.Fleet // nil: there is this machine alone
	Types   *nodetypes.Types
	// Together: this host places with those that share its store.
	Together bool
	// Parallel bounds how many plugin tasks run on this machine at once; 0: as many as their node types say.
	Parallel int
	// Mine says whether this host advances a run; nil: it does all.
	Mine func(run string) bool
	// Say tells whoever watches why a task waits, Waits whoever traces it, if anybody does; Waited takes how long one has.
	Say    func(a sdk.Address, r sdk.Report, now time.Time)
	Waits  func(task, why string, now time.Time)
	Waited func(time.Duration)
	// Look is called every now and then while devices are looked after.
	Look func(now time.Time)
	Log  *slog.Logger
}

// Placing is how tasks get devices: the engine's placer, which has devices looked after from the first time on that it is asked.
type Placing struct {
	*placer.Placer
	cfg Config
}

// New is a placing whose book is empty.
func New(cfg Config) *Placing {
	p := &Placing{cfg: cfg}
	policy := placement.Policy{Ageing: cfg.File.Placement.Ageing, Preempt: cfg.File.Placement.Preempt, Reserve: cfg.File.Placement.Reserve, Quotas: map[string]placement.Quota{}}
	if policy.Ageing == 0 { // a file's 0 means that nobody rises; the policy's own, that everybody does as usual
		policy.Ageing = never
	}
	for _, q := range cfg.File.Quotas {
		policy.Quotas[q.User] = placement.Quota{Devices: q.Devices, Memory: q.Memory}
	}
	var leader placer.Leader // nil: this host places by itself
	if cfg.Together && cfg.Fleet != nil {
		leader = cfg.Fleet.Together(policy)
	}
	p.Placer = placer.New(placer.Config{Policy: policy, Plugin: cfg.Types.PluginOf, Expect: p.expect, Leader: leader, Here: agents.Local, File: cfg.Learned, Log: cfg.Log})
	return p
}

// expect tells whoever carries a task out that it comes.
func (p *Placing) expect(a placement.Assignment) {
	if p.cfg.Fleet != nil {
		p.cfg.Fleet.Expect(a)
		return
	}
	p.cfg.Machine.Leases.Expect(a)
}

// Tell says how this machine is now.
func (p *Placing) Tell() {
	me := placement.Agent{ID: agents.Local, Name: "this machine", Tasks: p.cfg.Parallel, Coming: agents.Coming(p.cfg.Machine.Fetching()), Engines: p.cfg.Machine.Engines(), Classes: p.cfg.Machine.Classes()}
	if p.cfg.Machine.Models != nil {
		me.Files = p.cfg.Machine.Models.Names()
	}
	if p.cfg.Fleet != nil {
		if p.cfg.Fleet.NoAgent() {
			return
		}
		me.Offers = p.cfg.Types.Offered()
	}
	devices, warm := p.cfg.Machine.Leases.View()
	p.Agent(me, devices, p.cfg.Machine.RAM, p.cfg.Machine.Disk, warm)
}

// Follow looks after the devices from now on. Called again it does nothing.
func (p *Placing) Follow() {
	told := map[string]said{}
	p.cfg.Machine.Follow(p.Idle, func(now time.Time) {
		p.sayWaiting(told, now)
		p.cfg.Look(now)
		if err := p.Save(); err != nil {
			p.cfg.Log.Warn("learning goes on without", "error", err)
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

func (p *Placing) sayWaiting(told map[string]said, now time.Time) {
	waiting := p.Waiting()
	if p.cfg.Mine != nil {
		waiting = slices.DeleteFunc(waiting, func(id string) bool {
			at, err := sdk.ParseAddress(id)
			return err != nil || !p.cfg.Mine(at.Run)
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
			why := p.Why(id)
			if at, err := sdk.ParseAddress(id); err == nil && why != "" && why != t.why {
				t.why = why
				p.cfg.Say(at, sdk.Report{Kind: sdk.ReportProgress, Fraction: -1, Message: why}, now)
				if p.cfg.Waits != nil {
					p.cfg.Waits(id, why, now)
				}
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

// Want implements engine.Placer.
func (p *Placing) Want(w placement.Want, given func(placement.Given), yield func()) {
	p.Follow()
	since := time.Now()
	p.Placer.Want(w, func(g placement.Given) {
		p.cfg.Waited(time.Since(since))
		given(g)
	}, yield)
	if p.cfg.Waits != nil {
		p.cfg.Waits(w.ID, p.Why(w.ID), since)
	}
	p.cfg.Machine.Wanted()
}

// Done implements engine.Placer.
func (p *Placing) Done(id string, went *placement.Went) {
	p.cfg.Machine.Leases.Forget(id)
	if p.cfg.Fleet != nil {
		p.cfg.Fleet.Forget(id)
	}
	p.Placer.Done(id, went)
}

// NeverFits says why no device could ever serve a task, once it is known which there are; empty: one could, or nobody knows.
func (p *Placing) NeverFits(ctx context.Context, w placement.Want) string {
	p.Follow()
	if err := p.cfg.Machine.FirstSeen(ctx); err != nil {
		return ""
	}
	return p.Never(w)
}

// WouldGo says for a plan where a node would go now, or why it would wait.
func (p *Placing) WouldGo(ctx context.Context, n *pipeline.Node, d pipeline.Device, inputs sdk.Values) (where, waits string) {
	p.Follow()
	if err := p.cfg.Machine.FirstSeen(ctx); err != nil {
		return "", ""
	}
	a, why := p.Would(Want(n, d, inputs))
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
		where += " instead of " + strings.Join(shape.Warm(a.Unload), ", ")
	}
	return where, ""
}

// Want is what a node asks for that wants a device.
func Want(n *pipeline.Node, d pipeline.Device, inputs sdk.Values) placement.Want {
	return placement.Want{Type: n.Type, Request: d.Request, Model: d.Model, Files: d.Files, Classes: d.Classes, Evictable: d.Evictable, Inputs: inputs}
}
