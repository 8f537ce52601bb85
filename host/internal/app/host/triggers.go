package host

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/host/authoring"
	"github.com/myspinbot/spinbot/host/internal/app/host/triggers"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/pipelines"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk/client"
)

// openPipelines makes what knows pipelines, and what fires their triggers once it is started.
func (h *Host) openPipelines() {
	h.pipelines = pipelines.New(pipelines.Config{Dirs: h.cfg.PipelineDirs, Types: h.types.Now})
	secret := h.cfg.Secret
	if secret == nil {
		secret = h.secrets.Value
	}
	c := triggers.Config{Folders: h.pipelines, Assets: h.assets, Artifacts: h.artifacts, Store: h.store, Dir: h.cfg.State.Triggers(),
		Make:   func(ctx context.Context, s engine.Submission) (run.ID, error) { return h.engine.Submit(ctx, s) },
		Shown:  func(ctx context.Context, id string) (client.Run, error) { return h.runs.Show(ctx, id) },
		Secret: secret, Observe: func(pipeline, name string, o trigger.Outcome) { h.metrics.Trigger(pipeline, name, string(o)) }, Log: h.cfg.Log}
	if h.sharing != nil {
		c.Records, c.Leads = h.sharing.Records, h.sharing.Leads
	}
	h.triggers = triggers.New(c)
	h.authoring = authoring.New(authoring.Config{Folders: h.pipelines, Types: h.types, Artifacts: h.artifacts, Triggers: h.triggers.List, Version: h.cfg.Version, Log: h.cfg.Log})
}

func (h *Host) startTriggers() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.triggers.Run(ctx)
	}()
	h.untrigger = func() { cancel(); <-done }
}

func (h *Host) starters(name string) ([]client.Starter, error) {
	if h.cfg.Starters == nil {
		return nil, nil
	}
	return h.cfg.Starters(name)
}
