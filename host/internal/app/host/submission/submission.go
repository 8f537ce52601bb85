// Package submission makes runs, or plans, of what people submit: the pipeline and its inputs, from scratch, after a run that is repeated or
// a plan that was made; whether it may be run, and could be here; once, however often it is sent.
package submission

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/assets"
	"github.com/myspinbot/spinbot/host/internal/app/host/placing"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Store is where a host's runs are, and the keys of submissions.
type Store interface {
	store.Journal
	store.Index
	store.Keys
}

// Maker makes runs and plans.
type Maker struct {
	Engine    *engine.Engine
	Store     Store
	Catalog   *catalog.Catalog
	Artifacts artifacts.Store
	Assets    *assets.Shelf
	Placing   *placing.Placing
	Vault     *secrets.Vault
	// Load reads and checks a pipeline; it is nil when it cannot be used.
	Load func(ctx context.Context, src client.Source, v *catalog.View) (*pipeline.Pipeline, diagnostic.Diagnostics, error)
	// Hold keeps a run that is about to be repeated, and makes sure that it is there.
	Hold func(ctx context.Context, id string) (release func(), err error)
	// Shown gives a run that was made.
	Shown func(ctx context.Context, id string) (client.Run, error)
	// Traced is told which trace whoever submitted a run is in, and since when.
	Traced func(id run.ID, parent string, asked time.Time)
}

// submit makes a run whose id name gives, once nothing is wrong with it.
func (m *Maker) submit(ctx context.Context, sub client.Submission, owner string, name func() (run.ID, error)) (run.ID, error) {
	view, err := m.Catalog.View(ctx)
	if err != nil {
		return "", err
	}
	want := engine.Submission{Owner: owner, Priority: sub.Priority}
	var earlier sdk.Values
	if sub.Rerun != nil {
		head, err := m.Store.Find(ctx, sub.Rerun.Of)
		if err != nil {
			return "", err
		}
		sub.Rerun = &client.Rerun{Of: head.Run, From: sub.Rerun.From}
		release, err := m.Hold(ctx, head.Run)
		if err != nil {
			return "", err
		}
		defer release()
		if earlier, err = m.repeat(ctx, &sub, &want); err != nil {
			return "", shape.Problem(err)
		}
	}
	if sub.Plan != nil {
		planned, err := m.planned(ctx, sub.Plan, view)
		if err != nil {
			return "", err
		}
		want.Pipeline, sub.Inputs = planned.Pipeline, planned.Inputs
	}
	if want.Pipeline == nil {
		p, found, err := m.Load(ctx, sub.Pipeline, view)
		if err != nil {
			return "", err
		}
		if p == nil || found.HasErrors() {
			return "", shape.Invalid(client.CodeInvalidPipeline, found)
		}
		want.Pipeline = p
	}
	if sub.Inputs, err = m.withEarlier(want.Pipeline, sub, earlier); err != nil {
		return "", err
	}
	if want.Inputs, err = inputs(want.Pipeline, sub); err != nil {
		return "", err
	}
	if err := m.Assets.Permit(ctx, want.Pipeline.Commercial, want.Inputs, assets.Named(want.Pipeline.Assets())); err != nil {
		return "", err
	}
	if err := m.Assets.PermitModels(want.Pipeline, want.Inputs); err != nil {
		return "", err
	}
	if err := m.usable(want); err != nil {
		return "", err
	}
	if err := m.placeable(ctx, want, false); err != nil {
		return "", err
	}
	if err := errors.Join(m.Assets.Touch(ctx, want.Inputs), m.Assets.TouchPipeline(ctx, want.Pipeline)); err != nil {
		return "", err
	}
	if want.ID, err = name(); err != nil {
		return "", err
	}
	asked := time.Now()
	id, err := m.Engine.Submit(ctx, want)
	if err == nil {
		m.Traced(id, sub.TraceParent, asked)
	}
	return id, shape.Problem(err)
}

// repeat fills in what a run that repeats another takes from it: the pipeline, unless one is given. It gives the other's
// inputs.
func (m *Maker) repeat(ctx context.Context, sub *client.Submission, want *engine.Submission) (sdk.Values, error) {
	was, err := m.Engine.State(ctx, run.ID(sub.Rerun.Of))
	if err != nil {
		return nil, err
	}
	p, err := m.Engine.Pipeline(ctx, was.ID)
	if err != nil {
		return nil, err
	}
	want.Parent = was.ID
	for _, at := range sub.Rerun.From {
		a, err := shape.Address(string(was.ID), at)
		if err != nil {
			return nil, err
		}
		in, step := run.Target(a)
		if n := was.Find(in, run.IDOf(step)); n == nil {
			return nil, &client.Problem{Code: client.CodeNotFound, Detail: string(was.ID) + " has no " + at, Fix: "spinbot show " + string(was.ID) + " lists its nodes"}
		}
		want.From = append(want.From, strings.TrimPrefix(a.String(), string(was.ID)+"/"))
	}
	if sub.Pipeline.Path == "" && sub.Pipeline.Text == "" {
		want.Pipeline = p
	}
	return m.Engine.Inputs(ctx, was)
}
