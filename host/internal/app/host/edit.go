package host

import (
	"context"
	"errors"
	"io/fs"

	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/lsp"
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
