package host

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

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk/client"
)

// agents is what the API says about the machines of the fleet.
type agents struct{ h *Host }

// Agents implements fleetroutes.Agents.
func (a agents) Agents(ctx context.Context) ([]client.Agent, error) {
	if a.h.fleet == nil {
		return nil, nil
	}
	v, err := a.h.catalog.Last(ctx)
	if err != nil {
		return nil, err
	}
	var out []client.Agent
	for _, m := range a.h.fleet.link.Members() {
		out = append(out, a.shape(v, m))
	}
	return out, nil
}

func (a agents) shape(v *catalog.View, m fleet.Member) client.Agent {
	f := a.h.fleet
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
		Started: time.Unix(m.Started, 0).UTC(), Devices: []client.KnownDevice{}, Tasks: f.link.Tasks(m.Agent), Plugins: []client.AgentPlugin{}, Notes: m.Notes}
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
	placed := a.h.placer.Leases(m.Agent)
	for _, d := range m.Status.Devices {
		out.Devices = append(out.Devices, remoteShape(m, d, placed[d.UUID]))
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

// agentName is what people call an agent; its id where it is not known any more.
func (h *Host) agentName(id string) string {
	if m, ok := h.member(id); ok {
		return m.Name
	}
	return id
}

// find gives the agent of a name, an id or a beginning of one.
func (a agents) find(name string) (fleet.Member, error) {
	const fix = "spinbot agents lists them"
	if a.h.fleet == nil {
		return fleet.Member{}, &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("there is no agent %q: this host has no fleet", name),
			Fix: "start it with spinbot serve --fleet, or with --redis and the address of a Redis"}
	}
	var found []fleet.Member
	for _, m := range a.h.fleet.link.Members() {
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
func (a agents) Order(ctx context.Context, name string, o client.AgentOrder) (client.Agent, error) {
	m, err := a.find(name)
	if err != nil {
		return client.Agent{}, err
	}
	if o.Plugin != "" {
		if err := a.push(ctx, m, o.Plugin); err != nil {
			return client.Agent{}, err
		}
	}
	f := a.h.fleet
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
		f.link.Order(m.Agent, protocol.Order{Drain: true, Grace: int64(o.Grace) * 1000})
	case o.Resume:
		f.link.Order(m.Agent, protocol.Order{Resume: true})
	}
	f.changed(m)
	v, err := a.h.catalog.Last(ctx)
	if err != nil {
		return client.Agent{}, err
	}
	return a.shape(v, m), nil
}

// Remove implements fleetroutes.Agents.
func (a agents) Remove(ctx context.Context, name string) error {
	m, err := a.find(name)
	if err != nil {
		return err
	}
	f := a.h.fleet
	if !m.Offline {
		return &client.Problem{Code: client.CodeConflict, Detail: m.Name + " is there, and would come back at once",
			Fix: "stop it first, or take it out of use with spinbot agents drain " + m.Name}
	}
	f.link.Remove(m.Agent)
	if f.server != nil {
		if err := f.server.Forget(ctx, m.Agent); err != nil { // it has none, when it did not join with a line
			a.h.cfg.Log.Debug("an agent that is removed keeps its key", "agent", m.Agent, "error", err)
		}
	}
	a.h.placer.Forget(m.Agent)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kept.Cordoned, m.Agent)
	f.tellAway()
	delete(f.kept.Labels, m.Agent)
	delete(f.stocked, m.Agent)
	return f.keep()
}

// Join implements fleetroutes.Agents.
func (a agents) Join(ctx context.Context, ttl time.Duration) (client.JoinLine, error) {
	line, expires, err := a.h.Join(ctx, ttl)
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

func (f *fleetHost) readKept() error {
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

func (f *fleetHost) keptFile() string { return filepath.Join(f.h.cfg.State.Fleet(), "agents.json") }

// keep changes what is kept of agents. mu is held.
func (f *fleetHost) keep() error {
	raw, err := json.MarshalIndent(f.kept, "", "  ")
	if err != nil {
		return err
	}
	return machine.WriteFile(f.keptFile(), raw)
}
