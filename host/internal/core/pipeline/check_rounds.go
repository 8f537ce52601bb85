package pipeline

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// checkRounds checks what a node's inputs become in a later round or on a lower rung.
func (l *loader) checkRounds(n *Node, more map[string]cty.Value) {
	if n.Type.Name == "" {
		return // nothing is known of it
	}
	changes := sdk.Schema{Type: "object", Properties: n.Type.Inputs.Properties, Additional: n.Type.Inputs.Additional}
	for _, rung := range n.Degrade {
		l.fit(rung.set, partial(&changes), l.infer(rung.set, n.refs, more), "set")
	}
	r := n.Repeat
	if r == nil {
		return
	}
	round := l.round(n, more)
	l.fit(r.until, &sdk.Schema{Type: "boolean"}, l.infer(r.until, n.refs, round), "until")
	if r.next != nil {
		l.fit(r.next, &changes, l.infer(r.next, n.refs, round), "next")
	}
}

// round adds what self is in a repeat block.
func (l *loader) round(n *Node, more map[string]cty.Value) map[string]cty.Value {
	self := cty.UnknownVal(expr.Type(&n.outputs))
	if l.private && n.Kind == KindNode && l.derived(n) {
		self = expr.Sensitive(self, expr.Derived)
	}
	return with(more, "self", self)
}

// value adds what self is in a form field's validation.
func (l *loader) value(f *Field, more map[string]cty.Value) map[string]cty.Value {
	return with(more, "self", cty.UnknownVal(expr.Type(&f.Schema)))
}

func with(names map[string]cty.Value, name string, v cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{name: v}
	maps.Copy(out, names)
	return out
}

// partial is the schema of a part of an object: nothing in it is required, at any depth.
func partial(s *sdk.Schema) *sdk.Schema {
	out := *s
	if s.Type != "object" || s.IsArtifact() {
		return &out
	}
	out.Required = nil
	out.Properties = slices.Clone(s.Properties)
	for i := range out.Properties {
		out.Properties[i].Schema = *partial(&out.Properties[i].Schema)
	}
	return &out
}

func (l *loader) checkGate(n *Node, more map[string]cty.Value) {
	if n.Gate == nil {
		return
	}
	for i := range n.Gate.Fields {
		f := &n.Gate.Fields[i]
		if f.fallback != nil {
			l.fit(f.fallback, &f.Schema, l.infer(f.fallback, n.refs, more), "default")
		}
		value := l.value(f, more)
		for _, check := range f.validations {
			l.fit(check.condition, &sdk.Schema{Type: "boolean"}, l.infer(check.condition, n.refs, value), "condition")
			l.fit(check.message, &sdk.Schema{Type: "string"}, l.infer(check.message, n.refs, value), "message")
		}
	}
}
