package pipeline

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Scope is what the expressions of one run can see. It grows as nodes end and is never rebuilt: an expression is
// given only what it refers to. It belongs to one goroutine.
type Scope struct {
	p         *Pipeline
	vault     Vault
	inner     bool // of a module: what it gives stays within the run
	vars      map[string]cty.Value
	run       cty.Value
	locals    map[string]cty.Value
	nodes     map[string]cty.Value
	skipped   map[string]bool
	lost      map[string]error // why a variable or the outputs of a node cannot be opened: var.x, node.y
	expanded  map[string]*expanded
	artifacts expr.Artifacts
}

// Expansion says which instances of a node there are.
type Expansion struct {
	// Skip is true when the node's when is false: there are no instances and every dependent is skipped.
	Skip bool `json:"skip,omitempty"`
	// Each is true for a node with for_each; Keys are then its instances, none for an empty list. Without for_each
	// there is one instance, and Keys holds its zero key.
	Each bool      `json:"each,omitempty"`
	Keys []sdk.Key `json:"keys,omitempty"`
	// Map is true when for_each runs over a map or a set.
	Map bool `json:"map,omitempty"`
}

// expanded is a for_each's evaluated elements, and the names that a node's inputs see.
type expanded struct {
	names  map[string]cty.Value
	values map[sdk.Key]cty.Value
}

// MaxInstances is how many instances one for_each may have.
const MaxInstances = 10_000

// NewScope begins the scope of a run that has no secrets, with its variables as Pipeline.Inputs gave them.
func (p *Pipeline) NewScope(vars sdk.Values) *Scope { return p.newScope(vars, nil, nil) }

// Open begins the scope of a run with its variables as Seal gave them. What cannot be opened is not known: whatever
// needs it fails, and says why.
func (p *Pipeline) Open(vars sdk.Values, v Vault) *Scope { return p.newScope(vars, nil, v) }

// newScope begins a scope; marks are those of the variables, by name.
func (p *Pipeline) newScope(vars sdk.Values, marks []expr.Mark, vault Vault) *Scope {
	s := &Scope{
		p: p, vault: vault, vars: map[string]cty.Value{}, locals: map[string]cty.Value{}, nodes: map[string]cty.Value{},
		skipped: map[string]bool{}, expanded: map[string]*expanded{}, lost: map[string]error{}, artifacts: expr.Artifacts{Sealer: vault},
	}
	for _, a := range p.bundle.Assets { // they may come out of expressions as themselves
		for _, v := range a.Versions {
			_, _ = s.artifacts.In(nil, v.Artifact)
		}
	}
	s.SetRun("", "")
	for _, v := range p.Variables {
		s.vars[v.Name] = s.variable(v, vars[v.Name], below(marks, v.Name))
	}
	return s
}

// below gives the marks of one member of an object.
func below(marks []expr.Mark, name string) (of []expr.Mark) {
	for _, m := range marks {
		if len(m.Path) > 0 && m.Path[0] == name {
			of = append(of, expr.Mark{Path: m.Path[1:], Origin: m.Origin})
		}
	}
	return of
}

// Pipeline is what the scope belongs to.
func (s *Scope) Pipeline() *Pipeline { return s.p }

// SetRun sets what run.id and run.user give.
func (s *Scope) SetRun(id, user string) {
	s.run = cty.ObjectVal(map[string]cty.Value{"id": cty.StringVal(id), "user": cty.StringVal(user)})
}

// variable takes a checked value in; one that cannot be taken is null, and Pipeline.Inputs has said why.
func (s *Scope) variable(v *Variable, x any, marks []expr.Mark) cty.Value {
	value, err := s.artifacts.In(&v.Schema, x)
	switch {
	case err != nil && sdk.HasSealed(x):
		s.lost["var."+v.Name] = err
		return cty.DynamicVal
	case err != nil:
		return cty.NullVal(cty.DynamicPseudoType)
	}
	value = expr.MarkAt(value, marks)
	if v.set && !value.IsNull() {
		if set, err := expr.ToSet(value); err == nil {
			value = set
		}
	}
	if v.Sensitive && !value.IsNull() {
		value = expr.Sensitive(value, expr.Declared)
	}
	return value
}

