package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Agents implements fleetroutes.Agents.
func (f *Fleet) Agents(ctx context.Context) ([]client.Agent, error) {
	if f == nil {
		return nil, nil
	}
	v, err := f.catalog.Last(ctx)
	if err != nil {
		return nil, err
	}
	var out []client.Agent
	for _, m := range f.Link.Members() {
		out = append(out, f.shape(v, m))
	}
	return out, nil
}

func (f *Fleet) shape(v *catalog.View, m fleet.Member) client.Agent {
	f.mu.Lock()
	cordoned := f.kept.Cordoned[m.Agent]
	labels := maps.Clone(m.Labels)
	for k, v := range f.kept.Labels[m.Agent] {
		if labels == nil {
			labels = map[string]string{}
		}
		labels[k] = v
	}
	f.mu.Unlock()
	out := client.Agent{ID: m.Agent, Name: m.Name, Version: m.Version, Platform: m.Platform, Labels: labels, State: client.AgentReady, Reason: m.Away,
		Started: time.Unix(m.Started, 0).UTC(), Devices: []client.KnownDevice{}, Tasks: f.Link.Tasks(m.Agent), Plugins: []client.AgentPlugin{}, Notes: m.Notes}
	switch {
	case !protocol.Understands(m.V): // it ends when it hears of it, and says nothing more
		out.State, out.Reason = client.AgentIncompatible, f.apart(m)
	case m.Offline:
		out.State = client.AgentOffline
	case m.Status.Draining:
		out.State, out.Reason = client.AgentDraining, cordoned
	case cordoned != "":
		out.State, out.Reason = client.AgentCordoned, cordoned
	}
	if !m.Heard.IsZero() {
		heard := m.Heard.UTC()
		out.Heard = &heard
	}
	placed := f.placer.Leases(m.Agent)
	for _, d := range m.Status.Devices {
		out.Devices = append(out.Devices, shape.RemoteDevice(m, d, placed[d.UUID]))
	}
	for _, p := range m.Plugins {
		out.Plugins = append(out.Plugins, offeredShape(v, p))
	}
	return out
}

func offeredShape(v *catalog.View, p protocol.Offered) client.AgentPlugin {
	x := client.AgentPlugin{Name: p.Name, Version: p.Version, SHA256: p.Checksum}
	if e, ok := v.Entry(p.Name); ok && e.State == catalog.Ready && e.Version != p.Version {
		x.Differs, x.Sendable = e.Version, e.Folder != ""
	}
	return x
}

// Members are the agents beside this process.
func (f *Fleet) Members() []fleet.Member {
	if f == nil {
		return nil
	}
	return f.Link.Members()
}

// Member is the agent of an id.
func (f *Fleet) Member(id string) (fleet.Member, bool) {
	for _, m := range f.Members() {
		if m.Agent == id {
			return m, true
		}
	}
	return fleet.Member{}, false
}

// Host is what people call this host.
func (f *Fleet) Host() string { return f.cfg.Name }

// NoAgent says that this process carries out no plugin's tasks itself.
func (f *Fleet) NoAgent() bool { return f != nil && f.cfg.NoAgent }

// Expect tells whoever carries a task out that it comes.
func (f *Fleet) Expect(a placement.Assignment) { f.remote.Expect(a) }

// Forget tells that it does not come, or is over.
func (f *Fleet) Forget(id string) { f.remote.Forget(id) }

// Name is what people call an agent; its id where it is not known any more.
func (f *Fleet) Name(id string) string {
	if m, ok := f.Member(id); ok {
		return m.Name
	}
	return id
}

