// Package convert turns what ComfyUI makes into a pipeline: a workflow, or a picture or video that has one in it,
// becomes an .hcl file with a node comfyui.workflow, variables for what a person wants to change, and outputs for what
// the workflow saves. It owns the choice of those variables, their names, and the list of what the workflow needs.
//
// Words: a workflow is ComfyUI's, a pipeline ours; a gap is a node that could not be converted whole.
package convert

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/convert/comfyui"
	"github.com/myspinbot/spinbot/host/internal/core/convert/metadata"
	"github.com/myspinbot/spinbot/sdk"
)

// maxWorkflow is what a pipeline's file() reads, in bytes.
const maxWorkflow = 4 << 20

// Options say what is known besides the bytes.
type Options struct {
	// File is the file's name, for words and for the pipeline's name.
	File string
	// Name is the pipeline's name; empty for one made of File.
	Name string
	// Definitions are the node types of a ComfyUI server; nil when there is none to ask.
	Definitions comfyui.Definitions
}

// Result is the pipeline and what a person should know of it.
type Result struct {
	Name string
	// Pipeline is the text of <name>.hcl; Workflow that of WorkflowFile, which stands beside it.
	Pipeline, Workflow []byte
	WorkflowFile       string
	// Source says what the bytes were: "PNG, API format".
	Source string
	// Nodes counts the workflow's nodes.
	Nodes     int
	Variables []Variable
	Outputs   []Output
	Packs     []Pack
	Models    []Model
	Gaps      []comfyui.Gap
	Warnings  []string
}

// Variable is one variable of the pipeline.
type Variable struct {
	Name, Description string
	// Type is as written in HCL: string, number, bool or artifact.
	Type string
	// Default is the value in the workflow, a string, json.Number or bool; nil for artifacts.
	Default any
	// Accept lists the media types of an artifact.
	Accept []string
	// Inputs are the workflow's inputs that it feeds: "KSampler.seed".
	Inputs []string
}

// Output is one output of the pipeline, and its value in HCL.
type Output struct{ Name, Value string }

// Convert reads a workflow and writes the pipeline. It fails where there is no workflow to read; gaps are no failure.
func Convert(data []byte, o Options) (*Result, error) {
	r := &Result{}
	if err := r.name(o); err != nil {
		return nil, err
	}
	g, err := r.read(data, o.Definitions)
	if err != nil {
		return nil, err
	}
	r.Nodes, r.Warnings = len(g.Nodes), g.Warnings
	for _, gap := range g.Gaps {
		r.Gaps = append(r.Gaps, comfyui.Gap{ID: clean(gap.ID, 100), Class: clean(gap.Class, 100), Title: clean(gap.Title, 100), Why: clean(gap.Why, 300)})
	}
	if r.Workflow = g.JSON(); len(r.Workflow) > maxWorkflow {
		return nil, fmt.Errorf("the workflow has %d MiB, and a pipeline reads files of at most %d; something large is written into one of its nodes: load it from a file instead", len(r.Workflow)>>20, maxWorkflow>>20)
	}
	r.WorkflowFile = "workflows/" + r.Name + ".json"
	x := newExposer(g, o.Definitions)
	r.Variables = x.variables()
	r.outputs(g, x)
	r.Packs, r.Models = packsOf(g, o.Definitions), modelsOf(g)
	r.Pipeline = r.write(o.File)
	return r, nil
}

func (r *Result) name(o Options) error {
	if o.Name != "" {
		if r.Name = o.Name; !sdk.IsName(o.Name) {
			return fmt.Errorf("%q cannot name a pipeline: use letters, digits, _ and -, and begin with a letter", o.Name)
		}
		return nil
	}
	base := path.Base(strings.ReplaceAll(o.File, `\`, "/"))
	r.Name = cmp.Or(slug(strings.TrimSuffix(base, path.Ext(base))), "imported")
	return nil
}

// read takes the first of the texts that is a workflow: the one that was run, the drawing, a comment.
func (r *Result) read(data []byte, defs comfyui.Definitions) (*comfyui.Graph, error) {
	kind := metadata.KindOf(data)
	if kind == metadata.NotMedia {
		g, err := comfyui.Read(data, defs)
		if err == nil {
			r.Source = g.Form
		}
		return g, err
	}
	texts, err := metadata.Find(data)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, c := range []struct {
		what string
		text []byte
	}{{"prompt", texts.Prompt}, {"workflow", texts.Workflow}, {"comment", texts.Comment}} {
		if c.text == nil {
			continue
		}
		g, err := comfyui.Read(c.text, defs)
		if err != nil {
			problems = append(problems, fmt.Errorf("the %s in the %s: %w", c.what, kind, err))
			continue
		}
		if c.what == "prompt" && texts.Workflow != nil {
			enrich(g, texts.Workflow, defs)
		}
		r.Source = fmt.Sprintf("%s, %s", kind, g.Form)
		return g, nil
	}
	return nil, errors.Join(problems...)
}

// enrich adds to the graph that was run what only the drawing says: where custom nodes and models come from.
func enrich(g *comfyui.Graph, drawing []byte, defs comfyui.Definitions) {
	drawn, err := comfyui.Read(drawing, defs)
	if err != nil {
		return
	}
	for _, n := range g.Nodes {
		if d := drawn.Node(n.ID); d != nil && d.Class == n.Class {
			n.Pack, n.Models = d.Pack, d.Models
		}
	}
}
