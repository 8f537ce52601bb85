package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// load reads and checks a pipeline, against the assets there are too, from wherever the source says it is. The pipeline is nil when it cannot be used.
func (h *Host) load(ctx context.Context, src client.Source, v *catalog.View) (*pipeline.Pipeline, pipeline.Diagnostics, error) {
	types, err := h.withAssets(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	if src.Saved != "" && src.Text != "" {
		return h.loadEdited(ctx, src, types)
	}
	if src.Saved != "" {
		e, err := folders{h}.find(ctx, src.Saved)
		return e.Pipeline, e.Diagnostics, err
	}
	if src.Path == "" {
		name := src.Name
		if name == "" {
			name = "pipeline.hcl"
		}
		files := map[string][]byte{name: []byte(src.Text)}
		for path, content := range src.Files {
			if !fs.ValidPath(path) {
				return nil, nil, &client.Problem{Code: client.CodeBadRequest, Detail: "the file name " + strconv.Quote(path) + " leaves the pipeline's folder"}
			}
			if path != name {
				files[path] = content
			}
		}
		p, found := pipeline.Load(pipeline.Bundle{File: name, Files: files}.FS(), name, types)
		return p, found, nil
	}
	root, err := os.OpenRoot(filepath.Dir(src.Path))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, &client.Problem{Code: client.CodeNotFound, Detail: "there is no folder " + filepath.Dir(src.Path)}
		}
		return nil, nil, err
	}
	defer root.Close()
	p, found := pipeline.Load(root.FS(), filepath.Base(src.Path), types)
	return p, found, nil
}

// inputs brings typed values and values that were typed in as text together, text converted as its variable wants it.
func inputs(p *pipeline.Pipeline, sub client.Submission) (sdk.Values, error) {
	given := sdk.Values{}
	for name, v := range sub.Inputs {
		if _, file := v.(sdk.Artifact); file {
			if at, known := p.Variable(name); known && at.Schema.Type == "array" { // one file was given, of as many as there may be
				v = []any{v}
			}
		}
		given[name] = v
	}
	for name, text := range sub.Text {
		given[name] = text
		v, known := p.Variable(name)
		if !known {
			continue // Inputs says so, and which was meant
		}
		switch {
		case v.Schema.IsArtifact():
			return nil, &client.Problem{Code: client.CodeInvalidInput, Detail: "variable " + strconv.Quote(name) + " is an artifact, not text",
				Fix: "give a file: --artifact " + name + "=" + text}
		case v.Schema.Type == "array", v.Schema.Type == "object", v.Schema.Type == "":
			if value, ok := parseJSON(text); ok {
				given[name] = value
			}
		}
	}
	values, found := p.Inputs(given)
	if found.HasErrors() {
		return nil, invalid(client.CodeInvalidInput, found)
	}
	return values, nil
}

func parseJSON(text string) (any, bool) {
	var v sdk.Values
	if err := json.Unmarshal(bytes.Join([][]byte{[]byte(`{"v":`), []byte(text), []byte(`}`)}, nil), &v); err != nil || len(v) != 1 {
		return nil, false
	}
	return v["v"], true
}