// Expand evaluates the when and for_each of a node, by its ID. All that the node needs must have been set.
func (s *Scope) Expand(node string) (Expansion, Diagnostics) {
	n, ds := s.node(node)
	if ds != nil {
		return Expansion{}, ds
	}
	if n.When {
		v, ds := s.eval(n.when, s.names(n.refs))
		if ds.HasErrors() {
			return Expansion{}, ds.in(n.address())
		}
		if v, err := expr.ToBool(v); err != nil {
			return Expansion{}, one(rangeOf(n.when.Range()), exposed(err), "%s: when %s", n.address(), err)
		} else if !v {
			return Expansion{Skip: true, Each: n.ForEach}, nil
		}
	}
	if !n.ForEach {
		return Expansion{Keys: []sdk.Key{{}}}, nil
	}
	return s.expand(n)
}

// Empty says whether it is known that a node's for_each is over nothing, so that it does nothing whatever its when says; if so it
// gives that expansion.
func (s *Scope) Empty(node string) (Expansion, bool) {
	n, ds := s.node(node)
	if ds != nil || !n.ForEach {
		return Expansion{}, false
	}
	x, ds := s.expand(n)
	return x, !ds.HasErrors() && len(x.Keys) == 0
}

func (s *Scope) node(name string) (*Node, Diagnostics) {
	n, ok := s.p.nodes[name]
	if !ok {
		return nil, one(Range{File: s.p.bundle.File}, "", "the pipeline has no node %q", name)
	}
	return n, nil
}

func (s *Scope) expand(n *Node) (Expansion, Diagnostics) {
	x := &expanded{names: s.names(n.refs), values: map[sdk.Key]cty.Value{}}
	v, ds := s.eval(n.forEach, x.names)
	if ds.HasErrors() {
		return Expansion{}, ds.in(n.address())
	}
	keys, values, mapped, err := expr.Keys(v)
	if err == nil && len(keys) > MaxInstances {
		err = fmt.Errorf("for_each over %d elements; at most %d", len(keys), MaxInstances)
	}
	if err != nil {
		return Expansion{}, one(rangeOf(n.forEach.Range()), exposed(err), "%s: %s", n.address(), err)
	}
	for i, k := range keys {
		x.values[k] = values[i]
	}
	s.expanded[n.ID] = x
	return Expansion{Each: true, Keys: keys, Map: mapped}, nil
}

// names gives an expression what it refers to and nothing else.
func (s *Scope) names(r refs) map[string]cty.Value {
	names := map[string]cty.Value{"run": s.run}
	if len(r.vars) > 0 {
		names["var"] = pick(r.vars, func(name string) cty.Value { return s.vars[name] })
	}
	if len(r.locals) > 0 {
		names["local"] = pick(r.locals, s.local)
	}
	if len(r.secrets) > 0 {
		names["secret"] = pick(r.secrets, s.secret)
	}
	for kind, of := range s.p.grouped(r.nodes) {
		names[string(kind)] = pick(of, func(name string) cty.Value { return s.nodes[id(kind, name)] })
	}
	return names
}

func pick(from []string, of func(name string) cty.Value) cty.Value {
	out := make(map[string]cty.Value, len(from))
	for _, name := range from {
		if out[name] = of(name); out[name] == cty.NilVal {
			out[name] = cty.DynamicVal
		}
	}
	return cty.ObjectVal(out)
}

// local evaluates a local once everything it refers to is there. One that fails is unknown; whoever uses it fails
// with the reason.
func (s *Scope) local(name string) cty.Value {
	if v, ok := s.locals[name]; ok {
		return v
	}
	x := s.p.locals[name]
	v, found := expr.Eval(x.expr, &hcl.EvalContext{Variables: s.names(x.refs), Functions: s.p.functions})
	if found.HasErrors() || expr.Size(v, expr.MaxValue) >= expr.MaxValue {
		return cty.DynamicVal
	}
	if v.IsWhollyKnown() && len(x.refs.secrets) == 0 { // a secret may be renewed
		s.locals[name] = v
	}
	return v
}

