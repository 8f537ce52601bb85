package pipetest

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// answer is what a person says: to a gate, or to a node that waits because it failed or is in doubt.
type answer struct {
	at  steps
	rng hcl.Range

	// to a gate
	approved bool
	timedOut bool                 // nobody answers: the gate's on_timeout counts
	form     hclsyntax.Expression // nil: its defaults
	message  expected             // what the person has to be asked

	// to a node
	decide          run.Decision
	inputs, outputs hclsyntax.Expression

	by, comment string
}

var decisions = []any{string(run.Retry), string(run.Accept), string(run.Skip), string(run.GiveUp)}

func (d *decoder) answer(r *Run, b *hclsyntax.Block) {
	label, ok := d.label(b, `answer "gate" { approved = true }`)
	if !ok {
		return
	}
	a := &answer{rng: b.DefRange(), approved: true}
	if sdk.IsName(label) {
		label = "gate." + label
	}
	var err error
	if a.at, err = parseSteps(label); err != nil {
		d.fail(b.LabelRanges[0], "a gate's name, or an address: gate.review, module.finish/gate.check, node.upload", "%s", err)
		return
	}
	for _, other := range r.answers {
		if other.at.String() == a.at.String() {
			d.fail(b.DefRange(), "say all of it in one block", "second answer to %s", a.at)
		}
	}
	readers := map[string]reader{"by": d.text("by", &a.by), "comment": d.text("comment", &a.comment)}
	if a.at.last().Kind == "gate" {
		readers["approved"], readers["timed_out"] = d.flag("approved", &a.approved), d.flag("timed_out", &a.timedOut)
		readers["form"] = d.expression(&a.form)
		readers["message"] = func(e hclsyntax.Expression) {
			a.message.rng = e.Range()
			d.text("message", &a.message.text)(e)
		}
	} else {
		readers["inputs"], readers["outputs"] = d.expression(&a.inputs), d.expression(&a.outputs)
		readers["decide"] = func(e hclsyntax.Expression) {
			if x, ok := d.constant(e, sdk.Schema{Type: "string", Enum: decisions}, "decide"); ok {
				a.decide = run.Decision(x.(string))
			}
		}
	}
	d.attributes(b.Body, "in an answer to a "+a.at.last().Kind, readers)
	d.noBlocks(b)
	if _, given := b.Body.Attributes["decide"]; !given && a.at.last().Kind != "gate" {
		d.fail(b.DefRange(), "say what to do with it: decide = \"retry\", \"accept\", \"skip\" or \"fail\"", "an answer to %s without decide", a.at)
	}
	r.answers = append(r.answers, a)
}

func (d *decoder) flag(what string, to *bool) reader {
	return func(e hclsyntax.Expression) {
		if x, ok := d.constant(e, sdk.Schema{Type: "boolean"}, what); ok {
			*to = x.(bool)
		}
	}
}

// answerOf gives the narrowest answer to an instance; nil when there is none.
func (b *block) answerOf(instance steps) (best *answer) {
	most := -1
	for _, a := range b.run.answers {
		if narrow, ok := a.at.covers(instance); ok && narrow > most {
			best, most = a, narrow
		}
	}
	return best
}

// checkAnswer compares an answer with whom it answers.
func (b *block) checkAnswer(f *finder, a *answer) {
	all := vertices(b.pipe)
	i := slices.IndexFunc(all, func(v vertex) bool { _, ok := a.at.whole().covers(v.at); return ok })
	if i < 0 {
		names := known(all, pipeline.KindGate)
		if a.at.last().Kind != "gate" {
			names = known(all, pipeline.KindNode, pipeline.KindModule)
		}
		f.fail(a.rng, "the pipeline has "+list(names)+expr.DidYouMean(a.at.whole().String(), names), "no %s in %s", a.at.whole(), b.run.file)
		return
	}
	n := all[i].node
	if a.timedOut && n.Timeout == 0 {
		f.fail(a.rng, "give the gate a timeout and an on_timeout", "%s has no timeout: it waits for as long as it takes", a.at)
	}
	c := b.suite.newScope(nil)
	c.each(sdk.Key{})
	form, _ := n.Outputs().Properties.Get("form")
	for _, part := range []struct {
		what   string
		value  hclsyntax.Expression
		schema *sdk.Schema
	}{{"form", a.form, &form}, {"outputs", a.outputs, n.Outputs()}, {"inputs", a.inputs, nil}} {
		if part.value == nil {
			continue
		}
		for _, w := range expr.Fit(part.schema, c.infer(f, part.value, part.what)) {
			f.fail(locate(part.value, stepsOf(w.Path)), "", "%s: %s", part.what, w)
		}
	}
}

// waits says what a run waits for that has not ended.
func waits(s *run.State) string {
	var out []string
	s.Walk(func(n *run.Node) {
		for _, i := range n.Instances {
			if i.State == run.NodeWaiting && i.Error != nil {
				at := stepsTo(s.Address(i)).String()
				out = append(out, at+" waits for a person: "+i.Error.Error()+"\nanswer \""+at+"\" { decide = \"retry\" } goes on")
			}
		}
	})
	return strings.Join(out, "\n")
}
