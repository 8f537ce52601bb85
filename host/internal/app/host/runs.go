package host

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

var errNoRun = store.ErrNotFound

// runs is what the API does with runs.
type runs struct{ h *Host }

// submit makes a run whose id name gives, once nothing is wrong with it.
func (r runs) submit(ctx context.Context, sub client.Submission, owner string, name func() (run.ID, error)) (run.ID, error) {
	view, err := r.h.catalog.View(ctx)
	if err != nil {
		return "", err
	}
	want := engine.Submission{Owner: owner, Priority: sub.Priority}
	var earlier sdk.Values
	if sub.Rerun != nil {
		head, err := r.h.store.Find(ctx, sub.Rerun.Of)
		if err != nil {
			return "", err
		}
		sub.Rerun = &client.Rerun{Of: head.Run, From: sub.Rerun.From}
		release, err := r.h.hold(ctx, head.Run)
		if err != nil {
			return "", err
		}
		defer release()
		if earlier, err = r.repeat(ctx, &sub, &want); err != nil {
			return "", explain(err)
		}
	}
	if sub.Plan != nil {
		planned, err := planner(r).planned(ctx, sub.Plan, view)
		if err != nil {
			return "", err
		}
		want.Pipeline, sub.Inputs = planned.Pipeline, planned.Inputs
	}
	if want.Pipeline == nil {
		p, found, err := r.h.load(ctx, sub.Pipeline, view)
		if err != nil {
			return "", err
		}
		if p == nil || found.HasErrors() {
			return "", invalid(client.CodeInvalidPipeline, found)
		}
		want.Pipeline = p
	}
	if sub.Inputs, err = r.h.withEarlier(want.Pipeline, sub, earlier); err != nil {
		return "", err
	}
	if want.Inputs, err = inputs(want.Pipeline, sub); err != nil {
		return "", err
	}
	if err := r.h.permit(ctx, want.Pipeline.Commercial, want.Inputs, named(want.Pipeline.Assets())); err != nil {
		return "", err
	}
	if err := r.h.usable(want); err != nil {
		return "", err
	}
	if err := r.h.placeable(ctx, want); err != nil {
		return "", err
	}
	if err := errors.Join(r.h.touch(ctx, want.Inputs), r.h.touchPipeline(ctx, want.Pipeline)); err != nil {
		return "", err
	}
	if want.ID, err = name(); err != nil {
		return "", err
	}
	id, err := r.h.engine.Submit(ctx, want)
	return id, explain(err)
}

