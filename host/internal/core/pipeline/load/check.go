package load

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// check evaluates every expression as far as types go.
func (l *checker) check() {
	for _, v := range l.Pipeline.Variables {
		l.checkValidations(v)
	}
	for _, x := range l.Pipeline.Locals {
		l.localType(x.Name)
	}
	for _, n := range l.Pipeline.Nodes {
		l.checkNode(n)
	}
	for _, o := range l.Pipeline.Outputs {
		v := l.infer(o.Value, o.Refs, nil)
		o.Schema = datum.SchemaOf(v.Type())
		o.Schema.Description, o.Schema.Sensitive = o.Description, o.Sensitive || datum.IsSensitive(v)
		l.checkOutput(o, v)
		l.reachable(o)
	}
	l.checkConcurrency()
	for _, t := range l.Pipeline.Triggers {
		l.checkTrigger(t)
	}
	l.unused()
}

// infer gives what is known of an expression's value, more being names beside those it refers to. Types of what it
// refers to are worked out on the way.
func (l *checker) infer(e hclsyntax.Expression, r pipeline.Refs, more map[string]cty.Value) cty.Value {
	if e == nil {
		return cty.DynamicVal
	}
	v, found := expr.Infer(e, &hcl.EvalContext{Variables: l.names(r, more), Functions: l.Pipeline.Functions})
	l.HCL(found)
	if found.HasErrors() {
		return cty.DynamicVal
	}
	if datum.Size(v, datum.MaxValue) >= datum.MaxValue {
		l.Fail(e.Range(), syntax.TooLarge, "the value is too large")
		return cty.DynamicVal
	}
	return v
}

// names is what is known of what an expression refers to, and more.
func (l *checker) names(r pipeline.Refs, more map[string]cty.Value) map[string]cty.Value {
	names := map[string]cty.Value{"run": runType}
	if len(r.Vars) > 0 {
		names["var"] = l.object(r.Vars, l.variableValue)
	}
	if len(r.Locals) > 0 {
		names["local"] = l.object(r.Locals, l.localType)
	}
	if len(r.Secrets) > 0 {
		names["secret"] = l.object(r.Secrets, func(string) cty.Value { return secretType })
	}
	for kind, of := range l.Pipeline.Grouped(r.Nodes) {
		names[string(kind)] = l.object(of, func(name string) cty.Value { return l.nodeResult(pipeline.IDOf(kind, name)) })
	}
	maps.Copy(names, more)
	for _, root := range roots {
		if _, ok := names[root]; !ok {
			names[root] = cty.DynamicVal // a reference that is not there; it has been reported
		}
	}
	return names
}

var (
	runType    = cty.UnknownVal(cty.Object(map[string]cty.Type{"id": cty.String, "user": cty.String}))
	secretType = datum.Sensitive(cty.UnknownVal(cty.String), datum.Declared)
)

func (l *checker) object(names []string, of func(string) cty.Value) cty.Value {
	out := make(map[string]cty.Value, len(names))
	for _, name := range names {
		out[name] = of(name)
	}
	return cty.ObjectVal(out)
}

func (l *checker) variableValue(name string) cty.Value {
	v := l.Pipeline.VariableByName[name]
	t := datum.Type(&v.Schema)
	if v.Set {
		t = cty.Set(t.ElementType())
	}
	if v.Sensitive {
		return datum.Sensitive(cty.UnknownVal(t), datum.Declared)
	}
	return cty.UnknownVal(t)
}

// localType infers a local once. On a cycle, which has been reported, it is unknown.
func (l *checker) localType(name string) cty.Value {
	key := "local." + name
	if known, ok := l.typed[key]; ok {
		return known
	}
	l.typed[key] = cty.DynamicVal
	x := l.Pipeline.Locals[name]
	v := l.infer(x.Expr, x.Refs, nil)
	l.typed[key] = v
	return v
}

// nodeResult is what a reference to a node will look like: an object of outputs, or a list or map of them with for_each.
func (l *checker) nodeResult(name string) cty.Value {
	key := "node." + name
	if known, ok := l.typed[key]; ok {
		return known
	}
	l.typed[key] = cty.DynamicVal
	n := l.Pipeline.NodeByID[name]
	v := cty.DynamicVal
	if n.Type.Name != "" {
		v = l.result(n)
	}
	l.typed[key] = v
	return v
}

func (l *checker) resultType(n *pipeline.Node) cty.Type {
	t := datum.Type(&n.Gives)
	if !n.ForEach {
		return t
	}
	switch over := l.forEachValue(n).Type(); {
	case over.IsListType(), over.IsTupleType():
		return cty.List(t)
	case over.IsMapType(), over.IsSetType(), over.IsObjectType():
		return cty.Map(t)
	}
	return cty.DynamicPseudoType
}

// forEachValue infers a node's for_each once.
func (l *checker) forEachValue(n *pipeline.Node) cty.Value {
	key := "each." + n.ID
	if known, ok := l.typed[key]; ok {
		return known
	}
	l.typed[key] = cty.DynamicVal
	v := l.infer(n.ForEachExpr, n.Refs, nil)
	l.typed[key] = v
	return v
}

