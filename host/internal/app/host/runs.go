package host

import (
	"context"
	"errors"
	"io"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

var errNoRun = store.ErrNotFound

// runs is what the API does with runs.
type runs struct{ h *Host }

// Submit implements api.Runs.
func (r runs) Submit(ctx context.Context, sub client.Submission, owner string) (client.Run, error) {
	view, err := r.h.catalog.View(ctx)
	if err != nil {
		return client.Run{}, err
	}
	p, found, err := load(sub.Pipeline, view)
	if err != nil {
		return client.Run{}, err
	}
	if p == nil || found.HasErrors() {
		return client.Run{}, invalid(client.CodeInvalidPipeline, found)
	}
	values, err := inputs(p, sub)
	if err != nil {
		return client.Run{}, err
	}
	id, err := r.h.engine.Submit(ctx, engine.Submission{Pipeline: p, Inputs: values, Owner: owner})
	if err != nil {
		return client.Run{}, explain(err)
	}
	return r.Show(ctx, string(id))
}

// Show implements api.Runs.
func (r runs) Show(ctx context.Context, id string) (client.Run, error) {
	s, err := r.h.engine.State(ctx, run.ID(id))
	if err != nil {
		return client.Run{}, explain(err)
	}
	return runShape(s), nil
}

// Cancel implements api.Runs. A run that nobody advances is taken up first, since its end has to be recorded.
func (r runs) Cancel(ctx context.Context, id, reason string) error {
	if err := r.h.takeUp(ctx, id, r.h.engine.Adopt); err != nil {
		return explain(err)
	}
	return explain(r.h.engine.Cancel(ctx, run.ID(id), "", reason))
}

// Resume implements api.Runs. Resuming a run that is going on changes nothing.
func (r runs) Resume(ctx context.Context, id string) error {
	return explain(r.h.takeUp(ctx, id, r.h.engine.Resume))
}

// takeUp makes this process advance a run, unless it does already.
func (h *Host) takeUp(ctx context.Context, id string, take func(context.Context, run.ID) error) error {
	h.taking.Lock()
	defer h.taking.Unlock()
	if h.isActive(id) {
		return nil
	}
	if _, err := h.catalog.View(ctx); err != nil {
		return err
	}
	h.setActive(id, true) // before it can end
	err := take(ctx, run.ID(id))
	if err != nil {
		h.setActive(id, false)
	}
	return err
}

// resumeAll goes on with every run that was interrupted; one that cannot is logged and left as it is.
func (h *Host) resumeAll(ctx context.Context) error {
	heads, err := h.store.List(ctx, store.Query{States: []string{string(run.Created), string(run.Running), string(run.Paused)}})
	if err != nil {
		return err
	}
	for k := len(heads) - 1; k >= 0; k-- { // oldest first
		err := h.takeUp(ctx, heads[k].Run, h.engine.Adopt)
		if err != nil && !errors.Is(err, engine.ErrEnded) {
			h.cfg.Log.Error("run not resumed", "run", heads[k].Run, "error", err)
		}
	}
	return nil
}

// explain gives the engine's refusals their code.
func explain(err error) error {
	switch {
	case errors.Is(err, engine.ErrNotResumable), errors.Is(err, engine.ErrEnded):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	case errors.Is(err, engine.ErrClosed):
		return &client.Problem{Code: client.CodeUnavailable, Detail: err.Error()}
	}
	return err
}

// voices is what runs say.
type voices struct{ h *Host }

// Reports implements api.Live.
func (v voices) Reports(ctx context.Context, run string) <-chan client.Report {
	return v.h.live.Reports(ctx, run)
}

// Logs implements api.Live.
func (v voices) Logs(run, node string) (io.ReadCloser, error) {
	return v.h.logs.read(context.Background(), run, node)
}
