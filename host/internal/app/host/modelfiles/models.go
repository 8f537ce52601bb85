// Package modelfiles is the model files of all machines as people see them: who has which, fetched from machine to machine or from
// where the configuration says, removed; and fetched by itself where tasks wait for them.
package modelfiles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/models"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// stock is the model files of one machine.
type stock struct {
	id, name string
	offline  bool
	models   *protocol.Models // nil: it does not say
	fetching []protocol.Fetching
}

func (s *stock) file(name string) (protocol.ModelFile, bool) {
	if s.models != nil {
		if k := slices.IndexFunc(s.models.Files, func(f protocol.ModelFile) bool { return f.Name == name }); k >= 0 {
			return s.models.Files[k], true
		}
	}
	return protocol.ModelFile{}, false
}

// stocks gives the model files of all machines, this one first.
func (m *Files) stocks() []stock {
	if m.Machine.Models != nil {
		m.Machine.Models.Look()
	}
	out := []stock{{id: agents.Local, name: "this machine", models: m.Machine.Stock(), fetching: m.Machine.Fetching()}}
	if m.Fleet != nil {
		for _, a := range m.Fleet.Members() {
			out = append(out, stock{a.Agent, a.Name, a.Offline, a.Models, a.Status.Fetching})
		}
	}
	return out
}

// Files are the model files of this machine and of all agents.
type Files struct {
	Machine *machine.Machine
	Fleet   *agents.Fleet // nil: there is this machine alone
	// Sources are where the configuration says that files are; Shortages, which ones tasks wait for.
	Sources   []config.Source
	Shortages func() []placement.Shortage
	Log       *slog.Logger

	tried map[string]time.Time // by machine and file, when FetchShortages has tried last
}

// Models implements fleetroutes.Models.
func (m *Files) Models(context.Context) (client.ModelList, error) {
	l := client.ModelList{Models: []client.Model{}, Fetching: []client.ModelFetch{}, Silent: []string{}}
	at := map[string]int{}
	entry := func(name string) *client.Model {
		k, ok := at[name]
		if !ok {
			k = len(l.Models)
			at[name] = k
			l.Models = append(l.Models, client.Model{Name: name, Copies: []client.ModelCopy{}})
		}
		return &l.Models[k]
	}
	for _, s := range m.stocks() {
		if s.models == nil {
			l.Silent = append(l.Silent, s.name)
			continue
		}
		for _, f := range s.models.Files {
			x := entry(f.Name)
			x.Copies = append(x.Copies, copyShape(s, f))
		}
		for _, f := range s.fetching {
			if !s.offline {
				l.Fetching = append(l.Fetching, fetchShape(s, f))
			}
		}
	}
	for _, s := range m.Sources {
		entry(s.Name).Source = &client.ModelSource{URL: s.URL, Digest: s.Digest, Auto: s.Auto}
	}
	slices.SortFunc(l.Models, func(a, b client.Model) int { return cmp.Compare(a.Name, b.Name) })
	return l, nil
}

func fetchShape(s stock, f protocol.Fetching) client.ModelFetch {
	return client.ModelFetch{Model: f.Name, Agent: s.id, Name: s.name, From: f.From, Done: f.Done, Total: f.Total, Error: f.Error, Started: f.Started}
}

