package authoring

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/lsp"
	"github.com/myspinbot/spinbot/sdk/client"
)

// What one editor may have open: a pipeline and its modules, each as long as a pipeline may be.
const (
	editedDocuments = 64
	editedBytes     = 8 << 20
)

// Edit is a language server that knows the host's node types, and sees a pipeline's folder and nothing else.
func (p *Pipelines) Edit(ctx context.Context, name string, with *socket.Pipe) error {
	cfg := lsp.Config{Types: p.Types.Now, Files: pipeline.Bundle{}.FS(), Documents: editedDocuments, Bytes: editedBytes, Version: p.Version, Log: p.Log}
	root, err := p.Folders.Folder(ctx, name)
	switch {
	case err == nil:
		defer root.Close()
		cfg.Files = root.FS()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := lsp.ServeOver(ctx, cfg, with); !errors.Is(err, lsp.ErrNoShutdown) { // browsers just go
		return err
	}
	return nil
}

// loadEdited reads and checks a text in the place of a pipeline's file.
func (p *Pipelines) loadEdited(ctx context.Context, src client.Source, types pipeline.Types) (*pipeline.Pipeline, diagnostic.Diagnostics, error) {
	name := src.Saved + ".hcl"
	if e, err := p.Folders.Find(ctx, src.Saved); err == nil {
		name = filepath.Base(e.File)
	}
	files := over{FS: pipeline.Bundle{}.FS(), name: name, text: pipeline.Bundle{Files: map[string][]byte{name: []byte(src.Text)}}.FS()}
	root, err := p.Folders.Folder(ctx, src.Saved)
	switch {
	case err == nil:
		defer root.Close()
		files.FS = root.FS()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	made, found := load.Load(files, name, types)
	return made, found, nil
}

// over is a folder of which one file has another text.
type over struct {
	fs.FS
	name string
	text fs.FS
}

// Open implements fs.FS.
func (o over) Open(name string) (fs.File, error) {
	if name == o.name {
		return o.text.Open(name)
	}
	return o.FS.Open(name)
}
