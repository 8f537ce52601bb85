// Package pipelineroutes is what the REST API says of pipelines, those in the host's folders and those that somebody writes, and of
// what makes runs of them by itself.
package pipelineroutes

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Pipelines are those in the host's folders.
type Pipelines interface {
	List(ctx context.Context) ([]client.Pipeline, error)
	// Show gives all there is to say of one, with its graph as "dot", "mermaid" or "text".
	Show(ctx context.Context, name, graph string) (client.Pipeline, error)
	// Change gives the text of one when nothing is wanted, saves it, or removes it.
	Change(ctx context.Context, name string, want *Change) (client.PipelineSource, error)
}

// Change is what is wanted of a pipeline's file whose version is this one: another text, or, without one, its end. An empty
// version is that of a file that is not there yet. Files are put beside it.
type Change struct {
	Text    *string
	Version string
	Files   map[string][]byte
}

// Importer makes pipelines of what other programs made.
type Importer interface {
	// ComfyUI makes one of a file among the artifacts; it saves nothing.
	ComfyUI(ctx context.Context, in client.Import) (client.Imported, error)
}

// Checker says what is wrong with a pipeline, and gives its graph as Pipelines does.
type Checker interface {
	Check(ctx context.Context, s client.Source, graph string) (client.Checked, error)
}

// Triggers are what makes runs by itself.
type Triggers interface {
	List(ctx context.Context) ([]client.Trigger, error)
	Fire(ctx context.Context, pipeline, name, owner string, e client.TriggerEvent) (client.Run, error)
	// Deliver gives the run of a webhook's request, which may be anybody's: it looks at the signature first.
	Deliver(ctx context.Context, pipeline, name string, q trigger.Request) (run string, err error)
}

// Config is what the routes need. Every part has to be there.
type Config struct {
	Pipelines Pipelines
	Checker   Checker
	Importer  Importer
	Triggers  Triggers
	// Starters are pipelines to begin with, called as is said.
	Starters func(name string) ([]client.Starter, error)
}

type routes struct {
	*route.Server
	cfg Config
}

// Add adds the routes to a server.
func Add(to *route.Server, cfg Config) {
	s := &routes{to, cfg}
	s.pipelineRoutes()
	s.triggerRoutes()
}
