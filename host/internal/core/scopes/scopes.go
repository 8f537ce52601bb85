// Package scopes owns where a run's state meets the expressions of its pipeline: the pipeline as the state machine sees
// it, and an eval.Scope for the run and for each round of a module instance that is open, which the run's events tell
// what nodes gave. Whoever advances a run and whoever looks at a recorded one use the same. It refuses to evaluate
// anything that was not asked for: a scope is begun with the inputs of its module, and told of what has ended.
package scopes

import (
	"errors"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk"
)

// Scopes are what the expressions of one run see. They belong to whoever owns the run's State.
type Scopes struct {
	pipe  *pipeline.Pipeline
	state *progress.State
	vault eval.Vault
	of    map[*progress.Frame]*eval.Scope
	lost  map[*progress.Frame]error // why that of a module instance could not be begun
}

// New makes the scopes of a run, none of which has begun. The vault may be nil: see pipeline.NewScope.
func New(p *pipeline.Pipeline, s *progress.State, vault eval.Vault) *Scopes {
	return &Scopes{pipe: p, state: s, vault: vault, of: map[*progress.Frame]*eval.Scope{}, lost: map[*progress.Frame]error{}}
}

// Begin begins the scope of the run itself.
func (x *Scopes) Begin(id run.ID, owner string, inputs sdk.Values) *eval.Scope {
	scope := eval.Open(x.pipe, inputs, x.vault)
	scope.SetRun(string(id), owner)
	x.of[&x.state.Frame] = scope
	return scope
}

// Of gives what the expressions of a frame see; nil when it has not begun, or is over.
func (x *Scopes) Of(f *progress.Frame) *eval.Scope { return x.of[f] }

// Lost says why the scope of a frame, or of one around it, could not be begun; nil when it could.
func (x *Scopes) Lost(f *progress.Frame) error { return x.lost[f] }

// Set makes a scope that was entered that of a frame.
func (x *Scopes) Set(f *progress.Frame, scope *eval.Scope) { x.of[f] = scope }

// Drop forgets the scope of a frame that is over.
func (x *Scopes) Drop(f *progress.Frame) {
	delete(x.of, f)
	delete(x.lost, f)
}

// Settle tells the scopes what an event that was folded has ended, or has set going again. Opening a module is not
// among it: see Enter.
func (x *Scopes) Settle(ev run.Event) error {
	switch n := x.state.Find(ev.In, ev.Node); {
	case ev.Kind == run.RunResumed:
		return x.again()
	case ev.Kind == run.RunContinued: // modules that had ended badly may go on
		return x.SettleAll(&x.state.Frame)
	case ev.Kind == run.NodeDecided && ev.Decision == run.Retry:
		return x.enterAnew(n.Instance(ev.Key))
	case n != nil && n.State.Ended():
		return x.end(n)
	}
	return nil
}

// again begins the scopes anew, since nodes that had ended are open again; those of modules that are over stay.
func (x *Scopes) again() error {
	before := x.of
	x.of = map[*progress.Frame]*eval.Scope{}
	x.Begin(x.state.ID, x.state.Owner, x.state.Inputs)
	err := x.SettleAll(&x.state.Frame)
	for f, scope := range before {
		if x.of[f] == nil {
			x.of[f] = scope
		}
	}
	return err
}

// SettleAll tells the scopes of a frame, and of the modules that are open in it, which nodes have ended. What cannot be
// taken in does not keep the others.
func (x *Scopes) SettleAll(f *progress.Frame) (err error) {
	for _, n := range f.Nodes {
		if n.State.Ended() {
			err = errors.Join(err, x.end(n))
		}
	}
	for _, n := range f.Nodes {
		for _, i := range n.Instances {
			inside := i.Inside()
			if inside == nil || i.State == run.NodeSucceeded {
				continue
			}
			if failed := x.Enter(i); failed != nil {
				err = errors.Join(err, failed)
			} else {
				err = errors.Join(err, x.SettleAll(inside))
			}
		}
	}
	return err
}

// Enter begins the scope of a module instance's present round, unless there is one.
func (x *Scopes) Enter(i *progress.Instance) error {
	inside := i.Inside()
	if x.of[inside] != nil {
		return nil
	}
	scope, err := x.inside(i)
	if err != nil {
		x.lost[inside] = err
		return err
	}
	delete(x.lost, inside)
	x.of[inside] = scope
	return nil
}

func (x *Scopes) inside(i *progress.Instance) (*eval.Scope, error) {
	around := x.of[i.Node.Frame]
	if err := x.lost[i.Node.Frame]; around == nil && err != nil {
		return nil, err
	}
	if around == nil {
		return nil, fmt.Errorf("%s stands in a module that was never opened", i.Step())
	}
	scope, diags := around.Enter(i.Node.Name, i.Key, Turn(i))
	if diags.HasErrors() {
		return nil, diags
	}
	return scope, nil
}

// enterAnew begins the scopes of a module instance that is tried again, and of what goes on in it: their inputs may be
// others now.
func (x *Scopes) enterAnew(i *progress.Instance) error {
	inside := i.Inside()
	if inside == nil {
		return nil
	}
	x.Drop(inside)
	inside.Walk(func(n *progress.Node) {
		for _, j := range n.Instances {
			if f := j.Inside(); f != nil {
				x.Drop(f)
			}
		}
	})
	if err := x.Enter(i); err != nil {
		return err
	}
	return x.SettleAll(inside)
}

// end sets what a node that has ended gave.
func (x *Scopes) end(n *progress.Node) error {
	scope := x.of[n.Frame]
	if n.State == run.NodeFailed || n.State == run.NodeCancelled || scope == nil {
		return nil
	}
	e := eval.Expansion{Skip: n.State == run.NodeSkipped, Each: n.Each, Map: n.Map, Keys: n.Keys}
	outputs := make([]sdk.Values, len(n.Instances))
	for k, i := range n.Instances {
		outputs[k] = i.Values()
	}
	if len(n.Instances) == 0 && !n.Each {
		outputs = []sdk.Values{nil}
	}
	return scope.SetNode(n.Name, e, outputs)
}

// Turn says which attempt of an instance its inputs are wanted for now.
func Turn(i *progress.Instance) eval.Turn {
	return eval.Turn{Self: i.Self, Rung: i.Rung, Edits: i.Edits}
}
