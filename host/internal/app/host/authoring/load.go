package authoring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Load reads and checks a pipeline, against the assets there are too, from wherever the source says it is. The pipeline is nil when it cannot be used.
func (p *Pipelines) Load(ctx context.Context, src client.Source, v *catalog.View) (*pipeline.Pipeline, diagnostic.Diagnostics, error) {
	types, err := p.Types.WithAssets(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	if src.Saved != "" && src.Text != "" {
		return p.loadEdited(ctx, src, types)
	}
	if src.Saved != "" {
		e, err := p.find(ctx, src.Saved)
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
		made, found := load.Load(pipeline.Bundle{File: name, Files: files}.FS(), name, types)
		return made, found, nil
	}
	root, err := os.OpenRoot(filepath.Dir(src.Path))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, &client.Problem{Code: client.CodeNotFound, Detail: "there is no folder " + filepath.Dir(src.Path)}
		}
		return nil, nil, err
	}
	defer root.Close()
	made, found := load.Load(root.FS(), filepath.Base(src.Path), types)
	return made, found, nil
}
