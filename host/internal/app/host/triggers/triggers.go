// Package triggers is what makes runs by itself as a host has it: the triggers of the pipelines in its folders, fired by time, by a
// webhook or by a person.
package triggers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/assets"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/pipelines"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what triggers stand on.
type Config struct {
	Folders   *pipelines.Folders
	Assets    *assets.Shelf
	Artifacts artifacts.Store
	Store     store.Index
	Dir       string // of what is known of them
	// Records are where hosts share that; Leads, whether this host is the one that fires. Nil: it is alone.
	Records store.Records
	Leads   func() bool
	// Make makes a run, Shown gives one that was made.
	Make  func(context.Context, engine.Submission) (run.ID, error)
	Shown func(ctx context.Context, id string) (client.Run, error)
	// Secret gives the value of a secret.
	Secret  func(ctx context.Context, name string) (string, error)
	Observe func(pipeline, name string, o trigger.Outcome)
	Log     *slog.Logger
}

// Triggers are those of the pipelines in the host's folders.
type Triggers struct {
	*trigger.Triggers
	cfg Config
}

// New is triggers that fire once they are run.
func New(c Config) *Triggers {
	return &Triggers{trigger.New(trigger.Config{Pipelines: c.sources, Runs: triggered{c}, Keep: c.keepFile, Secret: c.Secret, Records: c.Records, Leads: c.Leads,
		NewID: func(now time.Time) string { return string(engine.NewID(now)) }, Dir: c.Dir, Log: c.Log, Observe: c.Observe}), c}
}

// sources gives the pipelines in the folders to the triggers.
func (c Config) sources(ctx context.Context) ([]trigger.Source, error) {
	all, err := c.Folders.View(ctx)
	out := make([]trigger.Source, len(all))
	for i, e := range all {
		out[i] = trigger.Source{Name: e.Name, Pipeline: e.Pipeline}
	}
	return out, err
}

// keepFile makes an artifact of a file in a pipeline's folder.
func (c Config) keepFile(ctx context.Context, name, file string) (sdk.Artifact, error) {
	e, err := c.Folders.Find(ctx, name)
	if err != nil {
		return sdk.Artifact{}, err
	}
	f, err := e.Open(file)
	if err != nil {
		return sdk.Artifact{}, err
	}
	defer f.Close()
	return c.Artifacts.Put(ctx, f, sdk.Artifact{Name: path.Base(file)})
}

// triggered is where triggers make runs.
type triggered struct{ Config }

// Submit implements trigger.Runs.
func (c triggered) Submit(ctx context.Context, r trigger.Run) error {
	if err := errors.Join(c.Assets.Touch(ctx, r.Inputs), c.Assets.TouchPipeline(ctx, r.Pipeline)); err != nil {
		return err
	}
	_, err := c.Make(ctx, engine.Submission{ID: run.ID(r.ID), Pipeline: r.Pipeline, Inputs: r.Inputs, Owner: r.Owner})
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotOwned) { // another host was first, by a moment
		_, err = c.Store.Find(ctx, r.ID)
	}
	return err
}

// Ended implements trigger.Runs.
func (c triggered) Ended(ctx context.Context, id string) (bool, error) {
	head, err := c.Store.Find(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return run.Status(head.State).Ended(), err
}

// List implements pipelineroutes.Triggers.
func (t *Triggers) List(ctx context.Context) ([]client.Trigger, error) {
	all, err := t.Triggers.List(ctx)
	out := make([]client.Trigger, len(all))
	for i, s := range all {
		out[i] = triggerShape(s)
	}
	return out, err
}

// Fire implements pipelineroutes.Triggers.
func (t *Triggers) Fire(ctx context.Context, pipelineName, name, owner string, e client.TriggerEvent) (client.Run, error) {
	event := eval.TriggerEvent{Headers: e.Headers, Query: e.Query}
	if len(e.Body) > 0 {
		d := json.NewDecoder(bytes.NewReader(e.Body))
		d.UseNumber()
		if err := d.Decode(&event.Body); err != nil {
			return client.Run{}, &client.Problem{Code: client.CodeBadRequest, Detail: "the body is not JSON: " + err.Error()}
		}
	}
	id, err := t.Triggers.Fire(ctx, pipelineName, name, owner, event)
	if errors.Is(err, trigger.ErrOutOfUse) {
		p := &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "mend the pipeline"}
		if e, err := t.cfg.Folders.Find(ctx, pipelineName); err == nil {
			p.Detail += ": " + e.Reason
			p.Diagnostics = shape.Diagnostics(e.Diagnostics)
		}
		return client.Run{}, p
	}
	if err != nil {
		return client.Run{}, explainTrigger(err, http.StatusUnprocessableEntity)
	}
	return t.cfg.Shown(ctx, id)
}

// Deliver implements pipelineroutes.Triggers.
func (t *Triggers) Deliver(ctx context.Context, pipelineName, name string, q trigger.Request) (string, error) {
	id, err := t.Triggers.Deliver(ctx, pipelineName, name, q)
	return id, explainTrigger(err, http.StatusBadRequest)
}

// explainTrigger gives the refusals of triggers their code; wrong is the status of inputs that do not fit.
func explainTrigger(err error, wrong int) error {
	var input *trigger.InputError
	var request *trigger.RequestError
	switch {
	case errors.As(err, &input):
		return &client.Problem{Status: wrong, Code: client.CodeInvalidInput, Detail: input.Error(), Diagnostics: shape.Diagnostics(input.Diagnostics)}
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
	return shape.Problem(err)
}

func triggerShape(s trigger.Status) client.Trigger {
	t := client.Trigger{
		Pipeline: s.Pipeline, Name: s.Name, Kind: string(s.Kind), Waiting: s.Waiting, LastFired: shape.Moment(s.Fired), LastRun: s.LastRun,
		LastError: s.Error, LastSkipped: shape.Moment(s.Skipped), SkippedBecause: s.Why,
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
