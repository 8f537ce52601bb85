package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
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
func (h *Host) stocks() []stock {
	if h.machine.Models != nil {
		h.machine.Models.Look()
	}
	out := []stock{{id: localAgent, name: "this machine", models: h.machine.Stock(), fetching: h.machine.Fetching()}}
	if h.fleet != nil {
		for _, m := range h.fleet.link.Members() {
			out = append(out, stock{m.Agent, m.Name, m.Offline, m.Models, m.Status.Fetching})
		}
	}
	return out
}

// stocked takes in that this machine has other model files, or how far one is that comes.
func (h *Host) stocked(bool) {
	if h.placer != nil {
		h.tellPlacer()
	}
}

// modelFiles is what the API says about model files.
type modelFiles struct{ h *Host }

// Models implements fleetroutes.Models.
func (m modelFiles) Models(context.Context) (client.ModelList, error) {
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
	for _, s := range m.h.stocks() {
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
	for _, s := range m.h.cfg.File.Sources {
		entry(s.Name).Source = &client.ModelSource{URL: s.URL, Digest: s.Digest, Auto: s.Auto}
	}
	slices.SortFunc(l.Models, func(a, b client.Model) int { return cmp.Compare(a.Name, b.Name) })
	return l, nil
}

func fetchShape(s stock, f protocol.Fetching) client.ModelFetch {
	return client.ModelFetch{Model: f.Name, Agent: s.id, Name: s.name, From: f.From, Done: f.Done, Total: f.Total, Error: f.Error, Started: f.Started}
}

// Fetch implements fleetroutes.Models.
func (m modelFiles) Fetch(_ context.Context, r client.ModelRequest) (client.ModelFetch, error) {
	all := m.h.stocks()
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
		m.h.fetch(to, f)
	}
	return fetchShape(to, was), nil
}

