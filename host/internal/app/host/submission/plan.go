package submission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/assets"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/plan"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/media"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// history is how many runs durations are learned from.
const history = 20

// Plan implements runroutes.Planner. The pipeline and the artifacts among the inputs are kept as if they were new, so that
// the plan can be run later: for a retention.Policy's Grace, when no run refers to them.
func (m *Maker) Plan(ctx context.Context, sub client.Submission) (client.Plan, error) {
	view, err := m.Catalog.View(ctx)
	if err != nil {
		return client.Plan{}, err
	}
	pipe, found, err := m.Load(ctx, sub.Pipeline, view)
	if err != nil {
		return client.Plan{}, err
	}
	if pipe == nil || found.HasErrors() {
		return client.Plan{}, shape.Invalid(client.CodeInvalidPipeline, found)
	}
	values, err := inputs(pipe, sub)
	if err != nil {
		return client.Plan{}, err
	}
	return m.make(ctx, pipe, values)
}

func (m *Maker) make(ctx context.Context, pipe *pipeline.Pipeline, values sdk.Values) (client.Plan, error) {
	if err := m.Assets.Permit(ctx, pipe.Commercial, values, assets.Named(pipe.Assets())); err != nil {
		return client.Plan{}, err
	}
	if err := m.Assets.PermitModels(pipe, values); err != nil {
		return client.Plan{}, err
	}
	sub := engine.Submission{Pipeline: pipe, Inputs: values}
	if err := m.usable(sub); err != nil {
		return client.Plan{}, err
	}
	if err := m.placeable(ctx, sub, true); err != nil {
		return client.Plan{}, err
	}
	digest, err := m.Engine.Keep(ctx, pipe)
	if err = errors.Join(err, m.Assets.Touch(ctx, values), m.Assets.TouchPipeline(ctx, pipe)); err != nil {
		return client.Plan{}, err
	}
	past, err := m.learned(ctx, pipe.Name)
	if err != nil {
		return client.Plan{}, err
	}
	if err := m.Vault.Resolve(ctx, pipe.SecretsInUse()); err != nil {
		return client.Plan{}, shape.Problem(err)
	}
	kept, err := m.forPlan(pipe, values)
	if err != nil {
		return client.Plan{}, err
	}
	made := plan.Make(pipe, values, plan.Sources{
		Vault: m.Vault,
		Where: func(n *pipeline.Node, d pipeline.Device, inputs sdk.Values) (string, string) {
			return m.Placing.WouldGo(ctx, n, d, inputs)
		},
		Result: func(n *pipeline.Node, key string) (sdk.Values, string, bool) { return m.Engine.Known(ctx, n, key) },
		Past:   func(at string) []plan.Past { return past[keyless(at)] },
		Length: func(a sdk.Artifact) time.Duration { return m.length(ctx, a) },
	})
	out := client.Plan{Version: client.ShapeVersion, Pipeline: pipe.Name, Digest: digest, Inputs: kept, Nodes: []client.Planned{},
		Work: made.Work.Seconds(), Least: made.Least.Seconds(), Complete: made.Complete}
	for _, a := range pipe.Assets() {
		for _, v := range a.Versions {
			out.Assets = append(out.Assets, asset.Ref{Kind: a.Kind, Name: a.Name, Version: v.Number}.String())
		}
	}
	for _, n := range made.Nodes {
		planned := client.Planned{At: n.At, Type: n.Type, Verdict: string(n.Verdict), Why: n.Why, Instances: n.Instances, Cached: n.Cached,
			Sources: n.Sources, Each: n.Each.Seconds(), Samples: n.Samples, Warns: n.Warns}
		if n.Case != nil {
			planned.Case, planned.Note = n.Case.String(), n.Case.Note
		}
		if n.Device != nil {
			planned.Device, planned.Where, planned.Waits = shape.Wanted(n.Device), n.Where, n.Waits
		}
		out.Nodes = append(out.Nodes, planned)
	}
	return out, nil
}

