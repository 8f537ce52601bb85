package host

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/host/internal/tracing"
)

// trace makes what traces runs, if anything does. Settings that cannot be read are no reason to hold runs up.
func (h *Host) trace() {
	h.tracer = tracing.Open(h.cfg.File.Tracing, tracing.Process{Environ: h.cfg.Environ, Version: h.cfg.Version, Log: h.cfg.Log, Secret: h.secrets.Value})
	h.tracer.Figures(h.metrics.Counter)
}

// shapeOf is the shape of the pipeline in a bundle.
func (h *Host) shapeOf(ctx context.Context, bundle string) (run.Shape, error) {
	p, err := h.engine.Bundled(ctx, bundle)
	if err != nil {
		return run.Shape{}, err
	}
	return scopes.Shape(p), nil
}
