package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/pipelineroutes"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/pipelines"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// openTriggers makes what knows pipelines, and what fires their triggers once it is started.
func (h *Host) openTriggers() {
	h.pipelines = pipelines.New(pipelines.Config{Dirs: h.cfg.PipelineDirs, Types: h.types})
	secret := h.cfg.Secret
	if secret == nil {
		secret = h.secretOf
	}
	c := trigger.Config{
		Pipelines: h.sources, Runs: triggered{h}, Keep: h.keepFile, Secret: secret,
		NewID: func(now time.Time) string { return string(engine.NewID(now)) }, Dir: h.cfg.State.Triggers(), Log: h.cfg.Log,
		Observe: func(pipeline, name string, o trigger.Outcome) { h.metrics.Trigger(pipeline, name, string(o)) },
	}
	if h.sharing != nil {
		c.Records, c.Leads = h.sharing.notes, h.sharing.leads.Load
	}
	h.triggers = trigger.New(c)
}

// types gives the node types there are now.
func (h *Host) types(ctx context.Context) (pipeline.Types, error) {
	v, err := h.catalog.View(ctx)
	if err != nil {
		return nil, err
	}
	return h.withAssets(ctx, v)
}

func (h *Host) startTriggers() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.triggers.Run(ctx)
	}()
	h.untrigger = func() { cancel(); <-done }
}

// sources gives the pipelines in the folders to the triggers.
func (h *Host) sources(ctx context.Context) ([]trigger.Source, error) {
	all, err := h.pipelines.View(ctx)
	out := make([]trigger.Source, len(all))
	for i, e := range all {
		out[i] = trigger.Source{Name: e.Name, Pipeline: e.Pipeline}
	}
	return out, err
}

// keepFile makes an artifact of a file in a pipeline's folder.
func (h *Host) keepFile(ctx context.Context, name, file string) (sdk.Artifact, error) {
	e, err := h.pipelines.Find(ctx, name)
	if err != nil {
		return sdk.Artifact{}, err
	}
	f, err := e.Open(file)
	if err != nil {
		return sdk.Artifact{}, err
	}
	defer f.Close()
	return h.artifacts.Put(ctx, f, sdk.Artifact{Name: path.Base(file)})
}

// triggered is where triggers make runs.
type triggered struct{ h *Host }

// Submit implements trigger.Runs.
func (t triggered) Submit(ctx context.Context, r trigger.Run) error {
	_, err := t.h.engine.Submit(ctx, engine.Submission{ID: run.ID(r.ID), Pipeline: r.Pipeline, Inputs: r.Inputs, Owner: r.Owner})
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotOwned) { // another host was first, by a moment
		_, err = t.h.store.Find(ctx, r.ID)
	}
	return err
}

// Ended implements trigger.Runs.
func (t triggered) Ended(ctx context.Context, id string) (bool, error) {
	h, err := t.h.store.Find(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return run.Status(h.State).Ended(), err
}

// triggers is what the API does with triggers.
type triggers struct{ h *Host }

// List implements pipelineroutes.Triggers.
func (t triggers) List(ctx context.Context) ([]client.Trigger, error) {
	all, err := t.h.triggers.List(ctx)
	out := make([]client.Trigger, len(all))
	for i, s := range all {
		out[i] = triggerShape(s)
	}
	return out, err
}

// Fire implements pipelineroutes.Triggers.
func (t triggers) Fire(ctx context.Context, pipelineName, name, owner string, e client.TriggerEvent) (client.Run, error) {
	event := pipeline.TriggerEvent{Headers: e.Headers, Query: e.Query}
	if len(e.Body) > 0 {
		d := json.NewDecoder(bytes.NewReader(e.Body))
		d.UseNumber()
		if err := d.Decode(&event.Body); err != nil {
			return client.Run{}, &client.Problem{Code: client.CodeBadRequest, Detail: "the body is not JSON: " + err.Error()}
		}
	}
	id, err := t.h.triggers.Fire(ctx, pipelineName, name, owner, event)
	if errors.Is(err, trigger.ErrOutOfUse) {
		p := &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "mend the pipeline"}
		if e, err := t.h.pipelines.Find(ctx, pipelineName); err == nil {
			p.Detail += ": " + e.Reason
			p.Diagnostics = diagnosticShapes(e.Diagnostics)
		}
		return client.Run{}, p
	}
	if err != nil {
		return client.Run{}, explainTrigger(err, http.StatusUnprocessableEntity)
	}
	return runs(t).Show(ctx, id)
}