func (s *Scope) eval(e hclsyntax.Expression, names map[string]cty.Value) (cty.Value, Diagnostics) {
	v, found := expr.Eval(e, &hcl.EvalContext{Variables: names, Functions: s.p.functions})
	if found.HasErrors() {
		return cty.DynamicVal, s.discreet(fromHCL(found), e, names)
	}
	if expr.Size(v, expr.MaxValue) >= expr.MaxValue {
		return cty.DynamicVal, one(rangeOf(e.Range()), tooLarge, "the value is too large")
	}
	if !v.IsWhollyKnown() {
		return cty.DynamicVal, s.explain(e)
	}
	return v, nil
}

// explain finds out why a value is not known: a local behind it failed, or a node was asked for too early.
func (s *Scope) explain(e hclsyntax.Expression) Diagnostics {
	for _, t := range e.Variables() {
		name, _ := attributeName(t, 1)
		if x := s.p.locals[name]; t.RootName() == "local" && x != nil {
			if _, ds := s.eval(x.expr, s.names(x.refs)); ds.HasErrors() {
				return ds
			}
		}
		if err := s.lost[t.RootName()+"."+name]; err != nil {
			return one(rangeOf(t.SourceRange()), "", "%s.%s %s", t.RootName(), name, err)
		}
		if t.RootName() == "secret" {
			if ds := s.noSecret(name, rangeOf(t.SourceRange())); ds != nil {
				return ds
			}
		}
		if root := t.RootName(); isKind(root) && s.nodes[id(Kind(root), name)] == cty.NilVal {
			return one(rangeOf(t.SourceRange()), "", "%s.%s has not ended yet", root, name)
		}
	}
	return one(rangeOf(e.Range()), "", "the value is not known yet")
}

var tooLarge = fmt.Sprintf("at most %d MiB; pass large data between nodes as artifacts", expr.MaxValue>>20)

func one(rng Range, detail, format string, args ...any) Diagnostics {
	return Diagnostics{{Severity: Error, Summary: fmt.Sprintf(format, args...), Detail: detail, Range: rng}}
}

// in puts an instance's address before every summary.
func (ds Diagnostics) in(address string) Diagnostics {
	for i := range ds {
		ds[i].Summary = address + ": " + ds[i].Summary
	}
	return ds
}

// Turn says which attempt of an instance inputs are wanted for.
type Turn struct {
	// Self is what the round before gave; nil in the first, and without repeat.
	Self sdk.Values
	// Rung is how far down the ladder of degrade the attempt stands; 0: not on it.
	Rung int
	// Edits are inputs that a person has set for this instance.
	Edits sdk.Values
}

// instance gives the names that one instance's inputs see.
func (s *Scope) instance(n *Node, key sdk.Key) (map[string]cty.Value, Diagnostics) {
	if !n.ForEach {
		return s.names(n.refs), nil
	}
	if s.expanded[n.ID] == nil {
		if _, ds := s.expand(n); ds.HasErrors() {
			return nil, ds
		}
	}
	x := s.expanded[n.ID]
	value, ok := x.values[key]
	if !ok {
		return nil, one(n.Range, "", "for_each has no such element")
	}
	if len(n.refs.secrets) > 0 { // they may have been renewed
		x.names = s.names(n.refs)
	}
	names := make(map[string]cty.Value, len(x.names)+1)
	for k, v := range x.names {
		names[k] = v
	}
	k := cty.StringVal(key.Text())
	if i, isNumber := key.Number(); isNumber {
		k = cty.NumberIntVal(int64(i))
	}
	names["each"] = cty.ObjectVal(map[string]cty.Value{"key": k, "value": value})
	return names, nil
}
