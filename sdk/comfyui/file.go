package comfyui

import (
	"errors"
	"fmt"

	"github.com/myspinbot/spinbot/sdk/comfyui/metadata"
)

// ReadFile reads a workflow from a file: JSON as Read takes it, or a PNG, WebP, MP4 or MOV that carries one. Of the texts in such a file
// the first that is a workflow counts: the one that was run, the drawing, a comment. from says what it was: "PNG, API format".
func ReadFile(data []byte, defs Definitions) (g *Graph, from string, err error) {
	kind := metadata.KindOf(data)
	if kind == metadata.NotMedia {
		if g, err = Read(data, defs); err != nil {
			return nil, "", err
		}
		return g, string(g.Form), nil
	}
	texts, err := metadata.Find(data)
	if err != nil {
		return nil, "", err
	}
	var problems []error
	for _, c := range []struct {
		what string
		text []byte
	}{{"prompt", texts.Prompt}, {"workflow", texts.Workflow}, {"comment", texts.Comment}} {
		if c.text == nil {
			continue
		}
		g, err := Read(c.text, defs)
		if err != nil {
			problems = append(problems, fmt.Errorf("the %s in the %s: %w", c.what, kind, err))
			continue
		}
		if c.what == "prompt" && texts.Workflow != nil {
			g.enrich(texts.Workflow, defs)
		}
		return g, fmt.Sprintf("%s, %s", kind, g.Form), nil
	}
	return nil, "", errors.Join(problems...)
}

// enrich adds to the graph that was run what only the drawing says: where custom nodes and models come from.
func (g *Graph) enrich(drawing []byte, defs Definitions) {
	drawn, err := Read(drawing, defs)
	if err != nil {
		return
	}
	for _, n := range g.Nodes {
		if d := drawn.Node(n.ID); d != nil && d.Class == n.Class {
			n.Pack, n.Models = d.Pack, d.Models
		}
	}
}
