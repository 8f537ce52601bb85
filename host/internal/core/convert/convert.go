// Package convert turns what ComfyUI makes into a pipeline: a workflow, or a picture or video that has one in it,
// becomes an .hcl file with a node comfyui.workflow, variables for what a person wants to change, and outputs for what
// the workflow saves. It owns the choice of those variables, their names, and the list of what the workflow needs.
//
// Words: a workflow is ComfyUI's, a pipeline ours; a gap is a node that could not be converted whole.
package convert

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/comfyui"
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
	g, source, err := comfyui.ReadFile(data, o.Definitions)
	if err != nil {
		return nil, err
	}
	r.Source, r.Nodes, r.Warnings = source, len(g.Nodes), g.Warnings
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
