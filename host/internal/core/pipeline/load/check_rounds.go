package load

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// checkRounds checks what a node's inputs become in a later round or on a lower rung.
func (l *checker) checkRounds(n *pipeline.Node, more map[string]cty.Value) {
	if n.Type.Name == "" {
		return // nothing is known of it
	}
	changes := sdk.Schema{Type: "object", Properties: n.Type.Inputs.Properties, Additional: n.Type.Inputs.Additional}
	for _, rung := range n.Degrade {
		l.fit(rung.Set, partial(&changes), l.infer(rung.Set, n.Refs, more), "set")
	}
	r := n.Repeat
	if r == nil {
		return
	}
	round := l.round(n, more)
	l.fit(r.Until, &sdk.Schema{Type: "boolean"}, l.infer(r.Until, n.Refs, round), "until")
	if r.Next != nil {
		l.fit(r.Next, &changes, l.infer(r.Next, n.Refs, round), "next")
	}
}

// round adds what self is in a repeat block.
func (l *checker) round(n *pipeline.Node, more map[string]cty.Value) map[string]cty.Value {
	self := cty.UnknownVal(datum.Type(&n.Gives))
	if l.private && n.Kind == pipeline.KindNode && l.derived(n) {
		self = datum.Sensitive(self, datum.Derived)
	}
	return with(more, "self", self)
}

// value adds what self is in a form field's validation.
func (l *checker) value(f *pipeline.Field, more map[string]cty.Value) map[string]cty.Value {
	return with(more, "self", cty.UnknownVal(datum.Type(&f.Schema)))
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

func (l *checker) checkGate(n *pipeline.Node, more map[string]cty.Value) {
	if n.Gate == nil {
		return
	}
	for i := range n.Gate.Fields {
		f := &n.Gate.Fields[i]
		if f.Fallback != nil {
			l.fit(f.Fallback, &f.Schema, l.infer(f.Fallback, n.Refs, more), "default")
		}
		value := l.value(f, more)
		for _, check := range f.Validations {
			l.fit(check.Condition, &sdk.Schema{Type: "boolean"}, l.infer(check.Condition, n.Refs, value), "condition")
			l.fit(check.Message, &sdk.Schema{Type: "string"}, l.infer(check.Message, n.Refs, value), "message")
		}
	}
}
