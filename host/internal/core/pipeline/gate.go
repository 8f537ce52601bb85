package pipeline

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Gate waits until a person has answered. Its outputs are approved, form, by and comment.
type Gate struct {
	// OnTimeout says what happens when nobody has answered for Node.Timeout: FailRun, Approve or Reject.
	OnTimeout string
	// Fields are what the person may fill in, in the order of the file.
	Fields []Field
}

// What a gate does when its time has passed, beside FailRun.
const (
	Approve = "approve"
	Reject  = "reject"
)

// Field is one entry of a gate's form.
type Field struct {
	Name, Description string
	// Type is the type expression as written, "string" when left out.
	Type   string
	Schema sdk.Schema
	// Options are the only values that may be chosen; empty: any of the type.
	Options []any
	Range   Range

	fallback    hclsyntax.Expression
	validations []validation
}

// gateBlock reads gate "name" { message, show, timeout, on_timeout, form "field" { } }.
func (l *loader) gateBlock(b *hclsyntax.Block) {
	if !l.labels(b, `gate "name" { message = "…" }`, 1) {
		return
	}
	n := l.newNode(KindGate, b)
	n.Gate = &Gate{OnTimeout: FailRun}
	n.Type = sdk.NodeType{Name: "gate", Inputs: GateInputs()}
	readers := l.commonWords(n)
	readers["timeout"] = l.duration(&n.Timeout)
	readers["on_timeout"] = l.choice(&n.Gate.OnTimeout, FailRun, Approve, Reject)
	l.wordsAndInputs(n, b, readers)
	for _, inner := range b.Body.Blocks {
		if inner.Type == "form" {
			l.formBlock(n, inner)
		}
	}
	l.noBlocks(b, "form")
	if a, given := b.Body.Attributes["on_timeout"]; given && n.Timeout == 0 {
		l.fail(a.NameRange, "without one the gate waits for as long as it takes", "on_timeout without a timeout")
	}
	form := sdk.Schema{Type: "object"}
	for _, f := range n.Gate.Fields {
		form.Properties = append(form.Properties, sdk.Property{Name: f.Name, Schema: f.Schema})
	}
	n.Type.Outputs = GateOutputs(form)
	n.outputs = n.Type.Outputs
	l.declare(n, b)
}

func (l *loader) formBlock(n *Node, b *hclsyntax.Block) {
	if !l.labels(b, `form "field" { type = string }`, 1) {
		return
	}
	f := Field{Name: b.Labels[0], Type: "string", Schema: sdk.Schema{Type: "string"}, Range: rangeOf(b.DefRange())}
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"type": func(e hclsyntax.Expression) {
			schema, _, found := expr.ParseType(e)
			l.hcl(found)
			f.Schema, f.Type = schema, string(e.Range().SliceBytes(l.src))
		},
		"description": l.text(&f.Description),
		"default":     func(e hclsyntax.Expression) { f.fallback = e },
		"options": l.read(sdk.Schema{Type: "array", Items: &sdk.Schema{}, MinItems: new(1)}, func(x any) {
			f.Options, _ = x.([]any)
		}),
	})
	l.noBlocks(b, "validation")
	for _, inner := range b.Body.Blocks {
		if check, ok := l.readValidation(inner, "self"); inner.Type == "validation" && ok {
			f.validations = append(f.validations, check)
		}
	}
	f.Schema.Enum, f.Schema.Description = f.Options, f.Description
	if i := slices.IndexFunc(n.Gate.Fields, func(o Field) bool { return o.Name == f.Name }); i >= 0 {
		l.duplicate(b.LabelRanges[0], "form field", f.Name, n.Gate.Fields[i].Range)
		return
	}
	n.Gate.Fields = append(n.Gate.Fields, f)
}
