package draft

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// Lost fails what is to begin in a module whose inputs could not be evaluated when it was taken up again.
func (d *Draft) Lost(c progress.Command) bool {
	if c.Node == nil || d.Scope(c.Node) != nil {
		return false
	}
	why := d.Unentered(c.Node.Frame)
	switch c.Op {
	case progress.OpExpand:
		d.Add(run.Event{Kind: run.NodeFailedEvent, In: c.Node.Frame.Path, Node: c.Node.Name, Error: why})
	case progress.OpDispatch, progress.OpOpen:
		d.Failed(c.Instance, why)
	default:
		return false
	}
	return true
}

// Unentered says why a module's frame has no scope.
func (d *Draft) Unentered(f *progress.Frame) *sdk.Error {
	why := sdk.Refuse("its module could not be entered again", "resume the run once that is mended")
	if err := d.Scopes.Lost(f); err != nil {
		why.Message += ": " + err.Error()
	}
	return why
}

// Expand says which instances a node has, or that it is skipped, or why neither can be said.
func (d *Draft) Expand(n *progress.Node) {
	ev := run.Event{Kind: run.NodeExpanded, In: n.Frame.Path, Node: n.Name}
	x, diags := d.Scope(n).Expand(n.Name)
	switch {
	case diags.HasErrors():
		ev.Kind, ev.Error = run.NodeFailedEvent, sdk.Refuse(diags.Error(), "")
	case x.Skip:
		ev.Skip, ev.Reason = true, "when is false"
	default:
		ev.Each, ev.Map, ev.Keys = x.Each, x.Map, x.Keys
	}
	d.Add(ev)
}

// Failed records that an instance could not begin.
func (d *Draft) Failed(i *progress.Instance, err *sdk.Error) {
	ev := About(run.NodeFailedEvent, i)
	ev.Error = err
	d.Add(ev)
}

// Inputs evaluates what an instance is given.
func (d *Draft) Inputs(i *progress.Instance) (sdk.Values, diagnostic.Diagnostics) {
	return d.Scope(i.Node).Inputs(i.Node.Name, i.Key, scopes.Turn(i))
}

// Deadline is the soonest of the attempt's and those of the modules around it and of the run.
func (d *Draft) Deadline(i *progress.Instance) time.Time {
	at := After(d.Now, i.Node.Timeout)
	for f := i.Node.Frame; f != nil; f = Around(f) {
		if whole := f.Deadline; at.IsZero() || !whole.IsZero() && whole.Before(at) {
			at = whole
		}
	}
	return at
}

// Around gives the frame that a module's frame stands in; nil for the run's.
func Around(f *progress.Frame) *progress.Frame {
	if f.Owner == nil {
		return nil
	}
	return f.Owner.Node.Frame
}

// SeedOf derives an attempt's seed from the run's: the same at every attempt of the instance in this round.
func SeedOf(seed uint64, i *progress.Instance) uint64 {
	h := fnv.New64a()
	name := i.Node.Name + i.Key.String()
	if i.Iter > 0 {
		name += "~" + strconv.Itoa(i.Iter)
	}
	if path := i.Node.Frame.Path; len(path) > 0 {
		name = path.String() + "/" + name
	}
	_, _ = h.Write([]byte(strconv.FormatUint(seed, 36) + "/" + name)) // never fails
	return h.Sum64() >> 1
}

// Judge says in a round's result whether another round follows.
func (d *Draft) Judge(i *progress.Instance, ev *run.Event) {
	if !i.Node.Repeats {
		return
	}
	v, diags := d.Scope(i.Node).Judge(i.Node.Name, i.Key, i.Iter, ev.Outputs)
	switch {
	case diags.HasErrors():
		ev.Error = sdk.Refuse(diags.Error(), "")
	case v.Exhausted:
		ev.Error = sdk.Refuse("not good enough after "+strconv.Itoa(i.Iter)+" rounds",
			"raise max of its repeat block, or set on_exhausted = \"continue\" to take the last result")
	default:
		ev.Again = v.Again
		return
	}
	ev.Outputs, ev.OutputsRef = nil, ""
}

// End closes the run.
func (d *Draft) End(c progress.Command) {
	ev := run.Event{Kind: run.RunEnded, Status: c.Status, Error: c.Error}
	if c.Status == run.Succeeded {
		d.outputs(&d.State.Frame, &ev)
		if ev.Error != nil {
			ev.Status = run.Failed
		}
		if ev.OutputsRef != "" {
			ev.Outputs = nil // nothing in the run needs them any more
		}
	}
	d.Add(ev)
}

// outputs evaluates what a run or a module gives.
func (d *Draft) outputs(f *progress.Frame, ev *run.Event) {
	scope := d.Scopes.Of(f)
	if scope == nil {
		ev.Error = d.Unentered(f)
		return
	}
	outputs, diags := scope.Outputs()
	if diags.HasErrors() {
		ev.Error = sdk.Refuse(diags.Error(), "")
		return
	}
	ref, err := d.cfg.Runs.Spill(d.Run, "outputs", outputs)
	if err != nil {
		ev.Error = sdk.AsError(err)
		return
	}
	ev.Outputs, ev.OutputsRef = outputs, ref
}
