package api

import (
	"cmp"
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Pipelines are those in the host's folders.
type Pipelines interface {
	List(ctx context.Context) ([]client.Pipeline, error)
	// Show gives all there is to say of one, with its graph as "dot", "mermaid" or "text".
	Show(ctx context.Context, name, graph string) (client.Pipeline, error)
	// Change gives the text of one when nothing is wanted, saves it, or removes it.
	Change(ctx context.Context, name string, want *PipelineChange) (client.PipelineSource, error)
}

// PipelineChange is what is wanted of a pipeline's file whose version is this one: another text, or, without one, its end. An empty
// version is that of a file that is not there yet.
type PipelineChange struct {
	Text    *string
	Version string
}

// Triggers are what makes runs by itself.
type Triggers interface {
	List(ctx context.Context) ([]client.Trigger, error)
	Fire(ctx context.Context, pipeline, name, owner string, e client.TriggerEvent) (client.Run, error)
	// Deliver gives the run of a webhook's request, which may be anybody's: it looks at the signature first.
	Deliver(ctx context.Context, pipeline, name string, q trigger.Request) (run string, err error)
}

// hooks is where webhooks are asked.
const hooks = "/hooks/"

func (s *Server) pipelineRoutes() {
	op(s, Op{ID: "list-pipelines", Method: get, Path: v1 + "pipelines", Need: Viewer, Summary: "Pipelines in the host's folders"}, s.listPipelines)
	op(s, Op{ID: "check-pipeline", Method: post, Path: v1 + "pipelines/check", Need: Viewer, Summary: "What is wrong with a pipeline, without running it"}, s.check)
	op(s, Op{ID: "format-pipeline", Method: post, Path: v1 + "pipelines/format", Need: Viewer, Summary: "A pipeline's text as it is commonly laid out"}, s.format)
	op(s, Op{ID: "show-pipeline-source", Method: get, Path: v1 + "pipelines/{name}/source", Need: Viewer, Summary: "A pipeline's text, and its version"}, func(ctx context.Context, in *OnePipeline) (client.PipelineSource, error) {
		return s.cfg.Pipelines.Change(ctx, in.Name, nil)
	})
	op(s, Op{ID: "save-pipeline", Method: put, Path: v1 + "pipelines/{name}/source", Need: Operator, Summary: "Save a pipeline",
		Detail: "With the version that it has, or without one when it is new; else the answer is 412. What is broken is saved too, and is out of use."}, func(ctx context.Context, in *struct {
		OnePipeline
		Body client.SavePipeline
	}) (client.PipelineSource, error) {
		return s.cfg.Pipelines.Change(ctx, in.Name, &PipelineChange{Text: &in.Body.Text, Version: in.Body.Version})
	})
	op(s, Op{ID: "remove-pipeline", Method: del, Path: v1 + "pipelines/{name}/source", Need: Operator, Summary: "Remove a pipeline's file; its runs stay"}, func(ctx context.Context, in *struct {
		OnePipeline
		Version string `query:"version" required:"true" doc:"The version that it has."`
	}) (client.PipelineSource, error) {
		return s.cfg.Pipelines.Change(ctx, in.Name, &PipelineChange{Version: in.Version})
	})
	op(s, Op{ID: "show-pipeline", Method: get, Path: v1 + "pipelines/{name}", Need: Viewer, Summary: "A pipeline, with its variables and its graph"}, s.showPipeline)
}

// OnePipeline names a pipeline in the host's folders.
type OnePipeline struct {
	Name string `path:"name"`
}

func (s *Server) format(_ context.Context, in *struct{ Body client.Source }) (client.Formatted, error) {
	if in.Body.Text == "" {
		return client.Formatted{}, badRequest("there is no text", "send the file as text")
	}
	text, found := pipeline.Format(cmp.Or(in.Body.Name, "pipeline.hcl"), []byte(in.Body.Text))
	if found.HasErrors() {
		return client.Formatted{}, &client.Problem{Code: client.CodeInvalidPipeline, Detail: "it cannot be laid out as it is: " + found[0].String()}
	}
	return client.Formatted{Version: client.ShapeVersion, Text: string(text)}, nil
}

func (s *Server) listPipelines(ctx context.Context, _ *none) (client.PipelineList, error) {
	list, err := s.cfg.Pipelines.List(ctx)
	return client.PipelineList{Version: client.ShapeVersion, Pipelines: some(list)}, err
}

func (s *Server) check(ctx context.Context, in *struct {
	GraphFormat
	Body client.Source
}) (client.Checked, error) {
	if err := permitted(ctx, in.Body); err != nil {
		return client.Checked{}, err
	}
	return s.cfg.Catalog.Check(ctx, in.Body, in.Graph)
}

func (s *Server) showPipeline(ctx context.Context, in *struct {
	GraphFormat
	Name string `path:"name"`
}) (client.Pipeline, error) {
	return s.cfg.Pipelines.Show(ctx, in.Name, cmp.Or(in.Graph, "mermaid"))
}

func (s *Server) triggerRoutes() {
	op(s, Op{ID: "list-triggers", Method: get, Path: v1 + "triggers", Need: Viewer, Summary: "What makes runs by itself"}, func(ctx context.Context, _ *none) (client.TriggerList, error) {
		list, err := s.cfg.Triggers.List(ctx)
		return client.TriggerList{Version: client.ShapeVersion, Triggers: some(list)}, err
	})
	opAt(s, Op{ID: "fire-trigger", Method: post, Path: v1 + "triggers/{pipeline}/{name}/fire", Need: Operator, Status: fiber.StatusAccepted, Summary: "Make a run of a trigger now"}, s.fire)
	s.bare(Op{ID: "hook", Method: post, Path: hooks + "{pipeline}/{name}", Need: Anyone, Status: fiber.StatusAccepted, Summary: "Make a run of a webhook's request, which its signature lets in"},
		func(o *huma.Operation) {
			takes(o, "application/json", &huma.Schema{})
			s.returns(o, "202", "The run that was made.", "application/json", schemaOf[client.Delivered](s))
		}, s.hook)
}

// fire makes a run of a trigger because a person asks for it.
func (s *Server) fire(ctx context.Context, in *struct {
	Pipeline string `path:"pipeline"`
	Name     string `path:"name"`
	Body     *client.TriggerEvent
}) (client.Run, string, error) {
	r, err := s.cfg.Triggers.Fire(ctx, in.Pipeline, in.Name, callerOf(ctx).User, given(in.Body))
	return r, v1 + "runs/" + r.ID, err
}

// hook takes a webhook's request: its body as it was sent, since that is what was signed.
func (s *Server) hook(c *fiber.Ctx) error {
	raw, err := s.readBody(c, trigger.MaxBody, "send a link to what is large")
	if err != nil {
		return err
	}
	q := trigger.Request{Headers: map[string]string{}, Query: c.Queries(), Body: raw}
	for name, values := range c.GetReqHeaders() {
		q.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	run, err := s.cfg.Triggers.Deliver(c.UserContext(), c.Params("pipeline"), c.Params("name"), q)
	if err != nil {
		return err
	}
	c.Location("/api/v1/runs/" + run)
	return c.Status(fiber.StatusAccepted).JSON(client.Delivered{Version: client.ShapeVersion, Run: run})
}
