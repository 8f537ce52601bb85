package engine

import (
	"encoding/json"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/scopes"
	"github.com/myspinbot/spinbot/sdk"
)

// openModule begins a round of a module instance.
func (p *pass) openModule(i *run.Instance) {
	scope, diags := p.l.scope(i.Node).Enter(i.Node.Name, i.Key, scopes.Turn(i))
	if diags.HasErrors() {
		p.failed(i, sdk.Refuse(diags.Error(), ""))
		return
	}
	ev := about(run.ModuleOpened, i)
	ev.Deadline = after(p.now, scope.Pipeline().Timeout)
	p.add(ev)
	if inside := i.Inside(); inside != nil {
		p.l.scopes.Set(inside, scope)
	}
}

// closeModule ends a round of a module instance with its outputs, or with why it failed.
func (p *pass) closeModule(c run.Command) {
	i := c.Instance
	inside := i.Inside()
	ev := about(run.ModuleEnded, i)
	if ev.Error = c.Error; ev.Error == nil {
		if p.outputs(inside, &ev); ev.Error == nil {
			p.judge(i, &ev)
		}
	}
	p.add(ev)
	if i.State.Ended() || i.Inside() != inside {
		p.l.scopes.Drop(inside)
	}
}

// openGate asks a gate's question.
func (p *pass) openGate(i *run.Instance) {
	q, diags := p.l.scope(i.Node).Question(i.Node.Name, i.Key)
	if diags.HasErrors() {
		p.failed(i, sdk.Refuse(diags.Error(), ""))
		return
	}
	ev := about(run.GateOpened, i)
	ev.Deadline = after(p.now, i.Node.Timeout)
	raw, err := json.Marshal(q)
	if err != nil {
		p.failed(i, sdk.AsError(err))
		return
	}
	if ev.AskRef, err = p.e.aside(p.l, "question", raw); err != nil {
		p.failed(i, sdk.AsError(err))
		return
	}
	if ev.AskRef == "" {
		ev.Ask = raw
	}
	p.add(ev)
	if p.l.before == nil || i.State != run.NodeWaiting {
		return
	}
	if inputs, diags := p.inputs(i); !diags.HasErrors() {
		if outputs, why := p.l.before.sameQuestion(p.l.state, i, inputs, p.l.node(i.Node).Type); outputs != nil {
			by, _ := outputs["by"].(string)
			p.answer(i, outputs, by, why)
		}
	}
}

// gateTimeout answers for the person who did not.
func (p *pass) gateTimeout(i *run.Instance) {
	gate := p.l.node(i.Node).Gate
	if gate.OnTimeout == pipeline.FailRun {
		p.failed(i, &sdk.Error{Cause: sdk.CauseHung, Permanent: true, Message: "nobody answered within " + i.Node.Timeout.String(),
			Hint: "resume the run to ask again, or set on_timeout in the gate"})
		return
	}
	outputs, diags := p.l.scope(i.Node).Answer(i.Node.Name, i.Key, pipeline.Answer{Approved: gate.OnTimeout == pipeline.Approve})
	if diags.HasErrors() {
		p.failed(i, sdk.Refuse(diags.Error(), "on_timeout = \"approve\" needs a default for every field of its form"))
		return
	}
	p.answer(i, outputs, "", "nobody answered within "+i.Node.Timeout.String())
}

func (p *pass) answer(i *run.Instance, outputs sdk.Values, by, reason string) {
	ev := about(run.GateAnswered, i)
	ev.Owner, ev.Reason = by, reason
	ref, err := p.e.spill(p.l, "outputs", outputs)
	if err != nil {
		p.failed(i, sdk.AsError(err))
		return
	}
	ev.Outputs, ev.OutputsRef = outputs, ref
	p.add(ev)
}