// keyless is an address without keys and rounds.
func keyless(at string) string {
	var b strings.Builder
	depth := false
	for _, r := range at {
		switch r {
		case '[', '~':
			depth = true
		case '/':
			depth = false
		}
		if !depth {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// length gives how long a kept recording or film takes to play; 0: nobody knows.
func (m *Maker) length(ctx context.Context, a sdk.Artifact) time.Duration {
	r, err := m.Artifacts.Open(ctx, a.Digest)
	if err != nil {
		return 0
	}
	defer r.Close()
	facts, err := media.Read(r, a.MediaType)
	if err != nil {
		return 0
	}
	return facts.Duration
}

// learned gives the attempts of a pipeline's nodes that ended well in its last runs, by address without keys.
func (m *Maker) learned(ctx context.Context, name string) (map[string][]plan.Past, error) {
	heads, err := m.Store.List(ctx, store.Query{Pipeline: name, States: []string{string(run.Succeeded)}, Limit: history})
	if err != nil {
		return nil, err
	}
	past := map[string][]plan.Past{}
	for _, head := range heads {
		stored, err := m.Store.Read(ctx, head.Run, 0, 0)
		if err != nil {
			return nil, err
		}
		began := map[string]time.Time{}
		for _, s := range stored {
			ev, err := run.Decode(s.Data)
			if err != nil {
				break // of a later version: nothing is learned from it
			}
			at := ev.At("run_0").String()
			switch {
			case ev.Kind == run.AttemptStarted:
				began[at] = ev.Time
			case ev.Kind == run.AttemptEnded && ev.Error == nil && !began[at].IsZero():
				a := ev.At("run_0")
				a.Attempt = 0
				key := keyless(strings.TrimPrefix(a.String(), "run_0/"))
				past[key] = append(past[key], plan.Past{Lasted: ev.Time.Sub(began[at]), Outputs: ev.Outputs})
			}
		}
	}
	return past, nil
}

// planned makes a submission of a plan, or says what has changed since it was made.
func (m *Maker) planned(ctx context.Context, was *client.Plan, view pipeline.Types) (engine.Submission, error) {
	changed := func(format string, args ...any) error {
		return &client.Problem{Code: client.CodeConflict, Detail: "something has changed since the plan was made: " + fmt.Sprintf(format, args...),
			Fix: "make a new plan: spinbot plan"}
	}
	pipe, err := m.Engine.Bundled(ctx, was.Digest)
	if errors.Is(err, artifacts.ErrNotFound) {
		return engine.Submission{}, changed("its pipeline is not kept any more, since no run refers to it")
	}
	if err != nil {
		return engine.Submission{}, changed("%s", err)
	}
	for _, t := range pipe.Bundle().Types {
		now, ok := view.NodeType(t.Name)
		switch {
		case !ok:
			return engine.Submission{}, changed("there is no node type %s any more", t.Name)
		case !same(now, t):
			return engine.Submission{}, changed("node type %s is another one", t.Name)
		}
	}
	values, found := eval.Inputs(pipe, m.ofPlan(pipe, was.Inputs))
	if found.HasErrors() {
		return engine.Submission{}, shape.Invalid(client.CodeInvalidInput, found)
	}
	now, err := m.make(ctx, pipe, values)
	if err != nil {
		return engine.Submission{}, err
	}
	for k, n := range now.Nodes {
		if k >= len(was.Nodes) || was.Nodes[k].At != n.At {
			return engine.Submission{}, changed("%s was not planned", n.At)
		}
		if w := was.Nodes[k]; w.Verdict != n.Verdict || w.Instances != n.Instances || !slices.Equal(w.Sources, n.Sources) {
			return engine.Submission{}, changed("%s was planned as %q (%s), and would now be %q (%s)", n.At, w.Verdict, w.Why, n.Verdict, n.Why)
		}
	}
	return engine.Submission{Pipeline: pipe, Inputs: values}, nil
}

// same compares node types as JSON does: one of them has been through it.
func same(a, b sdk.NodeType) bool {
	var x, y any
	ra, e1 := json.Marshal(a)
	rb, e2 := json.Marshal(b)
	return e1 == nil && e2 == nil && json.Unmarshal(ra, &x) == nil && json.Unmarshal(rb, &y) == nil && reflect.DeepEqual(x, y)
}
