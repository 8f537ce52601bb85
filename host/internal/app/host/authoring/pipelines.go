// Package authoring is pipelines as people write them: read from wherever they are, checked, listed and saved in the host's folders,
// edited, made of what other programs made.
package authoring

import (
	"context"
	"errors"
	"log/slog"

	"github.com/myspinbot/spinbot/host/internal/api/pipelineroutes"
	"github.com/myspinbot/spinbot/host/internal/app/host/nodetypes"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/pipelines"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what authoring stands on.
type Config struct {
	Folders   *pipelines.Folders
	Types     *nodetypes.Types
	Artifacts artifacts.Store
	// Triggers are those of all pipelines.
	Triggers func(context.Context) ([]client.Trigger, error)
	Version  string // of this program
	Log      *slog.Logger
}

// Pipelines are those of the host's folders, and those that come with a request.
type Pipelines struct {
	Config

	importing chan struct{} // full while a file is made a pipeline
}

// New has pipelines in folders.
func New(cfg Config) *Pipelines { return &Pipelines{cfg, make(chan struct{}, 1)} }

// List implements pipelineroutes.Pipelines.
func (p *Pipelines) List(ctx context.Context) ([]client.Pipeline, error) {
	all, err := p.Folders.View(ctx)
	out := make([]client.Pipeline, len(all))
	for i, e := range all {
		out[i] = entryShape(e)
	}
	return out, err
}

// Show implements pipelineroutes.Pipelines.
func (p *Pipelines) Show(ctx context.Context, name, graph string) (client.Pipeline, error) {
	e, err := p.find(ctx, name)
	if err != nil {
		return client.Pipeline{}, err
	}
	out := entryShape(e)
	out.Diagnostics = shape.Diagnostics(e.Diagnostics)
	if e.Pipeline == nil {
		return out, nil
	}
	pipelineShape(&out, e.Pipeline, graph)
	all, err := p.Triggers(ctx)
	for _, t := range all {
		if t.Pipeline == name {
			out.Triggers = append(out.Triggers, t)
		}
	}
	return out, err
}

// Change implements pipelineroutes.Pipelines.
func (p *Pipelines) Change(ctx context.Context, name string, want *pipelineroutes.Change) (client.PipelineSource, error) {
	e, text, err := p.Folders.Source(ctx, name)
	switch {
	case want == nil:
	case want.Text == nil:
		err = p.Folders.Remove(ctx, name, want.Version)
	case len(*want.Text) > pipelines.MaxText:
		err = &client.Problem{Code: client.CodeTooLarge, Detail: "a pipeline's file has at most 4 MiB"}
	default:
		text = []byte(*want.Text)
		e, err = p.Folders.Save(ctx, name, pipelines.Change{Text: text, Version: want.Version, Files: want.Files})
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
	out.Pipeline.Diagnostics = shape.Diagnostics(e.Diagnostics)
	return out, nil
}

func (p *Pipelines) find(ctx context.Context, name string) (pipelines.Entry, error) {
	e, err := p.Folders.Find(ctx, name)
	if errors.Is(err, pipelines.ErrUnknown) {
		err = &client.Problem{Code: client.CodeNotFound, Detail: err.Error(), Fix: "put its file there, or name another folder with --pipelines"}
	}
	return e, err
}
