package pipeline

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// inferred is what is known of a value before a run; ok says whether it could be worked out.
type inferred struct {
	value cty.Value
	ok    bool
}

// check evaluates every expression as far as types go.
func (l *loader) check() {
	l.typed = map[string]inferred{}
	l.private = l.hasPrivate()
	for _, v := range l.p.Variables {
		l.checkValidations(v)
	}
	for _, x := range l.p.locals {
		l.localType(x.name)
	}
	for _, n := range l.p.Nodes {
		l.checkNode(n)
	}
	for _, o := range l.p.Outputs {
		v := l.infer(o.value, o.refs, nil)
		o.Schema = expr.SchemaOf(v.Type())
		o.Schema.Description, o.Schema.Sensitive = o.Description, o.Sensitive || expr.IsSensitive(v)
		l.checkOutput(o, v)
		l.reachable(o)
	}
	l.checkConcurrency()
	for _, t := range l.p.Triggers {
		l.checkTrigger(t)
	}
	l.unused()
}

// infer gives what is known of an expression's value, more being names beside those it refers to. Types of what it
// refers to are worked out on the way.
func (l *loader) infer(e hclsyntax.Expression, r refs, more map[string]cty.Value) cty.Value {
	if e == nil {
		return cty.DynamicVal
	}
	v, found := expr.Infer(e, &hcl.EvalContext{Variables: l.names(r, more), Functions: l.p.functions})
	l.hcl(found)
	if found.HasErrors() {
		return cty.DynamicVal
	}
	if expr.Size(v, expr.MaxValue) >= expr.MaxValue {
		l.fail(e.Range(), tooLarge, "the value is too large")
		return cty.DynamicVal
	}
	return v
}

