package lineage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/provenance"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// made is what the attempts of a run were made for.
type made struct {
	pipeline *pipeline.Pipeline // as it was then; nil: it is not known
	digest   string
	owner    string
}

// work is what an attempt was done with.
type work struct {
	seed    uint64
	set     json.Number // the input seed
	model   string
	engine  string
	preview bool
	agent   string
	devices []string
	used    *sdk.Usage
}

func begun(e run.Event, inputs sdk.Values) work {
	w := work{seed: e.Seed, agent: e.Agent, devices: e.Devices}
	w.set, _ = inputs["seed"].(json.Number)
	w.model, _ = inputs["model"].(string)
	w.engine, _ = inputs["engine"].(string)
	return w
}

func (w *work) end(e run.Event, outputs sdk.Values) {
	w.used = e.Usage
	if engine, ok := outputs["engine"].(string); ok {
		w.engine = engine
	}
	w.preview, _ = outputs["preview"].(bool)
}

// named gives the models that an attempt's inputs name and its plugin has told the version of, and an engine that is one with its model.
func (w *work) named(nodeType string) (out []sdk.UsedModel) {
	plugin, _, _ := strings.Cut(nodeType, ".")
	if w.used != nil && w.model != "" && w.used.Versions[w.model] != "" {
		out = append(out, sdk.UsedModel{Name: plugin + "/" + w.model, Digest: "sha256:" + w.used.Versions[w.model], Licence: w.used.Versions[sdk.LicenceOf(w.model)]})
	}
	if name := plugin + "/" + w.engine; w.engine != "" {
		if _, known := asset.Known(name); known {
			out = append(out, sdk.UsedModel{Name: name})
		}
	}
	return out
}

// Provenance says how an artifact came to be in a run; without one, in the run that made it first of those that are still there. An artifact that no run
// has made is artifacts.ErrNotFound.
func (l *Lineage) Provenance(ctx context.Context, digest, id string) (sdk.Artifact, provenance.Predicate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := tracer{l: l, runs: map[string]*history{}, done: map[string]bool{}}
	ids := []string{id}
	if id == "" {
		there, err := l.refresh(ctx)
		if err != nil {
			return sdk.Artifact{}, provenance.Predicate{}, err
		}
		ids = l.namers(digest, there)
		slices.Reverse(ids)
		if len(ids) > maxRuns {
			ids = ids[:maxRuns]
		}
	}
	var found *Attempt
	for _, id := range ids {
		h, err := t.history(ctx, id)
		if err != nil {
			return sdk.Artifact{}, provenance.Predicate{}, err
		}
		for k := range h.attempts {
			if a := &h.attempts[k]; a.makes(digest) && (found == nil || found.Source != "" && a.Source == "") {
				found = a
			}
		}
		if found != nil && found.Source == "" {
			break
		}
	}
	if found == nil {
		return sdk.Artifact{}, provenance.Predicate{}, fmt.Errorf("no run that is still there has made %s: %w", digest, artifacts.ErrNotFound)
	}
	var it sdk.Artifact
	for _, a := range found.Makes {
		if a.Digest == digest {
			it = a
		}
	}
	err := t.trace(ctx, found.At, digest)
	return it, t.said, err
}

func (a *Attempt) makes(digest string) bool {
	return !a.Failed && slices.ContainsFunc(a.Makes, func(x sdk.Artifact) bool { return x.Digest == digest })
}

// tracer composes one predicate.
type tracer struct {
	l    *Lineage
	runs map[string]*history
	done map[string]bool // attempts, and artifacts within a run
	said provenance.Predicate
	next []wanted
}

// wanted is an artifact that some attempt of a run has used.
type wanted struct {
	run  string
	file sdk.Artifact
}

func (t *tracer) history(ctx context.Context, id string) (*history, error) {
	if h := t.runs[id]; h != nil {
		return h, nil
	}
	if len(t.runs) == maxRuns {
		return &history{cut: true}, nil
	}
	if h := t.l.told[id]; h != nil {
		if more, err := t.l.Journal.Read(ctx, id, h.seq, 1); err == nil && len(more) == 0 {
			t.runs[id] = h
			return h, nil
		}
	}
	h, err := t.l.replay(ctx, id, nil)
	if err == nil {
		t.l.keep(id, h)
		t.runs[id] = h
	}
	return h, err
}

// trace follows the artifact to what it was made of.
func (t *tracer) trace(ctx context.Context, made sdk.Address, digest string) error {
	h := t.runs[made.Run]
	t.said.Run, t.said.Owner, t.said.Made = made.Run, h.run.owner, made.String()
	t.said.Pipeline = provenance.Of(sdk.Artifact{Name: h.run.pipeline.Name, Digest: h.run.digest})
	t.said.Commercial = h.run.pipeline.Commercial
	for t.next = []wanted{{made.Run, sdk.Artifact{Digest: digest}}}; len(t.next) > 0; {
		w := t.next[0]
		t.next = t.next[1:]
		key := w.run + " " + w.file.Digest
		if t.done[key] {
			continue
		}
		t.done[key] = true
		h, err := t.history(ctx, w.run)
		if err != nil {
			return err
		}
		t.said.Incomplete = t.said.Incomplete || h.cut
		given := true
		for k := range h.attempts {
			if a := &h.attempts[k]; a.makes(w.file.Digest) {
				given = false
				if err := t.step(ctx, h, a); err != nil {
					return err
				}
			}
		}
		if given {
			t.said.Inputs = append(t.said.Inputs, provenance.Of(w.file))
		}
	}
	t.assets()
	return nil
}

