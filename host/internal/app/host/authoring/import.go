package authoring

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/convert"
	"github.com/myspinbot/spinbot/sdk/client"
)

// maxImport is the size in bytes of what is read for its workflow.
const maxImport = 256 << 20

// ComfyUI implements pipelineroutes.Importer: one file at a time, since a film is in memory for it.
func (p *Pipelines) ComfyUI(ctx context.Context, in client.Import) (client.Imported, error) {
	select {
	case p.importing <- struct{}{}:
		defer func() { <-p.importing }()
	case <-ctx.Done():
		return client.Imported{}, context.Cause(ctx)
	}
	data, err := p.read(ctx, in.Artifact)
	if err != nil {
		return client.Imported{}, err
	}
	r, err := convert.Convert(data, convert.Options{File: in.File, Name: in.Name})
	if err != nil {
		return client.Imported{}, &client.Problem{Code: client.CodeUnsupported, Detail: fmt.Sprintf("no pipeline can be made of %.80q: %v", in.File, err)}
	}
	return importShape(r), nil
}

func (p *Pipelines) read(ctx context.Context, digest string) ([]byte, error) {
	f, err := p.Artifacts.Open(ctx, digest)
	switch {
	case errors.Is(err, artifacts.ErrNotFound):
		return nil, &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("there is no artifact %.80q", digest), Fix: "upload the file first: POST /api/v1/artifacts?name=FILE"}
	case errors.Is(err, artifacts.ErrDigest):
		return nil, &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("artifact %.80q: %v", digest, artifacts.ErrDigest)}
	case err != nil:
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxImport+1))
	if err == nil && len(data) > maxImport {
		err = &client.Problem{Code: client.CodeTooLarge, Detail: fmt.Sprintf("the file is larger than %d MiB", maxImport>>20), Fix: "export the workflow from ComfyUI as JSON"}
	}
	return data, err
}

func importShape(r *convert.Result) client.Imported {
	out := client.Imported{Version: client.ShapeVersion, Name: r.Name, From: r.Source, Text: string(r.Pipeline), Files: map[string][]byte{r.WorkflowFile: r.Workflow}, Nodes: r.Nodes,
		Variables: []client.ImportedVariable{}, Outputs: []string{}, CustomNodes: []client.CustomNodes{}, Models: []client.WantedModel{}, Incomplete: []client.ImportGap{},
		Warnings: append([]string{}, r.Warnings...)}
	for _, v := range r.Variables {
		out.Variables = append(out.Variables, client.ImportedVariable{Name: v.Name, Type: v.Type, Description: v.Description, Inputs: v.Inputs})
	}
	for _, o := range r.Outputs {
		out.Outputs = append(out.Outputs, o.Name)
	}
	for _, p := range r.Packs {
		out.CustomNodes = append(out.CustomNodes, client.CustomNodes(p))
	}
	for _, m := range r.Models {
		out.Models = append(out.Models, client.WantedModel(m))
	}
	for _, g := range r.Gaps {
		out.Incomplete = append(out.Incomplete, client.ImportGap{ID: g.ID, Class: g.Class, Why: g.Why})
	}
	return out
}
