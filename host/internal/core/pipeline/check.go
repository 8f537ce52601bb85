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
		o.Schema = expr.SchemaOf(l.infer(o.value, o.refs, nil).Type())
		o.Schema.Description = o.Description
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
	names := map[string]cty.Value{"run": runType}
	if len(r.vars) > 0 {
		names["var"] = l.object(r.vars, l.variableValue)
	}
	if len(r.locals) > 0 {
		names["local"] = l.object(r.locals, l.localType)
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
	v, found := expr.Infer(e, &hcl.EvalContext{Variables: names, Functions: l.p.functions})
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

var runType = cty.UnknownVal(cty.Object(map[string]cty.Type{"id": cty.String, "user": cty.String}))

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
		v = cty.UnknownVal(l.resultType(n))
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
}

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
	round := map[string]cty.Value{"self": cty.UnknownVal(expr.Type(&n.outputs))}
	maps.Copy(round, more)
	l.fit(r.until, &sdk.Schema{Type: "boolean"}, l.infer(r.until, n.refs, round), "until")
	if r.next != nil {
		l.fit(r.next, &changes, l.infer(r.next, n.refs, round), "next")
	}
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
		value := map[string]cty.Value{"self": cty.UnknownVal(expr.Type(&f.Schema))}
		maps.Copy(value, more)
		for _, check := range f.validations {
			l.fit(check.condition, &sdk.Schema{Type: "boolean"}, l.infer(check.condition, n.refs, value), "condition")
			l.fit(check.message, &sdk.Schema{Type: "string"}, l.infer(check.message, n.refs, value), "message")
		}
	}
}

// checkForEach gives the types of each.key and each.value.
func (l *loader) checkForEach(n *Node) map[string]cty.Value {
	v := l.forEachValue(n)
	key, value := cty.DynamicVal, cty.DynamicVal
	switch t := v.Type(); {
	case v.IsWhollyKnown():
		if _, _, _, err := expr.Keys(v); err != nil {
			l.fail(n.forEach.Range(), "", "%s", err)
		}
		key, value = elementTypes(t)
	case t == cty.DynamicPseudoType:
	case t.IsListType(), t.IsTupleType(), t.IsMapType(), t.IsSetType(), t.IsObjectType():
		key, value = elementTypes(t)
	default:
		_, _, _, err := expr.Keys(v)
		l.fail(n.forEach.Range(), "", "%s", err)
	}
	return map[string]cty.Value{"key": key, "value": value}
}

func elementTypes(t cty.Type) (key, value cty.Value) {
	key = cty.UnknownVal(cty.String)
	var elems []cty.Type
	switch {
	case t.IsListType(), t.IsTupleType():
		key = cty.UnknownVal(cty.Number)
	}
	switch {
	case t.IsCollectionType():
		return key, cty.UnknownVal(t.ElementType())
	case t.IsTupleType():
		elems = t.TupleElementTypes()
	case t.IsObjectType():
		for _, e := range t.AttributeTypes() {
			elems = append(elems, e)
		}
	}
	for _, e := range elems {
		if !e.Equals(elems[0]) {
			return key, cty.DynamicVal
		}
	}
	if len(elems) == 0 {
		return key, cty.DynamicVal
	}
	return key, cty.UnknownVal(elems[0])
}

// fit reports where a value cannot fit its schema, at the part of the expression that is wrong.
func (l *loader) fit(e hclsyntax.Expression, s *sdk.Schema, v cty.Value, what string) {
	if s == nil {
		return
	}
	for _, f := range expr.Fit(s, v) {
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
		l.fit(check.message, &sdk.Schema{Type: "string"}, l.infer(check.message, r, nil), "message")
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
		if v, found := n.when.Value(&hcl.EvalContext{Functions: l.p.functions}); !found.HasErrors() && v.RawEquals(cty.False) {
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

// unused warns of variables and locals that nothing refers to.
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
	for _, x := range l.p.locals {
		mark(refs{vars: x.refs.vars, locals: x.refs.locals})
	}
	for _, v := range l.p.Variables {
		if !used["var."+v.Name] {
			l.add(Warning, v.Range, "nothing refers to var."+v.Name+"; remove it or use it", "variable %q is not used", v.Name)
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
