package draft

import (
	"errors"
	"fmt"
	"maps"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// The errors of what a person says.
var (
	// ErrNotWaiting: the node does not wait for a person, or no longer.
	ErrNotWaiting = errors.New("it does not wait for a person")
	// ErrNodeEnded: the node or instance has ended.
	ErrNodeEnded = errors.New("the node has ended")
	// ErrNoNode: the run has no such node or instance.
	ErrNoNode = errors.New("no such node")
)

// Decision is a person's word on an instance that waits because it failed or is in doubt.
type Decision struct {
	What run.Decision
	// Inputs are set for this instance from now on, with run.Retry.
	Inputs sdk.Values
	// Outputs are its result, with run.Accept.
	Outputs    sdk.Values
	By, Reason string
}

// Decide settles an instance that waits because it failed or is in doubt.
func (d *Draft) Decide(at sdk.Address, x Decision) error {
	i, err := d.Waiting(at)
	if err != nil {
		return err
	}
	if i.Error == nil {
		return fmt.Errorf("%s: %w: it is a gate; approve or reject it", at, ErrNotWaiting)
	}
	ev := About(run.NodeDecided, i)
	ev.Decision, ev.Owner, ev.Reason = x.What, x.By, x.Reason
	switch x.What {
	case run.Retry:
		if diags := d.wouldBegin(i, x.Inputs); diags.HasErrors() {
			return diags
		}
		if ev.Inputs, err = d.Scope(i.Node).SealEdits(i.Node.Name, i.Key, x.Inputs); err != nil {
			return err
		}
		if len(ev.Inputs) == 0 {
			break
		}
		ev.Inputs = edited(i, ev.Inputs)
		if ev.InputsRef, err = d.cfg.Runs.Spill(d.Run, "inputs", ev.Inputs); err != nil {
			return err
		}
	case run.Accept:
		if err := d.accept(i, x.Outputs, &ev); err != nil {
			return err
		}
	case run.Skip, run.GiveUp:
	default:
		return fmt.Errorf("unknown decision %q; decide retry, accept, skip or fail", x.What)
	}
	d.Add(ev)
	return nil
}

// Reply answers a gate that is open. A form that does not fit is a diagnostic.Diagnostics.
func (d *Draft) Reply(at sdk.Address, a eval.Answer) error {
	i, err := d.Waiting(at)
	if err != nil {
		return err
	}
	if !i.Node.Gate || i.Error != nil {
		return fmt.Errorf("%s: %w: it is no open gate", at, ErrNotWaiting)
	}
	outputs, diags := d.Scope(i.Node).Answer(i.Node.Name, i.Key, a)
	if diags.HasErrors() {
		return diags
	}
	d.Answer(i, outputs, a.By, a.Comment)
	return nil
}

// CancelNode stops one node, or one instance of it when at has a key.
func (d *Draft) CancelNode(at sdk.Address, by, reason string) error {
	in, step := run.Target(at)
	n := d.State.Find(in, run.IDOf(step))
	switch {
	case n == nil || !step.Key.IsZero() && n.Instance(step.Key) == nil:
		return fmt.Errorf("%s: %w", at, ErrNoNode)
	case n.State.Ended(), !step.Key.IsZero() && n.Instance(step.Key).State.Ended():
		return fmt.Errorf("%s: %w", at, ErrNodeEnded)
	}
	d.Add(run.Event{Kind: run.CancelRequested, In: in, Node: n.Name, Key: step.Key, Owner: by, Reason: reason})
	return nil
}

// Pause lets what is under way finish and begins nothing new.
func (d *Draft) Pause(by, reason string) error {
	if d.State.Held {
		return fmt.Errorf("%s is paused already", d.ID)
	}
	if reason == "" {
		reason = "a person paused it"
	}
	d.Add(run.Event{Kind: run.RunPaused, Owner: by, Reason: reason})
	return nil
}

// Continue ends a pause.
func (d *Draft) Continue(by string) error {
	if d.State.Status != run.Paused {
		return fmt.Errorf("%s is %s, not paused", d.ID, d.State.Status)
	}
	d.Add(run.Event{Kind: run.RunContinued, Owner: by})
	return nil
}

// wouldBegin says what is wrong with inputs that a person sets.
func (d *Draft) wouldBegin(i *progress.Instance, inputs sdk.Values) (diags diagnostic.Diagnostics) {
	turn, scope := scopes.Turn(i), d.Scope(i.Node)
	turn.Edits = edited(i, inputs)
	if i.Node.Module != nil {
		_, diags = scope.Enter(i.Node.Name, i.Key, turn)
	} else {
		_, diags = scope.Inputs(i.Node.Name, i.Key, turn)
	}
	return diags
}

// edited gives all that a person has set for an instance, with what is set now.
func edited(i *progress.Instance, inputs sdk.Values) sdk.Values {
	all := sdk.Values{}
	maps.Copy(all, i.Edits)
	maps.Copy(all, inputs)
	return all
}

// accept takes outputs that a person gives for what a node should have.
func (d *Draft) accept(i *progress.Instance, outputs sdk.Values, ev *run.Event) error {
	if outputs == nil {
		outputs = sdk.Values{}
	}
	n, derived := d.Node(i.Node), d.Scope(i.Node).Derives(i.Node.Name, i.Key)
	for _, v := range n.CheckOutputs(outputs, derived) {
		return fmt.Errorf("output %s: %s", v.Path, v.Message)
	}
	outputs, err := n.Seal(outputs, derived, d.cfg.Vault)
	if err != nil {
		return err
	}
	ref, err := d.cfg.Runs.Spill(d.Run, "outputs", outputs)
	if err != nil {
		return err
	}
	ev.Outputs, ev.OutputsRef = outputs, ref
	if d.Judge(i, ev); ev.Error != nil {
		return ev.Error
	}
	return nil
}

// Waiting finds the instance that waits for a person at an address; the round may be left out.
func (d *Draft) Waiting(at sdk.Address) (*progress.Instance, error) {
	in, step := run.Target(at)
	n := d.State.Find(in, run.IDOf(step))
	if n == nil || n.Instance(step.Key) == nil {
		if n != nil && n.State == run.NodePending {
			return nil, fmt.Errorf("%s: %w yet", at, ErrNotWaiting)
		}
		return nil, fmt.Errorf("%s: %w", at, ErrNoNode)
	}
	i := n.Instance(step.Key)
	if i.State != run.NodeWaiting {
		return nil, fmt.Errorf("%s: %w: it %s", at, ErrNotWaiting, i.State)
	}
	if d.Scope(n) == nil {
		return nil, d.Unentered(n.Frame)
	}
	return i, nil
}
