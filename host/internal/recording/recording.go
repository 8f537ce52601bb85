// Package recording keeps what the nodes of a real run gave, as a file that a test of its pipeline can replay: the node
// types in use and, by node instance, the outputs or failures of each attempt. Small artifacts lie beside the file, in
// a folder of its name, called after their digests; of large ones only the reference is kept.
// Outputs in which something is sensitive are left out, by name.
//
// It has the shape of "spinbot node-types --json" with results added, so that such a listing is a recording of nothing.
package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Recording is what was recorded of one run.
type Recording struct {
	// Pipeline is the pipeline's name, Run the run's id; empty in a listing of node types.
	Pipeline, Run string
	// NodeTypes are those in use, as they were.
	NodeTypes []sdk.NodeType
	Results   []Result

	path string
}

// Result is what one node instance gave.
type Result struct {
	// Node is the instance's address within its run: node.shot[2].
	Node string `json:"node"`
	Type string `json:"type"`
	// Attempts stand in their order; there is at least one.
	Attempts []Attempt `json:"attempts"`
}

// Attempt is how one attempt ended: Error is nil when it gave outputs.
type Attempt struct {
	Outputs sdk.Values `json:"outputs,omitempty"`
	// Sensitive names the outputs that are left out since something in them is: whoever replays the recording gives them.
	Sensitive []string   `json:"sensitive,omitempty"`
	Error     *sdk.Error `json:"error,omitempty"`
}

// attemptOf leaves out the outputs in which something is sealed: only the host of the run could open it.
func attemptOf(outputs sdk.Values, err *sdk.Error) Attempt {
	a := Attempt{Outputs: outputs, Error: err}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		if sdk.HasSealed(outputs[name]) {
			a.Sensitive = append(a.Sensitive, name)
		}
	}
	if a.Sensitive != nil {
		a.Outputs = maps.Clone(outputs)
		maps.DeleteFunc(a.Outputs, func(_ string, x any) bool { return sdk.HasSealed(x) })
	}
	return a
}

// Sensitive names the outputs of a node type that are left out of any result, in order.
func (r *Recording) Sensitive(nodeType string) (names []string) {
	for _, x := range r.Results {
		for _, a := range x.Attempts {
			if x.Type == nodeType {
				names = append(names, a.Sensitive...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Read reads a recorded file.
func Read(path string) (*Recording, error) {
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return nil, err
	}
	var f struct {
		Version   int            `json:"version"`
		Pipeline  string         `json:"pipeline"`
		Run       string         `json:"run"`
		NodeTypes []sdk.NodeType `json:"node_types"`
		Results   []Result       `json:"results"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("%s is not a recorded file: %w", path, err)
	}
	if f.Version != client.ShapeVersion {
		return nil, fmt.Errorf("%s has version %d; this spinbot reads version %d", path, f.Version, client.ShapeVersion)
	}
	for _, t := range f.NodeTypes {
		if t.Name == "" {
			return nil, fmt.Errorf("%s: a node type has no name", path)
		}
	}
	for _, r := range f.Results {
		if len(r.Attempts) == 0 {
			return nil, fmt.Errorf("%s: nothing was recorded of %s", path, r.Node)
		}
		if slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return sdk.HasSealed(a.Outputs) }) {
			return nil, fmt.Errorf("%s: what %s gave is sealed, and nobody can open it here", path, r.Node)
		}
	}
	return &Recording{Pipeline: f.Pipeline, Run: f.Run, NodeTypes: f.NodeTypes, Results: f.Results, path: path}, nil
}

// Path is the file that Read read.
func (r *Recording) Path() string { return r.path }

// Find gives what an instance gave.
func (r *Recording) Find(node string) (Result, bool) {
	i := slices.IndexFunc(r.Results, func(x Result) bool { return x.Node == node })
	if i < 0 {
		return Result{}, false
	}
	return r.Results[i], true
}

// Nodes lists the instances of which something was recorded.
func (r *Recording) Nodes() []string {
	out := make([]string, len(r.Results))
	for i := range r.Results {
		out[i] = r.Results[i].Node
	}
	return out
}

// Restore copies outputs, and puts those of their artifacts that were copied into a store.
func (r *Recording) Restore(ctx context.Context, outputs sdk.Values, to artifacts.Store) (sdk.Values, error) {
	raw, err := outputs.MarshalJSON() // the copy that whoever gets it may change
	if err != nil {
		return nil, err
	}
	out := sdk.Values{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	return out, out.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
		path := artifactFile(r.path, a)
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return a, nil // it was large
		}
		if err != nil {
			return a, err
		}
		defer f.Close()
		got, err := to.Put(ctx, f, a)
		if err == nil && got.Digest != a.Digest {
			err = fmt.Errorf("%s was altered since it was recorded", path)
		}
		return a, err
	})
}

// folder is where the artifacts of a recorded file lie.
func folder(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }

// artifactFile is called after the digest, with the extension that the artifact's own name has.
func artifactFile(path string, a sdk.Artifact) string {
	ext := filepath.Ext(a.Name)
	if len(ext) > 8 || strings.ContainsAny(ext, `/\ `) {
		ext = ""
	}
	return filepath.Join(folder(path), strings.TrimPrefix(a.Digest, "sha256:")+ext)
}

// encode writes a node type and a result to a line, so that a change shows as one.
func (r *Recording) encode() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"version\": %d,\n  \"pipeline\": %q,\n  \"run\": %q,\n", client.ShapeVersion, r.Pipeline, r.Run)
	types, results := make([]any, len(r.NodeTypes)), make([]any, len(r.Results))
	for i := range r.NodeTypes {
		types[i] = r.NodeTypes[i]
	}
	for i := range r.Results {
		results[i] = r.Results[i]
	}
	err := errors.Join(writeLines(&b, "node_types", types, ",\n"), writeLines(&b, "results", results, "\n"))
	b.WriteString("}\n")
	return b.Bytes(), err
}

func writeLines(b *bytes.Buffer, name string, items []any, end string) error {
	fmt.Fprintf(b, "  %q: [", name)
	for i, x := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		if err := e.Encode(x); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1) // the encoder's own line break
	}
	if len(items) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]" + end)
	return nil
}