// step adds an attempt, and those without artifacts of their own whose values went into it.
func (t *tracer) step(ctx context.Context, h *history, a *Attempt) error {
	if err := t.add(ctx, h, a); err != nil || h.run.pipeline == nil {
		return err
	}
	before := upstream(h.run.pipeline, a.At)
	for k := range h.attempts {
		if b := &h.attempts[k]; len(b.Makes) == 0 && !b.Failed && !b.Ended.IsZero() && before[vertex(b.At.Modules, run.IDOf(b.At.Node))] {
			if err := t.add(ctx, h, b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tracer) add(ctx context.Context, h *history, a *Attempt) error {
	if t.done[a.At.String()] {
		return nil
	}
	if len(t.said.Steps) == MaxAttempts {
		t.said.Incomplete = true
		return nil
	}
	t.done[a.At.String()] = true
	of, at := h, a
	if a.Source != "" {
		var err error
		if of, at, err = t.source(ctx, a.Source); err != nil {
			return err
		}
		if at == nil { // its run is gone
			of, at, t.said.Incomplete = h, a, true
		}
	}
	w := at.work
	s := provenance.Step{At: a.At.String(), Type: a.Type, Ended: at.Ended, Cached: a.Source, Agent: w.agent, Devices: w.devices, Set: w.set, Engine: w.engine, Preview: w.preview}
	if w.seed != 0 {
		s.Seed = strconv.FormatUint(w.seed, 10)
	}
	if of.run.pipeline != nil {
		nodeType, _ := of.run.pipeline.Bundle().NodeType(a.Type)
		s.Revision = nodeType.Revision
	}
	if w.used != nil {
		s.By, s.Versions = w.used.By, w.used.Versions
		t.said.AddModels(w.used.Models)
	}
	t.said.AddModels(w.named(a.Type))
	t.said.Preview = t.said.Preview || w.preview
	for _, x := range at.Uses {
		s.Uses = append(s.Uses, provenance.Of(x))
		t.next = append(t.next, wanted{at.At.Run, x})
	}
	for _, x := range a.Makes {
		s.Makes = append(s.Makes, provenance.Of(x))
	}
	t.said.Steps = append(t.said.Steps, s)
	return nil
}

// source finds an attempt whose result was used again; nil when its run is gone.
func (t *tracer) source(ctx context.Context, at string) (*history, *Attempt, error) {
	x, err := sdk.ParseAddress(at)
	if err != nil {
		return nil, nil, nil //nolint:nilerr // a later version's
	}
	h, err := t.history(ctx, x.Run)
	if err != nil {
		return nil, nil, err
	}
	for k := range h.attempts {
		if h.attempts[k].At.String() == at {
			return h, &h.attempts[k], nil
		}
	}
	return nil, nil, nil
}

// assets notes the assets among the inputs, as the runs remember them.
func (t *tracer) assets() {
	for _, h := range t.runs {
		if h.run.pipeline == nil {
			continue
		}
		for _, a := range h.run.pipeline.Assets() {
			for k := range a.Versions {
				v := &a.Versions[k]
				x := provenance.AssetOf(a.Ref(), v)
				used := slices.ContainsFunc(t.said.Inputs, func(s provenance.Subject) bool { return s.SHA256() == v.Artifact.Digest })
				if used && !slices.ContainsFunc(t.said.Assets, func(y provenance.Asset) bool { return y.Name == x.Name }) {
					t.said.Assets = append(t.said.Assets, x)
				}
			}
		}
	}
	slices.SortFunc(t.said.Assets, func(a, b provenance.Asset) int { return cmp.Compare(a.Name, b.Name) })
}

// vertex names a node of a pipeline, or of a module in it.
func vertex(in run.Path, id string) string {
	var names []string
	for _, step := range in {
		names = append(names, step.Name)
	}
	return strings.Join(append(names, id), "/")
}

// upstream gives the vertices whose values go into a node, also through the modules around it.
func upstream(p *pipeline.Pipeline, at sdk.Address) map[string]bool {
	seen := map[string]bool{}
	within := []*pipeline.Pipeline{p} // the pipelines of the modules around it
	for _, step := range at.Modules {
		n := within[len(within)-1].NodeByID[run.IDOf(step)]
		if n == nil || n.Module == nil {
			return seen
		}
		within = append(within, n.Module)
	}
	id := run.IDOf(at.Node)
	for k := len(within) - 1; k >= 0; k-- {
		needs(within[k], at.Modules[:k], id, seen)
		if k > 0 {
			id = run.IDOf(at.Modules[k-1])
		}
	}
	return seen
}

// needs adds what a vertex needs, and what that needs.
func needs(p *pipeline.Pipeline, in run.Path, id string, seen map[string]bool) {
	n := p.NodeByID[id]
	if n == nil {
		return
	}
	for _, need := range n.Needs {
		if v := vertex(in, need); !seen[v] {
			seen[v] = true
			if m := p.NodeByID[need]; m != nil && m.Module != nil {
				for _, inner := range m.Module.Nodes {
					all(append(slices.Clone(in), run.StepOf(need, sdk.Key{}, 0)), inner, seen)
				}
			}
			needs(p, in, need, seen)
		}
	}
}

// all adds a vertex of a module, and what is in it.
func all(in run.Path, n *pipeline.Node, seen map[string]bool) {
	seen[vertex(in, n.ID)] = true
	if n.Module != nil {
		for _, inner := range n.Module.Nodes {
			all(append(slices.Clone(in), run.StepOf(n.ID, sdk.Key{}, 0)), inner, seen)
		}
	}
}
