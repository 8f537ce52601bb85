package engine

import (
	"context"
	"errors"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// errSealed: a sealed value was given from outside.
var errSealed = errors.New("a sealed value belongs to the run that it was made for, and cannot be given")

// Ready makes sure that the secrets of an unfinished run are there before it goes on.
func (e *Engine) Ready(ctx context.Context, id run.ID) error {
	p, err := e.Pipeline(ctx, id)
	if err != nil {
		return err
	}
	return e.resolve(ctx, p)
}

func (e *Engine) resolve(ctx context.Context, p *pipeline.Pipeline) error {
	names := p.SecretsInUse()
	switch {
	case len(names) == 0:
		return nil
	case e.cfg.Vault == nil:
		return errors.New("the pipeline has secrets, and nobody keeps secrets here")
	}
	return e.cfg.Vault.Resolve(ctx, names)
}

// renew asks for a run's secrets before it goes on: they may have been renewed. What is missing fails the nodes that need
// it, and nothing else.
func (e *Engine) renew(ctx context.Context, id run.ID) {
	if e.cfg.Vault == nil {
		return
	}
	if err := e.Ready(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		e.cfg.Log.Warn("what needs these will fail", "run", id, "error", err)
	}
}

// seal keeps the sensitive inputs of a new run out of its journal.
func (e *Engine) seal(ctx context.Context, p *pipeline.Pipeline, inputs sdk.Values) (sdk.Values, error) {
	if err := e.resolve(ctx, p); err != nil {
		return nil, err
	}
	return p.Seal(inputs, e.cfg.Vault)
}
