package authoring

import (
	"encoding/json"

	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/pipelines"
	"github.com/myspinbot/spinbot/sdk/client"
)

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
			Sensitive: v.Sensitive, Options: v.Options(), Accept: v.Accept, MaxSize: v.MaxSize}
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
		out = append(out, client.PipelineNode{ID: n.ID, Kind: string(n.Kind), Type: n.Type.Name, Needs: n.Needs, ForEach: n.ForEach, When: n.When, Repeat: n.Repeat != nil, Range: shape.Range(n.Whole)})
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
