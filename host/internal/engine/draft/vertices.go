package draft

import (
	"encoding/json"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// OpenModule begins a round of a module instance.
func (d *Draft) OpenModule(i *progress.Instance) {
	scope, diags := d.Scope(i.Node).Enter(i.Node.Name, i.Key, scopes.Turn(i))
	if diags.HasErrors() {
		d.Failed(i, sdk.Refuse(diags.Error(), ""))
		return
	}
	ev := About(run.ModuleOpened, i)
	ev.Deadline = After(d.Now, scope.Pipeline().Timeout)
	d.Add(ev)
	if inside := i.Inside(); inside != nil {
		d.Scopes.Set(inside, scope)
	}
}

// CloseModule ends a round of a module instance with its outputs, or with why it failed.
func (d *Draft) CloseModule(c progress.Command) {
	i := c.Instance
	inside := i.Inside()
	ev := About(run.ModuleEnded, i)
	if ev.Error = c.Error; ev.Error == nil {
		if d.outputs(inside, &ev); ev.Error == nil {
			d.Judge(i, &ev)
		}
	}
	d.Add(ev)
	if i.State.Ended() || i.Inside() != inside {
		d.Scopes.Drop(inside)
	}
}

// OpenGate asks a gate's question.
func (d *Draft) OpenGate(i *progress.Instance) {
	q, diags := d.Scope(i.Node).Question(i.Node.Name, i.Key)
	if diags.HasErrors() {
		d.Failed(i, sdk.Refuse(diags.Error(), ""))
		return
	}
	ev := About(run.GateOpened, i)
	ev.Deadline = After(d.Now, i.Node.Timeout)
	raw, err := json.Marshal(q)
	if err != nil {
		d.Failed(i, sdk.AsError(err))
		return
	}
	if ev.AskRef, err = d.cfg.Runs.Aside(d.Run, "question", raw); err != nil {
		d.Failed(i, sdk.AsError(err))
		return
	}
	if ev.AskRef == "" {
		ev.Ask = raw
	}
	d.Add(ev)
	if d.Before == nil || i.State != run.NodeWaiting {
		return
	}
	if inputs, diags := d.Inputs(i); !diags.HasErrors() {
		if outputs, why := d.Before.SameQuestion(d.State, i, inputs, d.Node(i.Node).Type); outputs != nil {
			by, _ := outputs["by"].(string)
			d.Answer(i, outputs, by, why)
		}
	}
}

// GateTimeout answers for the person who did not.
func (d *Draft) GateTimeout(i *progress.Instance) {
	gate := d.Node(i.Node).Gate
	if gate.OnTimeout == pipeline.FailRun {
		d.Failed(i, &sdk.Error{Cause: sdk.CauseHung, Permanent: true, Message: "nobody answered within " + i.Node.Timeout.String(),
			Hint: "resume the run to ask again, or set on_timeout in the gate"})
		return
	}
	outputs, diags := d.Scope(i.Node).Answer(i.Node.Name, i.Key, eval.Answer{Approved: gate.OnTimeout == pipeline.Approve})
	if diags.HasErrors() {
		d.Failed(i, sdk.Refuse(diags.Error(), "on_timeout = \"approve\" needs a default for every field of its form"))
		return
	}
	d.Answer(i, outputs, "", "nobody answered within "+i.Node.Timeout.String())
}

// Answer answers a gate, with the outputs that it has from then on. by is empty when nobody did.
func (d *Draft) Answer(i *progress.Instance, outputs sdk.Values, by, reason string) {
	ev := About(run.GateAnswered, i)
	ev.Owner, ev.Reason = by, reason
	ref, err := d.cfg.Runs.Spill(d.Run, "outputs", outputs)
	if err != nil {
		d.Failed(i, sdk.AsError(err))
		return
	}
	ev.Outputs, ev.OutputsRef = outputs, ref
	d.Add(ev)
}