// Find gives the agent of a name, an id or a beginning of one.
func (f *Fleet) Find(name string) (fleet.Member, error) {
	const fix = "spinbot agents lists them"
	if f == nil {
		return fleet.Member{}, &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("there is no agent %q: this host has no fleet", name),
			Fix: "start it with spinbot serve --fleet, or with --redis and the address of a Redis"}
	}
	var found []fleet.Member
	for _, m := range f.Link.Members() {
		if m.Agent == name {
			return m, nil
		}
		if m.Name == name || strings.HasPrefix(m.Agent, name) {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return fleet.Member{}, &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("there is no agent %q", name), Fix: fix}
	case 1:
		return found[0], nil
	}
	return fleet.Member{}, &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("%q may be any of %d agents", name, len(found)), Fix: fix + "; name one by its id"}
}

// Order implements fleetroutes.Agents.
func (f *Fleet) Order(ctx context.Context, name string, o client.AgentOrder) (client.Agent, error) {
	m, err := f.Find(name)
	if err != nil {
		return client.Agent{}, err
	}
	if o.Plugin != "" {
		if err := f.push(ctx, m, o.Plugin); err != nil {
			return client.Agent{}, err
		}
	}
	f.mu.Lock()
	switch {
	case o.Cordon || o.Drain:
		f.kept.Cordoned[m.Agent] = cmp.Or(o.Reason, "by a person")
	case o.Resume:
		delete(f.kept.Cordoned, m.Agent)
	}
	for k, v := range o.Labels {
		if f.kept.Labels[m.Agent] == nil {
			f.kept.Labels[m.Agent] = map[string]string{}
		}
		f.kept.Labels[m.Agent][k] = v
	}
	err = f.keep()
	f.tellAway()
	f.mu.Unlock()
	if err != nil {
		return client.Agent{}, err
	}
	switch {
	case o.Drain:
		f.Link.Order(m.Agent, protocol.Order{Drain: true, Grace: int64(o.Grace) * 1000})
	case o.Resume:
		f.Link.Order(m.Agent, protocol.Order{Resume: true})
	}
	f.changed(m)
	v, err := f.catalog.Last(ctx)
	if err != nil {
		return client.Agent{}, err
	}
	return f.shape(v, m), nil
}

// Remove implements fleetroutes.Agents.
func (f *Fleet) Remove(ctx context.Context, name string) error {
	m, err := f.Find(name)
	if err != nil {
		return err
	}
	if !m.Offline {
		return &client.Problem{Code: client.CodeConflict, Detail: m.Name + " is there, and would come back at once",
			Fix: "stop it first, or take it out of use with spinbot agents drain " + m.Name}
	}
	f.Link.Remove(m.Agent)
	if f.server != nil {
		if err := f.server.Forget(ctx, m.Agent); err != nil { // it has none, when it did not join with a line
			f.cfg.Log.Debug("an agent that is removed keeps its key", "agent", m.Agent, "error", err)
		}
	}
	f.placer.Forget(m.Agent)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kept.Cordoned, m.Agent)
	f.tellAway()
	delete(f.kept.Labels, m.Agent)
	delete(f.stocked, m.Agent)
	return f.keep()
}

// Join implements fleetroutes.Agents.
func (f *Fleet) Join(ctx context.Context, ttl time.Duration) (client.JoinLine, error) {
	line, expires, err := f.Line(ctx, ttl)
	if err != nil {
		return client.JoinLine{}, &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	}
	return client.JoinLine{Command: line, Expires: expires}, nil
}

// keptAgents is what people have said of agents, in a file.
type keptAgents struct {
	Cordoned map[string]string            `json:"cordoned,omitempty"` // why, by id
	Labels   map[string]map[string]string `json:"labels,omitempty"`
}

func (f *Fleet) readKept() error {
	raw, err := os.ReadFile(f.keptFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &f.kept)
	}
	if err != nil {
		return fmt.Errorf("what is kept of agents: %w", err)
	}
	return nil
}

func (f *Fleet) keptFile() string { return filepath.Join(f.cfg.State.Fleet(), "agents.json") }

// keep changes what is kept of agents. mu is held.
func (f *Fleet) keep() error {
	raw, err := json.MarshalIndent(f.kept, "", "  ")
	if err != nil {
		return err
	}
	return machine.WriteFile(f.keptFile(), raw)
}