// Fetch implements fleetroutes.Models.
func (m *Files) Fetch(_ context.Context, r client.ModelRequest) (client.ModelFetch, error) {
	all := m.stocks()
	to, err := m.find(all, r.Agent)
	if err != nil {
		return client.ModelFetch{}, err
	}
	r.Model = strings.ReplaceAll(r.Model, `\`, "/")
	switch {
	case !sdk.IsModelFile(r.Model):
		return client.ModelFetch{}, &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("%q is no name of a model file", r.Model),
			Fix: "name its kind and its path, such as loras/ink.safetensors; spinbot models lists those that there are"}
	case r.Digest != "" && !isDigest(r.Digest):
		return client.ModelFetch{}, &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("%q is no digest", r.Digest), Fix: "write sha256: and the 64 digits that sha256sum prints"}
	case to.models == nil:
		return client.ModelFetch{}, &client.Problem{Code: client.CodeConflict, Detail: to.name + " does not say where its models are", Fix: "write a models block into the spinbot.hcl of that machine"}
	case to.offline:
		return client.ModelFetch{}, &client.Problem{Code: client.CodeConflict, Detail: to.name + " is offline", Fix: "start it first"}
	}
	if f, ok := to.file(r.Model); ok {
		if r.Digest != "" && f.Digest != "" && f.Digest != r.Digest {
			return client.ModelFetch{}, &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%s has another file as %s, with the digest %s", to.name, r.Model, f.Digest),
				Fix: "move that one away first: it is not written over"}
		}
		return fetchShape(to, protocol.Fetching{Name: r.Model, Done: f.Size, Total: f.Size}), nil
	}
	f, err := m.source(all, to, r)
	if err != nil {
		return client.ModelFetch{}, err
	}
	was := protocol.Fetching{Name: f.Name, From: f.From}
	if k := slices.IndexFunc(to.fetching, func(x protocol.Fetching) bool { return x.Name == f.Name }); k >= 0 {
		was = to.fetching[k]
	}
	if was.Started.IsZero() || was.Error != "" { // else it is on its way
		m.fetch(to, f)
	}
	return fetchShape(to, was), nil
}

// Remove implements fleetroutes.Models.
func (m *Files) Remove(ctx context.Context, r client.ModelRemoval) (client.ModelCopy, error) {
	all := m.stocks()
	from, err := m.find(all, r.Agent)
	if err != nil {
		return client.ModelCopy{}, err
	}
	f, ok := from.file(r.Model)
	if !ok {
		return client.ModelCopy{}, &client.Problem{Code: client.CodeNotFound, Detail: from.name + " does not have " + r.Model, Fix: "spinbot models shows who has it"}
	}
	if from.id == agents.Local {
		err = m.Machine.RemoveModel(r.Model)
	} else {
		err = m.removeElsewhere(ctx, from, r.Model)
	}
	var told *client.Problem
	if err != nil && !errors.As(err, &told) {
		err = &client.Problem{Code: client.CodeConflict, Detail: from.name + " does not remove it: " + err.Error()}
	}
	return copyShape(from, f), err
}

// removeElsewhere has an agent remove a file, and waits until it has.
func (m *Files) removeElsewhere(ctx context.Context, from stock, name string) error {
	if _, err := m.Fleet.Reach(from.id, "to remove "+name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, agents.AnswerFor)
	defer cancel()
	_, err := m.Fleet.Link.Ask(ctx, from.id, protocol.AskRemove+" "+name)
	if errors.Is(err, context.DeadlineExceeded) {
		return &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s has not answered within %v, and removes %s when it hears of it", from.name, agents.AnswerFor, name),
			Fix: "spinbot models shows whether it has"}
	}
	return err
}

func copyShape(s stock, f protocol.ModelFile) client.ModelCopy {
	return client.ModelCopy{Agent: s.id, Name: s.name, Size: f.Size, Digest: f.Digest, Offline: s.offline}
}

func isDigest(text string) bool {
	hex, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

// find gives the machine of a name, an id or a beginning of one; the host's own is local, or nothing.
func (m *Files) find(all []stock, name string) (stock, error) {
	if name == "" || name == agents.Local {
		return all[0], nil
	}
	a, err := m.Fleet.Find(name)
	if err != nil {
		return stock{}, err
	}
	if k := slices.IndexFunc(all, func(s stock) bool { return s.id == a.Agent }); k >= 0 {
		return all[k], nil
	}
	return stock{a.Agent, a.Name, a.Offline, a.Models, a.Status.Fetching}, nil
}

// source finds where a file comes from: as it was asked for, else a machine that has it, else where the configuration says.
func (m *Files) source(all []stock, to stock, r client.ModelRequest) (protocol.Fetch, error) {
	f := protocol.Fetch{Name: r.Model, Digest: r.Digest}
	known := slices.IndexFunc(m.Sources, func(s config.Source) bool { return s.Name == r.Model })
	if known >= 0 {
		f.Digest = cmp.Or(f.Digest, m.Sources[known].Digest)
	}
	switch {
	case strings.Contains(r.From, "://"):
		return m.fromURL(f, r.From)
	case r.From != "":
		s, err := m.find(all, r.From)
		if err != nil {
			return f, err
		}
		if _, has := s.file(r.Model); !has || s.offline {
			why := map[bool]string{true: "is offline", false: "does not have " + r.Model}[s.offline]
			return f, &client.Problem{Code: client.CodeConflict, Detail: s.name + " " + why, Fix: "spinbot models shows who has it"}
		}
		return m.fromMachine(f, s), nil
	}
	var best *stock
	for k := range all {
		s := &all[k]
		x, has := s.file(r.Model)
		if !has || s.offline || s.id == to.id || f.Digest != "" && x.Digest != "" && x.Digest != f.Digest {
			continue
		}
		if best == nil || x.Digest != "" { // one that need not be hashed first
			best = s
		}
	}
	switch {
	case best != nil:
		return m.fromMachine(f, *best), nil
	case known >= 0:
		return m.fromURL(f, m.Sources[known].URL)
	}
	return f, &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("nobody who is there has %s, and no model block in the host's spinbot.hcl says where it is", r.Model),
		Fix: "name a URL with --from, and with --digest what its bytes have to be"}
}

func (m *Files) fromMachine(f protocol.Fetch, s stock) protocol.Fetch {
	f.From = s.name
	if s.id != agents.Local {
		f.Agent = s.id
	} else if m.Fleet != nil {
		f.From = m.Fleet.Host()
	}
	return f
}

func (m *Files) fromURL(f protocol.Fetch, text string) (protocol.Fetch, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return f, &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("%q is no http or https URL", text)}
	case f.Digest == "":
		return f, &client.Problem{Code: client.CodeBadRequest, Detail: "what comes from a URL is verified, and nobody has said what " + f.Name + " has to be",
			Fix: "add --digest sha256:… as the site shows it, or a model block to the host's spinbot.hcl"}
	}
	f.URL, f.From = text, u.Host
	return f, nil
}

// fetch has a machine fetch a file.
func (m *Files) fetch(to stock, f protocol.Fetch) {
	m.Log.Info("a model is fetched", "model", f.Name, "to", to.name, "from", f.From)
	if to.id != agents.Local {
		m.Fleet.Fetch(to.id, f)
		return
	}
	w := models.Want{Name: f.Name, Digest: f.Digest, From: f.From}
	if f.URL != "" {
		w.Source = m.Machine.FromURL(f.Name, f.URL)
	} else {
		w.Source = m.Fleet.From(f.Agent, f.Name)
	}
	m.Machine.Models.Begin(w)
}

// fetchAgain is how long after a model was fetched by itself that is tried again.
const fetchAgain = time.Minute

// FetchShortages fetches what tasks wait for, where the configuration says that this is done by itself. One goroutine calls it.
func (m *Files) FetchShortages(now time.Time) {
	auto := slices.ContainsFunc(m.Sources, func(s config.Source) bool { return s.Auto })
	if !auto {
		return
	}
	if m.tried == nil {
		m.tried = map[string]time.Time{}
	}
	for _, x := range m.Shortages() {
		for _, name := range x.Files {
			key := x.Agent + "/" + name
			if now.Sub(m.tried[key]) < fetchAgain || !slices.ContainsFunc(m.Sources, func(s config.Source) bool { return s.Auto && s.Name == name }) {
				continue
			}
			m.tried[key] = now
			if _, err := m.Fetch(context.Background(), client.ModelRequest{Model: name, Agent: x.Agent}); err != nil {
				m.Log.Warn("a model that a task waits for cannot be fetched", "model", name, "agent", x.Agent, "error", err)
			}
		}
	}
}