// repeat fills in what a run that repeats another takes from it: the pipeline, unless one is given. It gives the other's
// inputs.
func (r runs) repeat(ctx context.Context, sub *client.Submission, want *engine.Submission) (sdk.Values, error) {
	was, err := r.h.engine.State(ctx, run.ID(sub.Rerun.Of))
	if err != nil {
		return nil, err
	}
	p, err := r.h.engine.Pipeline(ctx, was.ID)
	if err != nil {
		return nil, err
	}
	want.Parent = was.ID
	for _, at := range sub.Rerun.From {
		a, err := address(string(was.ID), at)
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
	return r.h.engine.Inputs(ctx, was)
}

// Show implements runroutes.Runs.
func (r runs) Show(ctx context.Context, id string) (client.Run, error) {
	s, err := r.h.engine.State(ctx, run.ID(id))
	if err != nil {
		return client.Run{}, explain(err)
	}
	shape := runShape(s)
	for k := range shape.Nodes {
		shape.Nodes[k].Agent = r.h.agentName(shape.Nodes[k].Agent)
	}
	for _, d := range []document{{s.InputsRef, &shape.Inputs}, {s.OutputsRef, &shape.Outputs}} {
		r.h.fill(ctx, id, d)
	}
	for k := range shape.Nodes {
		if n := &shape.Nodes[k]; n.AskRef != "" {
			r.h.fill(ctx, id, document{n.AskRef, n.Ask})
		}
	}
	return shape, nil
}

// document is something that was too big for an event, and where it goes.
type document struct {
	ref  string
	into any
}

// fill reads a document. One that cannot be read is logged: a run is shown all the same.
func (h *Host) fill(ctx context.Context, id string, d document) {
	if d.ref == "" {
		return
	}
	if err := h.engine.Document(ctx, d.ref, d.into); err != nil {
		h.cfg.Log.Error("part of a run cannot be shown", "run", id, "digest", d.ref, "error", err)
	}
}

// Tell implements runroutes.Runs. A run that nobody advances is taken up first, since what is said has to be recorded.
func (r runs) Tell(ctx context.Context, id, what string, w client.Word, by string) error {
	if err := r.h.ours(ctx, id); err != nil {
		return err
	}
	if what == client.WordResume {
		return explain(r.resume(ctx, id, by))
	}
	s, err := r.h.engine.State(ctx, run.ID(id))
	switch {
	case err != nil:
	case s.Status == run.Created:
		err = r.h.takeBack(ctx, id)
	default:
		err = r.h.takeUp(ctx, id, r.h.engine.Adopt)
	}
	if err != nil {
		return explain(err)
	}
	at, err := address(id, w.At)
	if err == nil {
		err = errors.Join(r.h.permit(ctx, false, w.Form, w.Inputs, w.Outputs), r.h.touch(ctx, w.Form, w.Inputs, w.Outputs))
	}
	if err != nil {
		return err
	}
	e := r.h.engine
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
		err = e.Answer(ctx, at, pipeline.Answer{Approved: w.Approved, Form: w.Form, By: by, Comment: w.Reason})
	case client.WordDecide:
		err = e.Decide(ctx, at, engine.Decision{What: run.Decision(w.Decision), Inputs: w.Inputs, Outputs: w.Outputs, By: by, Reason: w.Reason})
	}
	return explain(err)
}

// resume goes on with a run that failed, was cancelled, interrupted or paused. Resuming one that is going on changes
// nothing.
func (r runs) resume(ctx context.Context, id, by string) error {
	if s, err := r.h.engine.State(ctx, run.ID(id)); err == nil && s.Status == run.Created {
		return r.h.takeBack(ctx, id)
	}
	if err := r.h.engine.Ready(ctx, run.ID(id)); err != nil {
		return err
	}
	if err := r.h.takeUp(ctx, id, r.h.engine.Resume); err != nil {
		return err
	}
	s, err := r.h.engine.State(ctx, run.ID(id))
	if err != nil || s.Status != run.Paused {
		return err
	}
	return r.h.engine.Continue(ctx, run.ID(id), by)
}

// address reads an address within a run; a bare name is that of a gate or a node.
func address(id, text string) (sdk.Address, error) {
	if text == "" {
		return sdk.Address{Run: id}, nil
	}
	a, err := sdk.ParseAddress(id + "/" + text)
	if err != nil {
		return a, &client.Problem{Code: client.CodeBadRequest, Detail: err.Error(), Fix: "write it like node.shot[2], gate.review or module.finish/node.mix"}
	}
	return a, nil
}

// Explain implements runroutes.Runs.
func (r runs) Explain(ctx context.Context, id, node string) (client.Explained, error) {
	var choose func(sdk.Address) bool
	if node != "" {
		choose = func(a sdk.Address) bool { return concerns(a.String(), node) }
	}
	list, err := r.h.engine.Explain(ctx, run.ID(id), choose)
	if err != nil {
		return client.Explained{}, explain(err)
	}
	out := client.Explained{Version: client.ShapeVersion, Run: id, List: []client.Explanation{}}
	for _, x := range list {
		out.List = append(out.List, client.Explanation{At: x.At.String(), State: x.State, Why: x.Why, Next: x.Next})
	}
	if err := r.h.changed(ctx, out); err != nil {
		return out, err
	}
	if err := r.h.explainElsewhere(ctx, out); err != nil {
		return out, err
	}
	if node != "" && len(list) == 0 {
		return out, &client.Problem{Code: client.CodeNotFound, Detail: id + " has no " + node, Fix: "spinbot show " + id + " lists its nodes"}
	}
	return out, nil
}

