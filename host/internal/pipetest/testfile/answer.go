package testfile

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/pipetest/match"
	"github.com/myspinbot/spinbot/sdk"
)

// Answer is what a person says: to a gate, or to a node that waits because it failed or is in doubt.
type Answer struct {
	At    Steps
	Range hcl.Range

	// to a gate
	Approved bool
	TimedOut bool                 // nobody answers: the gate's on_timeout counts
	Form     hclsyntax.Expression // nil: its defaults
	Message  Expected             // what the person has to be asked

	// to a node
	Decide          run.Decision
	Inputs, Outputs hclsyntax.Expression

	By, Comment string
}

var decisions = []any{string(run.Retry), string(run.Accept), string(run.Skip), string(run.GiveUp)}

func (d *decoder) answer(r *Run, b *hclsyntax.Block) {
	label, ok := d.label(b, `answer "gate" { approved = true }`)
	if !ok {
		return
	}
	a := &Answer{Range: b.DefRange(), Approved: true}
	if sdk.IsName(label) {
		label = "gate." + label
	}
	var err error
	if a.At, err = ParseSteps(label); err != nil {
		d.fail(b.LabelRanges[0], "a gate's name, or an address: gate.review, module.finish/gate.check, node.upload", "%s", err)
		return
	}
	for _, other := range r.Answers {
		if other.At.String() == a.At.String() {
			d.fail(b.DefRange(), "say all of it in one block", "second answer to %s", a.At)
		}
	}
	readers := map[string]reader{"by": d.text("by", &a.By), "comment": d.text("comment", &a.Comment)}
	if a.At.Last().Kind == "gate" {
		readers["approved"], readers["timed_out"] = d.flag("approved", &a.Approved), d.flag("timed_out", &a.TimedOut)
		readers["form"] = d.expression(&a.Form)
		readers["message"] = func(e hclsyntax.Expression) {
			a.Message.Range = e.Range()
			d.text("message", &a.Message.Text)(e)
		}
	} else {
		readers["inputs"], readers["outputs"] = d.expression(&a.Inputs), d.expression(&a.Outputs)
		readers["decide"] = func(e hclsyntax.Expression) {
			if x, ok := d.constant(e, sdk.Schema{Type: "string", Enum: decisions}, "decide"); ok {
				a.Decide = run.Decision(x.(string))
			}
		}
	}
	d.attributes(b.Body, "in an answer to a "+a.At.Last().Kind, readers)
	d.noBlocks(b)
	if _, given := b.Body.Attributes["decide"]; !given && a.At.Last().Kind != "gate" {
		d.fail(b.DefRange(), "say what to do with it: decide = \"retry\", \"accept\", \"skip\" or \"fail\"", "an answer to %s without decide", a.At)
	}
	r.Answers = append(r.Answers, a)
}

func (d *decoder) flag(what string, to *bool) reader {
	return func(e hclsyntax.Expression) {
		if x, ok := d.constant(e, sdk.Schema{Type: "boolean"}, what); ok {
			*to = x.(bool)
		}
	}
}

// checkAnswer compares an answer with whom it answers.
func (b *Block) checkAnswer(f *finder, a *Answer) {
	all := Vertices(b.Pipe)
	i := slices.IndexFunc(all, func(v Vertex) bool { _, ok := a.At.Whole().Covers(v.At); return ok })
	if i < 0 {
		names := known(all, pipeline.KindGate)
		if a.At.Last().Kind != "gate" {
			names = known(all, pipeline.KindNode, pipeline.KindModule)
		}
		f.fail(a.Range, "the pipeline has "+match.List(names)+expr.DidYouMean(a.At.Whole().String(), names), "no %s in %s", a.At.Whole(), b.Run.File)
		return
	}
	n := all[i].Node
	if a.TimedOut && n.Timeout == 0 {
		f.fail(a.Range, "give the gate a timeout and an on_timeout", "%s has no timeout: it waits for as long as it takes", a.At)
	}
	c := b.Suite.NewScope(nil)
	c.Each(sdk.Key{})
	form, _ := n.Outputs().Properties.Get("form")
	for _, part := range []struct {
		what   string
		value  hclsyntax.Expression
		schema *sdk.Schema
	}{{"form", a.Form, &form}, {"outputs", a.Outputs, n.Outputs()}, {"inputs", a.Inputs, nil}} {
		if part.value == nil {
			continue
		}
		for _, w := range expr.Fit(part.schema, c.infer(f, part.value, part.what)) {
			f.fail(Locate(part.value, StepsOf(w.Path)), "", "%s: %s", part.what, w)
		}
	}
}
