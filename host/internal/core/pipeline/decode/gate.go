package decode

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// gateBlock reads gate "name" { message, show, timeout, on_timeout, form "field" { } }.
func (l *Decoder) gateBlock(b *hclsyntax.Block) {
	if !l.Labels(b, `gate "name" { message = "…" }`, 1) {
		return
	}
	n := l.newNode(pipeline.KindGate, b)
	n.Gate = &pipeline.Gate{OnTimeout: pipeline.FailRun}
	n.Type = sdk.NodeType{Name: "gate", Inputs: pipeline.GateInputs()}
	readers := l.commonWords(n)
	readers["timeout"] = l.Duration(&n.Timeout)
	readers["on_timeout"] = l.Choice(&n.Gate.OnTimeout, pipeline.FailRun, pipeline.Approve, pipeline.Reject)
	l.wordsAndInputs(n, b, readers)
	for _, inner := range b.Body.Blocks {
		if inner.Type == "form" {
			l.formBlock(n, inner)
		}
	}
	l.NoBlocks(b, "form")
	if a, given := b.Body.Attributes["on_timeout"]; given && n.Timeout == 0 {
		l.Fail(a.NameRange, "without one the gate waits for as long as it takes", "on_timeout without a timeout")
	}
	form := sdk.Schema{Type: "object"}
	for _, f := range n.Gate.Fields {
		form.Properties = append(form.Properties, sdk.Property{Name: f.Name, Schema: f.Schema})
	}
	n.Type.Outputs = pipeline.GateOutputs(form)
	n.Gives = n.Type.Outputs
	l.declare(n, b)
}

func (l *Decoder) formBlock(n *pipeline.Node, b *hclsyntax.Block) {
	if !l.Labels(b, `form "field" { type = string }`, 1) {
		return
	}
	f := pipeline.Field{Name: b.Labels[0], Type: "string", Schema: sdk.Schema{Type: "string"}, Range: diagnostic.RangeOf(b.DefRange())}
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"type": func(e hclsyntax.Expression) {
			schema, _, found := typeexpr.ParseType(e)
			l.HCL(found)
			f.Schema, f.Type = schema, string(e.Range().SliceBytes(l.Src))
		},
		"description": l.Text(&f.Description),
		"default":     func(e hclsyntax.Expression) { f.Fallback = e },
		"options": l.Read(sdk.Schema{Type: "array", Items: &sdk.Schema{}, MinItems: new(1)}, func(x any) {
			f.Options, _ = x.([]any)
		}),
	})
	l.NoBlocks(b, "validation")
	for _, inner := range b.Body.Blocks {
		if check, ok := l.readValidation(inner, "self"); inner.Type == "validation" && ok {
			f.Validations = append(f.Validations, check)
		}
	}
	f.Schema.Enum, f.Schema.Description = f.Options, f.Description
	if i := slices.IndexFunc(n.Gate.Fields, func(o pipeline.Field) bool { return o.Name == f.Name }); i >= 0 {
		l.Duplicate(b.LabelRanges[0], "form field", f.Name, n.Gate.Fields[i].Range)
		return
	}
	n.Gate.Fields = append(n.Gate.Fields, f)
}