// takeUp makes this process advance a run, unless it does already.
func (h *Host) takeUp(ctx context.Context, id string, take func(context.Context, run.ID) error) error {
	if h.isActive(id) {
		return nil
	}
	if _, err := h.catalog.View(ctx); err != nil {
		return err
	}
	return h.takeOne(ctx, id, take)
}

func (h *Host) takeOne(ctx context.Context, id string, take func(context.Context, run.ID) error) error {
	h.taking.Lock()
	defer h.taking.Unlock()
	if h.isActive(id) {
		return nil
	}
	h.setActive(id, true) // before it can end
	err := take(ctx, run.ID(id))
	if err != nil {
		h.setActive(id, false)
	}
	return err
}

// resumeAll goes on with every run that was interrupted, and puts those that had not begun back into the queue; one
// that cannot is logged and left as it is. New runs may be made meanwhile.
func (h *Host) resumeAll(ctx context.Context) error {
	heads, err := h.unfinished(ctx)
	if err != nil {
		return err
	}
	if _, err := h.catalog.View(ctx); err != nil {
		return err
	}
	for _, head := range heads {
		if head.State != string(run.Created) {
			h.goOn(ctx, head.Run, h.adopt)
		}
	}
	h.engine.Reading(false)
	for _, head := range heads {
		if head.State == string(run.Created) {
			h.goOn(ctx, head.Run, h.engine.Enqueue)
		}
	}
	return nil
}

func (h *Host) goOn(ctx context.Context, id string, take func(context.Context, run.ID) error) {
	if ctx.Err() != nil {
		return
	}
	if err := h.takeOne(ctx, id, take); err != nil && !errors.Is(err, engine.ErrEnded) && ctx.Err() == nil {
		h.cfg.Log.Error("run not resumed", "run", id, "error", err)
	}
}

func (h *Host) adopt(ctx context.Context, id run.ID) error {
	if err := h.engine.Ready(ctx, id); err != nil {
		return err
	}
	return h.engine.Adopt(ctx, id)
}

// explain gives the engine's refusals their code.
func explain(err error) error {
	var wrong pipeline.Diagnostics
	var secret *secrets.Error
	var taken *store.NotOwnedError
	switch {
	case errors.As(err, &taken):
		return atAnother(taken.Run, taken.Host)
	case errors.As(err, &secret):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "spinbot secrets ls shows what there is"}
	case errors.As(err, &wrong):
		return invalid(client.CodeInvalidInput, wrong)
	case errors.Is(err, engine.ErrNoNode):
		return &client.Problem{Code: client.CodeNotFound, Detail: err.Error(), Fix: "spinbot show lists the nodes of a run"}
	case errors.Is(err, engine.ErrNotQueued):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "spinbot queue lists what waits"}
	case errors.Is(err, engine.ErrNotWaiting), errors.Is(err, engine.ErrNodeEnded):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	case errors.Is(err, engine.ErrNotResumable), errors.Is(err, engine.ErrEnded):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	case errors.Is(err, engine.ErrClosed):
		return &client.Problem{Code: client.CodeUnavailable, Detail: err.Error()}
	}
	return err
}

// voices is what runs say.
type voices struct{ h *Host }

// Reports implements runroutes.Live.
func (v voices) Reports(ctx context.Context, run string) <-chan client.Report {
	return v.h.live.Reports(ctx, run)
}

// Newest implements runroutes.Live.
func (v voices) Newest(run string) []client.Report { return v.h.live.Newest(run) }

// Said implements runroutes.Live.
func (v voices) Said(run, node string, limit int) []client.Report {
	return v.h.live.lately.list(run, node, limit)
}

// Logs implements runroutes.Live.
func (v voices) Logs(run, node string) (io.ReadCloser, error) {
	return v.h.logs.read(context.Background(), run, node)
}
