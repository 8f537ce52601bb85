package agents

import (
	"context"
	"fmt"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/models"
)

// openRelay makes the way on which agents get model files from each other, and from this machine.
func (f *Fleet) openRelay(token func(string) bool) {
	f.relay = models.NewRelay(models.RelayConfig{Token: token,
		Send: func(s models.Sending) {
			if slices.ContainsFunc(f.Link.Members(), func(m fleet.Member) bool { return m.Agent == s.Agent && !m.Offline }) {
				f.Link.Order(s.Agent, protocol.Order{Send: &protocol.Send{Host: f.id, Name: s.Name, Offset: s.Offset, Path: s.Path}})
			} else {
				f.relay.Gone(s.Agent)
			}
		},
		Here: func(ctx context.Context, name string, offset int64) (models.Stream, error) {
			if f.cfg.Models == nil {
				return models.Stream{}, fmt.Errorf("the host does not have %s", name)
			}
			return f.cfg.Models.Open(ctx, name, offset)
		}})
}

// stockOf gives what an agent says that it has installed.
func (f *Fleet) stockOf(m fleet.Member) installed {
	f.mu.Lock()
	defer f.mu.Unlock()
	had, ok := f.stocked[m.Agent]
	if ok && had.session == m.Session && had.revision == m.Revision {
		return had
	}
	had = installed{session: m.Session, revision: m.Revision, classes: map[string]map[string]bool{}}
	if m.Models != nil {
		had.files = make(map[string]bool, len(m.Models.Files))
		for _, x := range m.Models.Files {
			had.files[x.Name] = true
		}
	}
	for _, p := range m.Plugins {
		if len(p.Classes) > 0 {
			had.classes[p.Name] = make(map[string]bool, len(p.Classes))
			for _, c := range p.Classes {
				had.classes[p.Name][c] = true
			}
		}
	}
	f.stocked[m.Agent] = had
	return had
}

// installed is what an agent has, as one of its hellos says it.
type installed struct {
	session  string
	revision int
	files    map[string]bool            // model files; nil: it does not say
	classes  map[string]map[string]bool // node classes of engines, by plugin
}

// Coming names the files that are on their way.
func Coming(all []protocol.Fetching) (out []string) {
	for _, f := range all {
		if f.Error == "" {
			out = append(out, f.Name)
		}
	}
	return out
}

// Fetch has an agent fetch a model file.
func (f *Fleet) Fetch(agent string, what protocol.Fetch) {
	what.Host = f.id
	f.Link.Order(agent, protocol.Order{Fetch: &what})
}

// From is a model file that an agent has.
func (f *Fleet) From(agent, name string) models.Source { return f.relay.From(agent, name) }