// names is what is known of what an expression refers to, and more.
func (l *loader) names(r refs, more map[string]cty.Value) map[string]cty.Value {
	names := map[string]cty.Value{"run": runType}
	if len(r.vars) > 0 {
		names["var"] = l.object(r.vars, l.variableValue)
	}
	if len(r.locals) > 0 {
		names["local"] = l.object(r.locals, l.localType)
	}
	if len(r.secrets) > 0 {
		names["secret"] = l.object(r.secrets, func(string) cty.Value { return secretType })
	}
	for kind, of := range l.p.grouped(r.nodes) {
		names[string(kind)] = l.object(of, func(name string) cty.Value { return l.nodeResult(id(kind, name)) })
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
	secretType = expr.Sensitive(cty.UnknownVal(cty.String), expr.Declared)
)

func (l *loader) object(names []string, of func(string) cty.Value) cty.Value {
	out := make(map[string]cty.Value, len(names))
	for _, name := range names {
		out[name] = of(name)
	}
	return cty.ObjectVal(out)
}

func (l *loader) variableValue(name string) cty.Value {
	v := l.p.variables[name]
	t := expr.Type(&v.Schema)
	if v.set {
		t = cty.Set(t.ElementType())
	}
	if v.Sensitive {
		return expr.Sensitive(cty.UnknownVal(t), expr.Declared)
	}
	return cty.UnknownVal(t)
}

// localType infers a local once. On a cycle, which has been reported, it is unknown.
func (l *loader) localType(name string) cty.Value {
	key := "local." + name
	if known, ok := l.typed[key]; ok {
		return known.value
	}
	l.typed[key] = inferred{value: cty.DynamicVal}
	x := l.p.locals[name]
	v := l.infer(x.expr, x.refs, nil)
	l.typed[key] = inferred{v, true}
	return v
}

// grouped sorts IDs by kind and gives their names.
func (p *Pipeline) grouped(ids []string) map[Kind][]string {
	if len(ids) == 0 {
		return nil
	}
	out := map[Kind][]string{}
	for _, id := range ids {
		n := p.nodes[id]
		out[n.Kind] = append(out[n.Kind], n.Name)
	}
	return out
}

// nodeResult is what a reference to a node will look like: an object of outputs, or a list or map of them with for_each.
func (l *loader) nodeResult(name string) cty.Value {
	key := "node." + name
	if known, ok := l.typed[key]; ok {
		return known.value
	}
	l.typed[key] = inferred{value: cty.DynamicVal}
	n := l.p.nodes[name]
	v := cty.DynamicVal
	if n.Type.Name != "" {
		v = l.result(n)
	}
	l.typed[key] = inferred{v, true}
	return v
}

func (l *loader) resultType(n *Node) cty.Type {
	t := expr.Type(&n.outputs)
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
func (l *loader) forEachValue(n *Node) cty.Value {
	key := "each." + n.ID
	if known, ok := l.typed[key]; ok {
		return known.value
	}
	l.typed[key] = inferred{value: cty.DynamicVal}
	v := l.infer(n.forEach, n.refs, nil)
	l.typed[key] = inferred{v, true}
	return v
}

func (l *loader) checkNode(n *Node) {
	var more map[string]cty.Value
	if n.ForEach {
		more = map[string]cty.Value{"each": cty.ObjectVal(l.checkForEach(n))}
	}
	if n.When {
		v := l.infer(n.when, n.refs, nil)
		l.fit(n.when, &sdk.Schema{Type: "boolean"}, v, "when")
	}
	given := map[string]bool{}
	for _, in := range n.inputs {
		given[in.name] = true
		if in.fixed != nil {
			continue
		}
		v := l.infer(in.expr, n.refs, more)
		if v.IsKnown() && v.IsNull() {
			delete(given, in.name)
		} else if in.schema != nil && in.schema.Setting != "" {
			l.setting(n, &in)
		}
		l.fit(in.expr, in.schema, v, "input "+in.name)
	}
	for _, name := range n.Type.Inputs.Required {
		if l.guessed[n.ID+"."+name] {
			continue // it stands there, misspelt
		}
		if s, _ := n.Type.Inputs.Properties.Get(name); !given[name] && s.Default == nil {
			detail := n.address() + " of type " + n.Type.Name + " needs it"
			if s.Description != "" {
				detail += ": " + s.Description
			}
			l.add(Error, n.Range, detail, "missing input %q", name)
		}
	}
	l.checkRounds(n, more)
	l.checkGate(n, more)
	l.checkSeen(n, more)
}

// setting warns of an input that needs a setting which its plugin has nowhere: the node cannot be run, and may be one that is left out.
func (l *loader) setting(n *Node, in *input) {
	w, ok := l.types.(configured)
	if !ok {
		return
	}
	if why := w.Unset(n.Type.Name, in.schema.Setting); why != "" {
		l.add(Warning, in.rng, why, "input %s cannot be used here", in.name)
		n.Unset = append(n.Unset, fmt.Sprintf("input %s cannot be used here: %s", in.name, why))
	}
}

// fit reports where a value cannot fit its schema, at the part of the expression that is wrong.
func (l *loader) fit(e hclsyntax.Expression, s *sdk.Schema, v cty.Value, what string) {
	if s == nil {
		return
	}
	for _, f := range l.assets.files.Fit(s, v) {
		l.fail(locate(e, f.Path), describe(s, f.Path), "%s: %s", joinPath(what, f.Path), f.Message)
	}
}

func joinPath(name, path string) string {
	if path == "" || path[0] == '[' {
		return name + path
	}
	return name + "." + path
}

// describe is the documentation of an input, for the detail of a diagnostic.
func describe(s *sdk.Schema, path string) string {
	if path != "" {
		return ""
	}
	return s.Description
}

func (l *loader) checkValidations(v *Variable) {
	r := refs{vars: l.variableNames()}
	for _, check := range v.validations {
		l.fit(check.condition, &sdk.Schema{Type: "boolean"}, l.infer(check.condition, r, nil), "condition")
		message := l.infer(check.message, r, nil)
		l.fit(check.message, &sdk.Schema{Type: "string"}, message, "message")
		if expr.IsSensitive(message) {
			l.seen(check.message, r, nil, "message", "whoever submits a run sees it")
		}
	}
}

// reachable warns of an output that can only be null, because a node behind it never runs.
func (l *loader) reachable(o *Output) {
	for _, name := range o.Needs {
		if dead := l.neverRuns(name, map[string]bool{}); dead != "" {
			l.add(Warning, o.Range, l.p.nodes[dead].address()+" never runs: its when is false", "output %q is never reached", o.Name)
			return
		}
	}
}

func (l *loader) neverRuns(name string, seen map[string]bool) string {
	n := l.p.nodes[name]
	if seen[name] {
		return ""
	}
	seen[name] = true
	if n.when != nil && len(n.when.Variables()) == 0 {
		if v, found := expr.Eval(n.when, &hcl.EvalContext{Functions: l.p.functions}); !found.HasErrors() && v.RawEquals(cty.False) {
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
func (l *loader) unused() {
	if l.diags.HasErrors() {
		return // a reference may be misspelt
	}
	used := map[string]bool{}
	mark := func(r refs) {
		for _, v := range r.vars {
			used["var."+v] = true
		}
		for _, x := range r.locals {
			used["local."+x] = true
		}
		for _, s := range r.secrets {
			used["secret."+s] = true
		}
	}
	for _, n := range l.p.Nodes {
		mark(n.refs)
	}
	for _, o := range l.p.Outputs {
		mark(o.refs)
	}
	if c := l.p.Concurrency; c != nil {
		mark(c.refs)
	}
	for _, t := range l.p.Triggers {
		used["secret."+t.Secret] = true
	}
	for _, x := range l.p.locals {
		mark(refs{vars: x.refs.vars, locals: x.refs.locals, secrets: x.refs.secrets})
	}
	for _, v := range l.p.Variables {
		if !used["var."+v.Name] {
			l.add(Warning, v.Range, "nothing refers to var."+v.Name+"; remove it or use it", "variable %q is not used", v.Name)
		}
	}
	for _, s := range l.p.Secrets {
		if !used["secret."+s.Name] {
			l.add(Warning, s.Range, "nothing refers to secret."+s.Name+"; remove it or use it", "secret %q is not used", s.Name)
		}
	}
}

// loadFile takes in one file() or templatefile() target and checks a template's names.
func (l *loader) loadFile(call *hclsyntax.FunctionCallExpr, arg string) {
	name, err := l.p.files.Load(l.fsys, path.Dir(l.file), arg)
	if err != nil {
		l.fail(call.Args[0].Range(), "", "%s", err)
		l.p.files.Fail(arg)
		return
	}
	if call.Name != "templatefile" {
		return
	}
	template, found := l.p.files.Template(name, path.Join(path.Dir(l.file), name))
	l.hcl(found)
	if found.HasErrors() {
		l.p.files.Fail(arg)
	}
	if found.HasErrors() || len(call.Args) < 2 {
		return
	}
	object, ok := call.Args[1].(*hclsyntax.ObjectConsExpr)
	if !ok {
		return
	}
	var given []string
	for _, item := range object.Items {
		key, ok := expr.KeyName(item.KeyExpr)
		if !ok {
			return
		}
		given = append(given, key)
	}
	for _, t := range template.Variables() {
		if root := t.RootName(); !slices.Contains(given, root) {
			l.fail(t.SourceRange(), fmt.Sprintf("%s:%d gives it %s%s", l.file, call.NameRange.Start.Line, strings.Join(given, ", "), expr.DidYouMean(root, given)), "the template has no %q", root)
			l.p.files.Fail(arg)
		}
	}
}