// Remove implements fleetroutes.Models.
func (m modelFiles) Remove(ctx context.Context, r client.ModelRemoval) (client.ModelCopy, error) {
	all := m.h.stocks()
	from, err := m.find(all, r.Agent)
	if err != nil {
		return client.ModelCopy{}, err
	}
	f, ok := from.file(r.Model)
	if !ok {
		return client.ModelCopy{}, &client.Problem{Code: client.CodeNotFound, Detail: from.name + " does not have " + r.Model, Fix: "spinbot models shows who has it"}
	}
	if from.id == localAgent {
		err = m.h.machine.RemoveModel(r.Model)
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
func (m modelFiles) removeElsewhere(ctx context.Context, from stock, name string) error {
	if _, err := (relay(m)).reach(from.id, "to remove "+name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	_, err := m.h.fleet.link.Ask(ctx, from.id, protocol.AskRemove+" "+name)
	if errors.Is(err, context.DeadlineExceeded) {
		return &client.Problem{Code: client.CodeUnavailable, Detail: fmt.Sprintf("%s has not answered within %v, and removes %s when it hears of it", from.name, answerFor, name),
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
func (m modelFiles) find(all []stock, name string) (stock, error) {
	if name == "" || name == localAgent {
		return all[0], nil
	}
	a, err := agents(m).find(name)
	if err != nil {
		return stock{}, err
	}
	if k := slices.IndexFunc(all, func(s stock) bool { return s.id == a.Agent }); k >= 0 {
		return all[k], nil
	}
	return stock{a.Agent, a.Name, a.Offline, a.Models, a.Status.Fetching}, nil
}

// source finds where a file comes from: as it was asked for, else a machine that has it, else where the configuration says.
func (m modelFiles) source(all []stock, to stock, r client.ModelRequest) (protocol.Fetch, error) {
	f := protocol.Fetch{Name: r.Model, Digest: r.Digest}
	known := slices.IndexFunc(m.h.cfg.File.Sources, func(s config.Source) bool { return s.Name == r.Model })
	if known >= 0 {
		f.Digest = cmp.Or(f.Digest, m.h.cfg.File.Sources[known].Digest)
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
		return m.fromURL(f, m.h.cfg.File.Sources[known].URL)
	}
	return f, &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("nobody who is there has %s, and no model block in the host's spinbot.hcl says where it is", r.Model),
		Fix: "name a URL with --from, and with --digest what its bytes have to be"}
}

func (m modelFiles) fromMachine(f protocol.Fetch, s stock) protocol.Fetch {
	f.From = s.name
	if s.id != localAgent {
		f.Agent = s.id
	} else if m.h.fleet != nil {
		f.From = m.h.fleet.cfg.Name
	}
	return f
}

func (m modelFiles) fromURL(f protocol.Fetch, text string) (protocol.Fetch, error) {
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
func (h *Host) fetch(to stock, f protocol.Fetch) {
	h.cfg.Log.Info("a model is fetched", "model", f.Name, "to", to.name, "from", f.From)
	if to.id != localAgent {
		f.Host = h.fleet.id
		h.fleet.link.Order(to.id, protocol.Order{Fetch: &f})
		return
	}
	w := models.Want{Name: f.Name, Digest: f.Digest, From: f.From}
	if f.URL != "" {
		w.Source = h.machine.FromURL(f.Name, f.URL)
	} else {
		w.Source = h.fleet.relay.From(f.Agent, f.Name)
	}
	h.machine.Models.Begin(w)
}

// openRelay makes the way on which agents get model files from each other, and from this machine.
func (f *fleetHost) openRelay(token func(string) bool) {
	f.relay = models.NewRelay(models.RelayConfig{Token: token,
		Send: func(s models.Sending) {
			if slices.ContainsFunc(f.link.Members(), func(m fleet.Member) bool { return m.Agent == s.Agent && !m.Offline }) {
				f.link.Order(s.Agent, protocol.Order{Send: &protocol.Send{Host: f.id, Name: s.Name, Offset: s.Offset, Path: s.Path}})
			} else {
				f.relay.Gone(s.Agent)
			}
		},
		Here: func(ctx context.Context, name string, offset int64) (models.Stream, error) {
			if f.h.machine.Models == nil {
				return models.Stream{}, fmt.Errorf("the host does not have %s", name)
			}
			return f.h.machine.Models.Open(ctx, name, offset)
		}})
}

// stockOf gives the names of an agent's model files; nil: it does not say.
func (f *fleetHost) stockOf(m fleet.Member) map[string]bool {
	if m.Models == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	had := f.stocked[m.Agent]
	if had.session != m.Session || had.revision != m.Revision || had.names == nil {
		had = stockNames{m.Session, m.Revision, make(map[string]bool, len(m.Models.Files))}
		for _, x := range m.Models.Files {
			had.names[x.Name] = true
		}
		f.stocked[m.Agent] = had
	}
	return had.names
}

// stockNames are the names of an agent's model files, as one of its hellos has them.
type stockNames struct {
	session  string
	revision int
	names    map[string]bool
}

// coming names the files that are on their way.
func coming(all []protocol.Fetching) (out []string) {
	for _, f := range all {
		if f.Error == "" {
			out = append(out, f.Name)
		}
	}
	return out
}

// fetchAgain is how long after a model was fetched by itself that is tried again.
const fetchAgain = time.Minute

// fetchShortages fetches what tasks wait for, where the configuration says that this is done by itself. tried is when that
// was done last, by machine and file.
func (h *Host) fetchShortages(tried map[string]time.Time, now time.Time) {
	auto := slices.ContainsFunc(h.cfg.File.Sources, func(s config.Source) bool { return s.Auto })
	if !auto {
		return
	}
	for _, x := range h.placer.Shortages() {
		for _, name := range x.Files {
			key := x.Agent + "/" + name
			if now.Sub(tried[key]) < fetchAgain || !slices.ContainsFunc(h.cfg.File.Sources, func(s config.Source) bool { return s.Auto && s.Name == name }) {
				continue
			}
			tried[key] = now
			if _, err := (modelFiles{h}).Fetch(context.Background(), client.ModelRequest{Model: name, Agent: x.Agent}); err != nil {
				h.cfg.Log.Warn("a model that a task waits for cannot be fetched", "model", name, "agent", x.Agent, "error", err)
			}
		}
	}
}
