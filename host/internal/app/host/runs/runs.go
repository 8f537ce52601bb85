// Package runs is what people see of the runs that there are and say to them: states and questions, attempts, why they stand where they
// do, the queue.
package runs

import (
	"context"
	"errors"
	"log/slog"

	"github.com/myspinbot/spinbot/host/internal/app/host/advance"
	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/host/assets"
	"github.com/myspinbot/spinbot/host/internal/app/host/placing"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Store is where runs are.
type Store interface {
	store.Journal
	store.Index
}

// Runs is what the API does with those that there are.
type Runs struct {
	Engine   *engine.Engine
	Store    Store
	Advance  *advance.Runs
	Assets   *assets.Shelf
	Fleet    *agents.Fleet // nil: there is this machine alone
	Lineage  *lineage.Lineage
	Vault    *secrets.Vault
	Placing  *placing.Placing
	Versions *Versions
	Silence  *Silence
	// Full says why no new work begins; empty: it does.
	Full   func() string
	Paused string // the file that is there while the queue is paused
	Log    *slog.Logger
}

// Show implements runroutes.Runs.
func (r *Runs) Show(ctx context.Context, id string) (client.Run, error) {
	s, err := r.Engine.State(ctx, run.ID(id))
	if err != nil {
		return client.Run{}, shape.Problem(err)
	}
	shown := shape.Run(s)
	for k := range shown.Nodes {
		shown.Nodes[k].Agent = r.Fleet.Name(shown.Nodes[k].Agent)
	}
	for _, d := range []document{{s.InputsRef, &shown.Inputs}, {s.OutputsRef, &shown.Outputs}} {
		r.fill(ctx, id, d)
	}
	for k := range shown.Nodes {
		if n := &shown.Nodes[k]; n.AskRef != "" {
			r.fill(ctx, id, document{n.AskRef, n.Ask})
		}
	}
	return shown, nil
}

// document is something that was too big for an event, and where it goes.
type document struct {
	ref  string
	into any
}

// fill reads a document. One that cannot be read is logged: a run is shown all the same.
func (r *Runs) fill(ctx context.Context, id string, d document) {
	if d.ref == "" {
		return
	}
	if err := r.Engine.Document(ctx, d.ref, d.into); err != nil {
		r.Log.Error("part of a run cannot be shown", "run", id, "digest", d.ref, "error", err)
	}
}

// Tell implements runroutes.Runs. A run that nobody advances is taken up first, since what is said has to be recorded.
func (r *Runs) Tell(ctx context.Context, id, what string, w client.Word, by string) error {
	if err := r.Advance.Ours(ctx, id); err != nil {
		return err
	}
	if what == client.WordResume {
		return shape.Problem(r.resume(ctx, id, by))
	}
	s, err := r.Engine.State(ctx, run.ID(id))
	switch {
	case err != nil:
	case s.Status == run.Created:
		err = r.Advance.TakeBack(ctx, id)
	default:
		err = r.Advance.TakeUp(ctx, id, r.Engine.Adopt)
	}
	if err != nil {
		return shape.Problem(err)
	}
	at, err := shape.Address(id, w.At)
	if err == nil {
		err = errors.Join(r.Assets.Permit(ctx, false, w.Form, w.Inputs, w.Outputs), r.Assets.Touch(ctx, w.Form, w.Inputs, w.Outputs))
	}
	if err != nil {
		return err
	}
	e := r.Engine
	switch what {
	case client.WordCancel:
		if w.At != "" {
			err = e.CancelNode(ctx, at, by, w.Reason)
		} else {
			err = e.Cancel(ctx, run.ID(id), by, w.Reason)
		}
	case client.WordPrioritize:
		err = e.Prioritize(ctx, run.ID(id), w.Priority, by)
	case client.WordPause:
		err = e.Pause(ctx, run.ID(id), by, w.Reason)
	case client.WordAnswer:
		err = e.Answer(ctx, at, eval.Answer{Approved: w.Approved, Form: w.Form, By: by, Comment: w.Reason})
	case client.WordDecide:
		err = e.Decide(ctx, at, engine.Decision{What: run.Decision(w.Decision), Inputs: w.Inputs, Outputs: w.Outputs, By: by, Reason: w.Reason})
	}
	return shape.Problem(err)
}

// resume goes on with a run that failed, was cancelled, interrupted or paused. Resuming one that is going on changes
// nothing.
func (r *Runs) resume(ctx context.Context, id, by string) error {
	if s, err := r.Engine.State(ctx, run.ID(id)); err == nil && s.Status == run.Created {
		return r.Advance.TakeBack(ctx, id)
	}
	if err := r.Engine.Ready(ctx, run.ID(id)); err != nil {
		return err
	}
	if err := r.Advance.TakeUp(ctx, id, r.Engine.Resume); err != nil {
		return err
	}
	s, err := r.Engine.State(ctx, run.ID(id))
	if err != nil || s.Status != run.Paused {
		return err
	}
	return r.Engine.Continue(ctx, run.ID(id), by)
}

// Explain implements runroutes.Runs.
func (r *Runs) Explain(ctx context.Context, id, node string) (client.Explained, error) {
	var choose func(sdk.Address) bool
	if node != "" {
		choose = func(a sdk.Address) bool { return run.Concerns(a, node) }
	}
	list, err := r.Engine.Explain(ctx, run.ID(id), choose)
	if err != nil {
		return client.Explained{}, shape.Problem(err)
	}
	out := client.Explained{Version: client.ShapeVersion, Run: id, List: []client.Explanation{}}
	for _, x := range list {
		out.List = append(out.List, client.Explanation{At: x.At.String(), State: x.State, Why: x.Why, Next: x.Next})
	}
	if err := r.changed(ctx, out); err != nil {
		return out, err
	}
	if err := r.Advance.ExplainElsewhere(ctx, out); err != nil {
		return out, err
	}
	if node != "" && len(list) == 0 {
		return out, &client.Problem{Code: client.CodeNotFound, Detail: id + " has no " + node, Fix: "spinbot show " + id + " lists its nodes"}
	}
	return out, nil
}
