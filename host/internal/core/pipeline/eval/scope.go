// Package eval evaluates the expressions of a pipeline during a run, or before one: what is given to it, to its nodes and to
// whoever is asked, and what it gives.
package eval

import (
	"fmt"

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

// Scope is what the expressions of one run can see. It grows as nodes end and is never rebuilt: an expression is
// given only what it refers to. It belongs to one goroutine.
type Scope struct {
	p         *pipeline.Pipeline
	vault     Vault
	inner     bool // of a module: what it gives stays within the run
	vars      map[string]cty.Value
	run       cty.Value
	locals    map[string]cty.Value
	nodes     map[string]cty.Value
	skipped   map[string]bool
	lost      map[string]error // why a variable or the outputs of a node cannot be opened: var.x, node.y
	expanded  map[string]*expanded
	artifacts datum.Artifacts
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
func NewScope(p *pipeline.Pipeline, vars sdk.Values) *Scope { return newScope(p, vars, nil, nil) }

// Open begins the scope of a run with its variables as Seal gave them. What cannot be opened is not known: whatever
// needs it fails, and says why.
func Open(p *pipeline.Pipeline, vars sdk.Values, v Vault) *Scope { return newScope(p, vars, nil, v) }

// newScope begins a scope; marks are those of the variables, by name.
func newScope(p *pipeline.Pipeline, vars sdk.Values, marks []datum.Mark, vault Vault) *Scope {
	s := &Scope{
		p: p, vault: vault, vars: map[string]cty.Value{}, locals: map[string]cty.Value{}, nodes: map[string]cty.Value{},
		skipped: map[string]bool{}, expanded: map[string]*expanded{}, lost: map[string]error{}, artifacts: datum.Artifacts{Sealer: vault},
	}
	for _, a := range p.Bundle().Assets { // they may come out of expressions as themselves
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
func below(marks []datum.Mark, name string) (of []datum.Mark) {
	for _, m := range marks {
		if len(m.Path) > 0 && m.Path[0] == name {
			of = append(of, datum.Mark{Path: m.Path[1:], Origin: m.Origin})
		}
	}
	return of
}

// Pipeline is what the scope belongs to.
func (s *Scope) Pipeline() *pipeline.Pipeline { return s.p }

// SetRun sets what run.id and run.user give.
func (s *Scope) SetRun(id, user string) {
	s.run = cty.ObjectVal(map[string]cty.Value{"id": cty.StringVal(id), "user": cty.StringVal(user)})
}

// variable takes a checked value in; one that cannot be taken is null, and Pipeline.Inputs has said why.
func (s *Scope) variable(v *pipeline.Variable, x any, marks []datum.Mark) cty.Value {
	value, err := s.artifacts.In(&v.Schema, x)
	switch {
	case err != nil && sdk.HasSealed(x):
		s.lost["var."+v.Name] = err
		return cty.DynamicVal
	case err != nil:
		return cty.NullVal(cty.DynamicPseudoType)
	}
	value = datum.MarkAt(value, marks)
	if v.Set && !value.IsNull() {
		if set, err := datum.ToSet(value); err == nil {
			value = set
		}
	}
	if v.Sensitive && !value.IsNull() {
		value = datum.Sensitive(value, datum.Declared)
	}
	return value
}

// Expand evaluates the when and for_each of a node, by its ID. All that the node needs must have been set.
func (s *Scope) Expand(node string) (Expansion, diagnostic.Diagnostics) {
	n, ds := s.node(node)
	if ds != nil {
		return Expansion{}, ds
	}
	if n.When {
		v, ds := s.eval(n.WhenExpr, s.names(n.Refs))
		if ds.HasErrors() {
			return Expansion{}, ds.In(n.Address())
		}
		if v, err := datum.ToBool(v); err != nil {
			return Expansion{}, diagnostic.One(diagnostic.RangeOf(n.WhenExpr.Range()), exposed(err), "%s: when %s", n.Address(), err)
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

func (s *Scope) node(name string) (*pipeline.Node, diagnostic.Diagnostics) {
	n, ok := s.p.NodeByID[name]
	if !ok {
		return nil, diagnostic.One(diagnostic.Range{File: s.p.Bundle().File}, "", "the pipeline has no node %q", name)
	}
	return n, nil
}

func (s *Scope) expand(n *pipeline.Node) (Expansion, diagnostic.Diagnostics) {
	x := &expanded{names: s.names(n.Refs), values: map[sdk.Key]cty.Value{}}
	v, ds := s.eval(n.ForEachExpr, x.names)
	if ds.HasErrors() {
		return Expansion{}, ds.In(n.Address())
	}
	keys, values, mapped, err := datum.Keys(v)
	if err == nil && len(keys) > MaxInstances {
		err = fmt.Errorf("for_each over %d elements; at most %d", len(keys), MaxInstances)
	}
	if err != nil {
		return Expansion{}, diagnostic.One(diagnostic.RangeOf(n.ForEachExpr.Range()), exposed(err), "%s: %s", n.Address(), err)
	}
	for i, k := range keys {
		x.values[k] = values[i]
	}
	s.expanded[n.ID] = x
	return Expansion{Each: true, Keys: keys, Map: mapped}, nil
}

// names gives an expression what it refers to and nothing else.
func (s *Scope) names(r pipeline.Refs) map[string]cty.Value {
	names := map[string]cty.Value{"run": s.run}
	if len(r.Vars) > 0 {
		names["var"] = pick(r.Vars, func(name string) cty.Value { return s.vars[name] })
	}
	if len(r.Locals) > 0 {
		names["local"] = pick(r.Locals, s.local)
	}
	if len(r.Secrets) > 0 {
		names["secret"] = pick(r.Secrets, s.secret)
	}
	for kind, of := range s.p.Grouped(r.Nodes) {
		names[string(kind)] = pick(of, func(name string) cty.Value { return s.nodes[pipeline.IDOf(kind, name)] })
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
	x := s.p.Locals[name]
	v, found := expr.Eval(x.Expr, &hcl.EvalContext{Variables: s.names(x.Refs), Functions: s.p.Functions})
	if found.HasErrors() || datum.Size(v, datum.MaxValue) >= datum.MaxValue {
		return cty.DynamicVal
	}
	if v.IsWhollyKnown() && len(x.Refs.Secrets) == 0 { // a secret may be renewed
		s.locals[name] = v
	}
	return v
}

func (s *Scope) eval(e hclsyntax.Expression, names map[string]cty.Value) (cty.Value, diagnostic.Diagnostics) {
	v, found := expr.Eval(e, &hcl.EvalContext{Variables: names, Functions: s.p.Functions})
	if found.HasErrors() {
		return cty.DynamicVal, s.discreet(diagnostic.FromHCL(found), e, names)
	}
	if datum.Size(v, datum.MaxValue) >= datum.MaxValue {
		return cty.DynamicVal, diagnostic.One(diagnostic.RangeOf(e.Range()), syntax.TooLarge, "the value is too large")
	}
	if !v.IsWhollyKnown() {
		return cty.DynamicVal, s.explain(e)
	}
	return v, nil
}

// explain finds out why a value is not known: a local behind it failed, or a node was asked for too early.
func (s *Scope) explain(e hclsyntax.Expression) diagnostic.Diagnostics {
	for _, t := range e.Variables() {
		name, _ := syntax.AttributeName(t, 1)
		if x := s.p.Locals[name]; t.RootName() == "local" && x != nil {
			if _, ds := s.eval(x.Expr, s.names(x.Refs)); ds.HasErrors() {
				return ds
			}
		}
		if err := s.lost[t.RootName()+"."+name]; err != nil {
			return diagnostic.One(diagnostic.RangeOf(t.SourceRange()), "", "%s.%s %s", t.RootName(), name, err)
		}
		if t.RootName() == "secret" {
			if ds := s.noSecret(name, diagnostic.RangeOf(t.SourceRange())); ds != nil {
				return ds
			}
		}
		if root := t.RootName(); pipeline.IsKind(root) && s.nodes[pipeline.IDOf(pipeline.Kind(root), name)] == cty.NilVal {
			return diagnostic.One(diagnostic.RangeOf(t.SourceRange()), "", "%s.%s has not ended yet", root, name)
		}
	}
	return diagnostic.One(diagnostic.RangeOf(e.Range()), "", "the value is not known yet")
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
func (s *Scope) instance(n *pipeline.Node, key sdk.Key) (map[string]cty.Value, diagnostic.Diagnostics) {
	if !n.ForEach {
		return s.names(n.Refs), nil
	}
	if s.expanded[n.ID] == nil {
		if _, ds := s.expand(n); ds.HasErrors() {
			return nil, ds
		}
	}
	x := s.expanded[n.ID]
	value, ok := x.values[key]
	if !ok {
		return nil, diagnostic.One(n.Range, "", "for_each has no such element")
	}
	if len(n.Refs.Secrets) > 0 { // they may have been renewed
		x.names = s.names(n.Refs)
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