// Deliver implements pipelineroutes.Triggers.
func (t triggers) Deliver(ctx context.Context, pipelineName, name string, q trigger.Request) (string, error) {
	id, err := t.h.triggers.Deliver(ctx, pipelineName, name, q)
	return id, explainTrigger(err, http.StatusBadRequest)
}

// explainTrigger gives the refusals of triggers their code; wrong is the status of inputs that do not fit.
func explainTrigger(err error, wrong int) error {
	var input *trigger.InputError
	var request *trigger.RequestError
	switch {
	case errors.As(err, &input):
		return &client.Problem{Status: wrong, Code: client.CodeInvalidInput, Detail: input.Error(), Diagnostics: diagnosticShapes(input.Diagnostics)}
	case errors.As(err, &request):
		return &client.Problem{Code: client.CodeBadRequest, Detail: err.Error()}
	case errors.Is(err, trigger.ErrSignature):
		return &client.Problem{Code: client.CodeUnauthorized, Detail: err.Error(),
			Fix: "send the HMAC-SHA256 of the body as X-Hub-Signature-256: sha256=…, or X-Spinbot-Signature: t=…,v1=…"}
	case errors.Is(err, trigger.ErrUnknown):
		return &client.Problem{Code: client.CodeNotFound, Detail: err.Error(), Fix: "spinbot triggers lists what there is"}
	case errors.Is(err, trigger.ErrOutOfUse), errors.Is(err, trigger.ErrNoSecret):
		return &client.Problem{Code: client.CodeUnavailable, Detail: err.Error(), Fix: "try again later"}
	}
	return explain(err)
}

func triggerShape(s trigger.Status) client.Trigger {
	t := client.Trigger{
		Pipeline: s.Pipeline, Name: s.Name, Kind: string(s.Kind), Waiting: s.Waiting, LastFired: moment(s.Fired), LastRun: s.LastRun,
		LastError: s.Error, LastSkipped: moment(s.Skipped), SkippedBecause: s.Why,
	}
	if s.Kind == pipeline.Webhook {
		t.Path = "/hooks/" + s.Pipeline + "/" + s.Name
		return t
	}
	t.Schedule, t.Timezone, t.CatchUp, t.Overlap = s.Schedule.String(), s.Schedule.Timezone(), s.CatchUp, s.Overlap
	if next := s.Next.In(s.Schedule.Location()); !s.Next.IsZero() {
		t.Next = &next
	}
	return t
}

// folders is what the API says about pipelines.
type folders struct{ h *Host }

// List implements pipelineroutes.Pipelines.
func (f folders) List(ctx context.Context) ([]client.Pipeline, error) {
	all, err := f.h.pipelines.View(ctx)
	out := make([]client.Pipeline, len(all))
	for i, e := range all {
		out[i] = entryShape(e)
	}
	return out, err
}

// Show implements pipelineroutes.Pipelines.
func (f folders) Show(ctx context.Context, name, graph string) (client.Pipeline, error) {
	e, err := f.find(ctx, name)
	if err != nil {
		return client.Pipeline{}, err
	}
	out := entryShape(e)
	out.Diagnostics = diagnosticShapes(e.Diagnostics)
	if e.Pipeline == nil {
		return out, nil
	}
	pipelineShape(&out, e.Pipeline, graph)
	all, err := f.h.triggers.List(ctx)
	for _, s := range all {
		if s.Pipeline == name {
			out.Triggers = append(out.Triggers, triggerShape(s))
		}
	}
	return out, err
}

