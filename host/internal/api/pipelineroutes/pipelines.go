package pipelineroutes

import (
	"cmp"
	"context"
	"net/http"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) pipelineRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-pipelines", Method: http.MethodGet, Path: route.V1 + "pipelines", Need: route.Viewer, Summary: "Pipelines in the host's folders"}, s.listPipelines)
	route.JSON(s.Server, route.Op{ID: "check-pipeline", Method: http.MethodPost, Path: route.V1 + "pipelines/check", Need: route.Viewer, Summary: "What is wrong with a pipeline, without running it"}, s.check)
	route.JSON(s.Server, route.Op{ID: "format-pipeline", Method: http.MethodPost, Path: route.V1 + "pipelines/format", Need: route.Viewer, Summary: "A pipeline's text as it is commonly laid out"}, s.format)
	route.JSON(s.Server, route.Op{ID: "list-starters", Method: http.MethodGet, Path: route.V1 + "starters", Need: route.Viewer, Summary: "Pipelines to begin with"}, s.starters)
	route.JSON(s.Server, route.Op{ID: "show-pipeline-source", Method: http.MethodGet, Path: route.V1 + "pipelines/{name}/source", Need: route.Viewer, Summary: "A pipeline's text, and its version"}, func(ctx context.Context, in *OnePipeline) (client.PipelineSource, error) {
		return s.cfg.Pipelines.Change(ctx, in.Name, nil)
	})
	route.JSON(s.Server, route.Op{ID: "save-pipeline", Method: http.MethodPut, Path: route.V1 + "pipelines/{name}/source", Need: route.Operator, Summary: "Save a pipeline",
		Detail: "With the version that it has, or without one when it is new; else the answer is 412. What is broken is saved too, and is out of use."}, func(ctx context.Context, in *struct {
		OnePipeline
		Body client.SavePipeline
	}) (client.PipelineSource, error) {
		return s.cfg.Pipelines.Change(ctx, in.Name, &Change{Text: &in.Body.Text, Version: in.Body.Version, Files: in.Body.Files})
	})
	route.JSON(s.Server, route.Op{ID: "remove-pipeline", Method: http.MethodDelete, Path: route.V1 + "pipelines/{name}/source", Need: route.Operator, Summary: "Remove a pipeline's file; its runs stay"}, func(ctx context.Context, in *struct {
		OnePipeline
		Version string `query:"version" required:"true" doc:"The version that it has."`
	}) (client.PipelineSource, error) {
		return s.cfg.Pipelines.Change(ctx, in.Name, &Change{Version: in.Version})
	})
	route.JSON(s.Server, route.Op{ID: "import-comfyui", Method: http.MethodPost, Path: route.V1 + "imports/comfyui", Need: route.Operator, Summary: "Make a pipeline of a ComfyUI workflow",
		Detail: "Of a file that was uploaded. Nothing is saved: text and files of the answer are what save-pipeline takes. 415: there is no workflow in the file."}, func(ctx context.Context, in *struct{ Body client.Import }) (client.Imported, error) {
		return s.cfg.Importer.ComfyUI(ctx, in.Body)
	})
	route.JSON(s.Server, route.Op{ID: "show-pipeline", Method: http.MethodGet, Path: route.V1 + "pipelines/{name}", Need: route.Viewer, Summary: "A pipeline, with its variables and its graph"}, s.showPipeline)
}

// OnePipeline names a pipeline in the host's folders.
type OnePipeline struct {
	Name string `path:"name"`
}

// GraphFormat is how a pipeline's graph is to be given.
type GraphFormat struct {
	Graph string `query:"graph" enum:"dot,mermaid,text" doc:"The format of the graph."`
}

func (s *routes) starters(_ context.Context, in *struct {
	Name string `query:"name" required:"true" pattern:"^[A-Za-z][A-Za-z0-9_-]{0,63}$" doc:"What the pipeline is to be called."`
}) (client.StarterList, error) {
	list, err := s.cfg.Starters(in.Name)
	return client.StarterList{Version: client.ShapeVersion, Starters: route.Some(list)}, err
}

func (s *routes) format(_ context.Context, in *struct{ Body client.Source }) (client.Formatted, error) {
	if in.Body.Text == "" {
		return client.Formatted{}, route.BadRequest("there is no text", "send the file as text")
	}
	text, found := syntax.Format(cmp.Or(in.Body.Name, "pipeline.hcl"), []byte(in.Body.Text))
	if found.HasErrors() {
		return client.Formatted{}, &client.Problem{Code: client.CodeInvalidPipeline, Detail: "it cannot be laid out as it is: " + found[0].String()}
	}
	return client.Formatted{Version: client.ShapeVersion, Text: string(text)}, nil
}

func (s *routes) listPipelines(ctx context.Context, _ *route.None) (client.PipelineList, error) {
	list, err := s.cfg.Pipelines.List(ctx)
	return client.PipelineList{Version: client.ShapeVersion, Pipelines: route.Some(list)}, err
}

func (s *routes) check(ctx context.Context, in *struct {
	GraphFormat
	Body client.Source
}) (client.Checked, error) {
	if err := route.Permitted(ctx, in.Body); err != nil {
		return client.Checked{}, err
	}
	return s.cfg.Checker.Check(ctx, in.Body, in.Graph)
}

func (s *routes) showPipeline(ctx context.Context, in *struct {
	GraphFormat
	Name string `path:"name"`
}) (client.Pipeline, error) {
	return s.cfg.Pipelines.Show(ctx, in.Name, cmp.Or(in.Graph, "mermaid"))
}
