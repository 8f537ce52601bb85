package host

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/lsp"
	"github.com/myspinbot/spinbot/sdk/client"
)

// What one editor may have open: a pipeline and its modules, each as long as a pipeline may be.
const (
	editedDocuments = 64
	editedBytes     = 8 << 20
)

// edit is a language server that knows the host's node types, and sees a pipeline's folder and nothing else.
func (h *Host) edit(ctx context.Context, name string, with *socket.Pipe) error {
	cfg := lsp.Config{Types: h.types, Files: pipeline.Bundle{}.FS(), Documents: editedDocuments, Bytes: editedBytes, Version: h.cfg.Version, Log: h.cfg.Log}
	root, err := h.pipelines.Folder(ctx, name)
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

func (h *Host) starters(name string) ([]client.Starter, error) {
	if h.cfg.Starters == nil {
		return nil, nil
	}
	return h.cfg.Starters(name)
}

// loadEdited reads and checks a text in the place of a pipeline's file.
func (h *Host) loadEdited(ctx context.Context, src client.Source, types pipeline.Types) (*pipeline.Pipeline, pipeline.Diagnostics, error) {
	name := src.Saved + ".hcl"
	if e, err := h.pipelines.Find(ctx, src.Saved); err == nil {
		name = filepath.Base(e.File)
	}
	files := over{FS: pipeline.Bundle{}.FS(), name: name, text: pipeline.Bundle{Files: map[string][]byte{name: []byte(src.Text)}}.FS()}
	root, err := h.pipelines.Folder(ctx, src.Saved)
	switch {
	case err == nil:
		defer root.Close()
		files.FS = root.FS()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	p, found := pipeline.Load(files, name, types)
	return p, found, nil
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