func (l *checker) checkNode(n *pipeline.Node) {
	var more map[string]cty.Value
	if n.ForEach {
		more = map[string]cty.Value{"each": cty.ObjectVal(l.checkForEach(n))}
	}
	if n.When {
		v := l.infer(n.WhenExpr, n.Refs, nil)
		l.fit(n.WhenExpr, &sdk.Schema{Type: "boolean"}, v, "when")
	}
	given := map[string]bool{}
	for _, in := range n.Inputs {
		given[in.Name] = true
		if in.Fixed != nil {
			continue
		}
		v := l.infer(in.Expr, n.Refs, more)
		if v.IsKnown() && v.IsNull() {
			delete(given, in.Name)
		} else if in.Schema != nil && in.Schema.Setting != "" {
			l.setting(n, &in)
		}
		l.fit(in.Expr, in.Schema, v, "input "+in.Name)
	}
	for _, name := range n.Type.Inputs.Required {
		if l.Guessed[n.ID+"."+name] {
			continue // it stands there, misspelt
		}
		if s, _ := n.Type.Inputs.Properties.Get(name); !given[name] && s.Default == nil {
			detail := n.Address() + " of type " + n.Type.Name + " needs it"
			if s.Description != "" {
				detail += ": " + s.Description
			}
			l.Add(diagnostic.Error, n.Range, detail, "missing input %q", name)
		}
	}
	l.checkRounds(n, more)
	l.checkGate(n, more)
	l.checkSeen(n, more)
}

// setting warns of an input that needs a setting which its plugin has nowhere: the node cannot be run, and may be one that is left out.
func (l *checker) setting(n *pipeline.Node, in *pipeline.Input) {
	w, ok := l.Types.(pipeline.Configured)
	if !ok {
		return
	}
	if why := w.Unset(n.Type.Name, in.Schema.Setting); why != "" {
		l.Add(diagnostic.Warning, in.Range, why, "input %s cannot be used here", in.Name)
		n.Unset = append(n.Unset, fmt.Sprintf("input %s cannot be used here: %s", in.Name, why))
	}
}

// fit reports where a value cannot fit its schema, at the part of the expression that is wrong.
func (l *checker) fit(e hclsyntax.Expression, s *sdk.Schema, v cty.Value, what string) {
	if s == nil {
		return
	}
	for _, f := range expr.FitWith(l.Assets.Files, s, v) {
		l.Fail(syntax.Locate(e, f.Path), pipeline.Describe(s, f.Path), "%s: %s", pipeline.JoinPath(what, f.Path), f.Message)
	}
}

func (l *checker) checkValidations(v *pipeline.Variable) {
	r := pipeline.Refs{Vars: l.variableNames()}
	for _, check := range v.Validations {
		l.fit(check.Condition, &sdk.Schema{Type: "boolean"}, l.infer(check.Condition, r, nil), "condition")
		message := l.infer(check.Message, r, nil)
		l.fit(check.Message, &sdk.Schema{Type: "string"}, message, "message")
		if datum.IsSensitive(message) {
			l.seen(check.Message, r, nil, "message", "whoever submits a run sees it")
		}
	}
}

// reachable warns of an output that can only be null, because a node behind it never runs.
func (l *checker) reachable(o *pipeline.Output) {
	for _, name := range o.Needs {
		if dead := l.neverRuns(name, map[string]bool{}); dead != "" {
			l.Add(diagnostic.Warning, o.Range, l.Pipeline.NodeByID[dead].Address()+" never runs: its when is false", "output %q is never reached", o.Name)
			return
		}
	}
}

func (l *checker) neverRuns(name string, seen map[string]bool) string {
	n := l.Pipeline.NodeByID[name]
	if seen[name] {
		return ""
	}
	seen[name] = true
	if n.WhenExpr != nil && len(n.WhenExpr.Variables()) == 0 {
		if v, found := expr.Eval(n.WhenExpr, &hcl.EvalContext{Functions: l.Pipeline.Functions}); !found.HasErrors() && v.RawEquals(cty.False) {
			return name
		}
	}
	for _, need := range n.Needs {
		if dead := l.neverRuns(need, seen); dead != "" {
			return dead
		}
	}
	return ""
}

// unused warns of variables and secrets that nothing refers to.
func (l *checker) unused() {
	if l.Diags.HasErrors() {
		return // a reference may be misspelt
	}
	used := map[string]bool{}
	mark := func(r pipeline.Refs) {
		for _, v := range r.Vars {
			used["var."+v] = true
		}
		for _, x := range r.Locals {
			used["local."+x] = true
		}
		for _, s := range r.Secrets {
			used["secret."+s] = true
		}
	}
	for _, n := range l.Pipeline.Nodes {
		mark(n.Refs)
	}
	for _, o := range l.Pipeline.Outputs {
		mark(o.Refs)
	}
	if c := l.Pipeline.Concurrency; c != nil {
		mark(c.Refs)
	}
	for _, t := range l.Pipeline.Triggers {
		used["secret."+t.Secret] = true
	}
	for _, x := range l.Pipeline.Locals {
		mark(pipeline.Refs{Vars: x.Refs.Vars, Locals: x.Refs.Locals, Secrets: x.Refs.Secrets})
	}
	for _, v := range l.Pipeline.Variables {
		if !used["var."+v.Name] {
			l.Add(diagnostic.Warning, v.Range, "nothing refers to var."+v.Name+"; remove it or use it", "variable %q is not used", v.Name)
		}
	}
	for _, s := range l.Pipeline.Secrets {
		if !used["secret."+s.Name] {
			l.Add(diagnostic.Warning, s.Range, "nothing refers to secret."+s.Name+"; remove it or use it", "secret %q is not used", s.Name)
		}
	}
}

func (l *checker) checkConcurrency() {
	if c := l.Pipeline.Concurrency; c != nil && c.Key != nil {
		v := l.infer(c.Key, c.Refs, nil)
		if t := v.Type(); v.IsKnown() && v.IsNull() || !t.IsPrimitiveType() && t != cty.DynamicPseudoType {
			l.Fail(c.Key.Range(), "", "key: want text, got %s", datum.Describe(t))
		}
		if datum.IsSensitive(v) {
			l.seen(c.Key, c.Refs, nil, "key", "it stands in the journal")
		}
	}
}
