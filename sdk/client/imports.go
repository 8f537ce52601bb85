package client

import (
	"context"
	"net/http"
)

// Import asks for a pipeline of what ComfyUI made.
type Import struct {
	// Artifact is the digest of a file that was uploaded: a workflow as JSON, or a PNG, WebP, MP4 or MOV that has one in it.
	Artifact string `json:"artifact"`
	// File is what it is called, Name what the pipeline is to be called; empty: as the file is.
	File string `json:"file,omitempty"`
	Name string `json:"name,omitempty"`
}

// Imported is a pipeline that was made of another program's file, and what a person should know of it. It is not saved: its Text
// and Files are what a SavePipeline takes.
type Imported struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	// From says what the file was: "PNG, API format".
	From string `json:"from"`
	Text string `json:"text"`
	// Files stand beside the pipeline, by relative slash path.
	Files map[string][]byte `json:"files"`
	// Nodes counts those of the workflow.
	Nodes       int                `json:"nodes"`
	Variables   []ImportedVariable `json:"variables"`
	Outputs     []string           `json:"outputs"`
	CustomNodes []CustomNodes      `json:"custom_nodes"`
	Models      []WantedModel      `json:"models"`
	// Incomplete are nodes that could not be converted whole: ComfyUI would refuse them.
	Incomplete []ImportGap `json:"incomplete"`
	Warnings   []string    `json:"warnings"`
}

// ImportedVariable is a variable of an imported pipeline. Inputs are what of the workflow it feeds: "KSampler.seed".
type ImportedVariable struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Description string   `json:"description,omitempty"`
	Inputs      []string `json:"inputs"`
}

// CustomNodes is a package of node types that ComfyUI needs for a workflow, and which of them; an empty name: it is not known.
type CustomNodes struct {
	Name    string   `json:"name"`
	Classes []string `json:"classes"`
}

// WantedModel is a model file that a workflow loads: in the folder Kind under ComfyUI's models, empty when that is not known. URL
// is where its author had it from, mostly empty.
type WantedModel struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

// ImportGap is a node of a workflow that lacks inputs.
type ImportGap struct {
	ID    string `json:"id"`
	Class string `json:"class"`
	Why   string `json:"why"`
}

// ImportComfyUI makes a pipeline of a workflow that was uploaded. A Problem with CodeUnsupported: there is none in the file.
func (c *Client) ImportComfyUI(ctx context.Context, in Import) (p Imported, err error) {
	return p, c.call(ctx, http.MethodPost, "/api/v1/imports/comfyui", in, &p)
}