// Change implements pipelineroutes.Pipelines.
func (f folders) Change(ctx context.Context, name string, want *pipelineroutes.Change) (client.PipelineSource, error) {
	e, text, err := f.h.pipelines.Source(ctx, name)
	switch {
	case want == nil:
	case want.Text == nil:
		err = f.h.pipelines.Remove(ctx, name, want.Version)
	case len(*want.Text) > pipelines.MaxText:
		err = &client.Problem{Code: client.CodeTooLarge, Detail: "a pipeline's file has at most 4 MiB"}
	default:
		text = []byte(*want.Text)
		e, err = f.h.pipelines.Save(ctx, name, pipelines.Change{Text: text, Version: want.Version, Files: want.Files})
	}
	switch {
	case errors.Is(err, pipelines.ErrUnknown):
		err = &client.Problem{Code: client.CodeNotFound, Detail: err.Error()}
	case errors.Is(err, pipelines.ErrStale):
		err = &client.Problem{Code: client.CodeStale, Detail: err.Error(), Fix: "look at it as it is now, and save with its version"}
	case errors.Is(err, pipelines.ErrTaken):
		err = &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "save the pipeline under another name, with its files under other names"}
	case errors.Is(err, pipelines.ErrName):
		err = &client.Problem{Code: client.CodeBadRequest, Detail: err.Error()}
	}
	if err != nil {
		return client.PipelineSource{}, err
	}
	out := client.PipelineSource{Pipeline: entryShape(e), Text: string(text), Version: pipelines.VersionOf(text)}
	out.Pipeline.Diagnostics = diagnosticShapes(e.Diagnostics)
	return out, nil
}

func (f folders) find(ctx context.Context, name string) (pipelines.Entry, error) {
	e, err := f.h.pipelines.Find(ctx, name)
	if errors.Is(err, pipelines.ErrUnknown) {
		err = &client.Problem{Code: client.CodeNotFound, Detail: err.Error(), Fix: "put its file there, or name another folder with --pipelines"}
	}
	return e, err
}

func entryShape(e pipelines.Entry) client.Pipeline {
	p := client.Pipeline{Name: e.Name, File: e.File, State: string(e.State), Reason: e.Reason}
	if e.Pipeline != nil {
		p.Description = e.Pipeline.Description
	}
	return p
}

func pipelineShape(out *client.Pipeline, p *pipeline.Pipeline, format string) {
	out.Digest, out.Graph = p.Bundle().Digest(), drawn(p, format)
	for _, v := range p.Variables {
		x := client.Variable{Name: v.Name, Description: v.Description, Type: v.Type, Schema: v.Schema, Required: !v.HasDefault,
			Sensitive: v.Sensitive, Accept: v.Accept, MaxSize: v.MaxSize}
		if v.HasDefault && !v.Sensitive {
			x.Default, _ = json.Marshal(v.Default) // it came from the file: text, numbers, lists and objects
		}
		out.Variables = append(out.Variables, x)
	}
	for _, o := range p.Outputs {
		out.Outputs = append(out.Outputs, client.Output{Name: o.Name, Description: o.Description, Sensitive: o.Sensitive, Schema: o.Schema})
	}
	out.Nodes = declared(p)
}

// declared are the vertices of a pipeline's graph.
func declared(p *pipeline.Pipeline) []client.PipelineNode {
	var out []client.PipelineNode
	for _, n := range p.Nodes {
		out = append(out, client.PipelineNode{ID: n.ID, Kind: string(n.Kind), Type: n.Type.Name, Needs: n.Needs, ForEach: n.ForEach, When: n.When, Repeat: n.Repeat != nil, Range: rangeShape(n.Whole)})
	}
	return out
}

// drawn is the pipeline's graph in a format; empty for none.
func drawn(p *pipeline.Pipeline, format string) string {
	switch format {
	case "dot":
		return p.Graph().Dot()
	case "mermaid":
		return p.Graph().Mermaid()
	case "text":
		return p.Graph().Text()
	}
	return ""
}
