package eval

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// MaxExpression is how long an expression given to Evaluate may be, in bytes.
const MaxExpression = 64 << 10

// ExpressionFile is the file's name in diagnostics of Evaluate: the text that it was given.
const ExpressionFile = "expression"

// Result is what an expression came to.
type Result struct {
	// Text is the value as it would stand in a pipeline, over several lines when it is long.
	Text string
	// Type is the value's type as type expressions are written: number, list(string), artifact.
	Type string
	// Known says whether all of the value is known. Value is it then, as a run holds values.
	Known bool
	Value any
	// Sensitive says that the value or a part of it is: Text covers that, and there is no Value.
	Sensitive bool
	// Missing are the variables and nodes that the expression refers to and that have no value yet: var.topic, node.x.
	Missing []string
	// Lost says of which values that the expression refers to there is one that cannot be had here, and why: a sealed one
	// that cannot be opened, a secret that is not there.
	Lost []string
}

// Evaluate reads and evaluates one expression as it might stand among the pipeline's locals: it may refer to variables,
// locals, nodes, gates, modules and run, to all of a kind at once (node), and to nothing else. It changes nothing, reads
// no file that the pipeline has not read, and is bounded as all evaluation is. What is not known yet is no error. What is
// sensitive stays so: nonsensitive is the word of a pipeline's author, and not of whoever looks at a run.
func (s *Scope) Evaluate(text string) (Result, diagnostic.Diagnostics) {
	at := diagnostic.Range{File: ExpressionFile, Start: diagnostic.Pos{Line: 1, Column: 1}, End: diagnostic.Pos{Line: 1, Column: 1}}
	if len(text) > MaxExpression {
		return Result{}, diagnostic.One(at, fmt.Sprintf("at most %d KiB", MaxExpression>>10), "the expression is too long")
	}
	e, found := expr.ParseExpression([]byte(text), ExpressionFile, hcl.InitialPos)
	if !found.HasErrors() {
		found = expr.CheckNumbers(e)
	}
	if found.HasErrors() {
		return Result{}, diagnostic.FromHCL(found[:1]) // what follows from a syntax error is not another one
	}
	r, ds := load.References(s.p, e, ExpressionFile)
	if ds.HasErrors() {
		return Result{}, ds
	}
	names := s.names(r)
	for _, kind := range []pipeline.Kind{pipeline.KindNode, pipeline.KindGate, pipeline.KindModule} {
		if _, any := names[string(kind)]; !any {
			names[string(kind)] = cty.EmptyObjectVal
		}
	}
	v, found := expr.Eval(e, &hcl.EvalContext{Variables: names, Functions: library.Covered(s.p.Functions)})
	switch {
	case found.HasErrors():
		return Result{}, s.discreet(diagnostic.FromHCL(found), e, names)
	case datum.Size(v, datum.MaxValue) >= datum.MaxValue:
		return Result{}, diagnostic.One(diagnostic.RangeOf(e.Range()), syntax.TooLarge, "the value is too large")
	}
	out := Result{Text: datum.Show(v), Type: datum.ShowType(v), Known: v.IsWhollyKnown(), Sensitive: datum.IsSensitive(v)}
	if out.Known && out.Sensitive {
		return out, nil
	}
	if out.Known {
		x, err := s.artifacts.Out(v)
		if err != nil {
			return Result{}, diagnostic.One(diagnostic.RangeOf(e.Range()), "", "the value %s", err)
		}
		out.Value = x
		return out, nil
	}
	out.Missing, out.Lost = s.missing(r), s.unopened(r)
	return out, s.failing(r)
}

// missing lists what has no value yet.
func (s *Scope) missing(r pipeline.Refs) (out []string) {
	for _, name := range r.Vars {
		if s.vars[name] == cty.NilVal {
			out = append(out, "var."+name)
		}
	}
	for _, node := range r.Nodes {
		if s.nodes[node] == cty.NilVal {
			out = append(out, s.p.NodeByID[node].Address())
		}
	}
	return out
}

// unopened says why values that there are cannot be had.
func (s *Scope) unopened(r pipeline.Refs) (out []string) {
	add := func(at string) {
		if err := s.lost[at]; err != nil {
			out = append(out, at+" "+err.Error())
		}
	}
	for _, name := range r.Vars {
		add("var." + name)
	}
	for _, node := range r.Nodes {
		add(s.p.NodeByID[node].Address())
	}
	for _, name := range r.Secrets {
		for _, d := range s.noSecret(name, diagnostic.Range{}) {
			out = append(out, d.Summary)
		}
	}
	return out
}

// failing says which locals behind a value that is not known cannot be evaluated at all.
func (s *Scope) failing(r pipeline.Refs) (ds diagnostic.Diagnostics) {
	for _, name := range r.Locals {
		x := s.p.Locals[name]
		names := s.names(x.Refs)
		_, found := expr.Eval(x.Expr, &hcl.EvalContext{Variables: names, Functions: s.p.Functions})
		if found.HasErrors() {
			ds = append(ds, s.discreet(diagnostic.FromHCL(found), x.Expr, names).In("local."+name)...)
		}
	}
	return ds.Sorted()
}

// Names lists what Evaluate may refer to, in the order of the file: var.x, local.y, node.z, gate.a, module.b, run.id.
func (s *Scope) Names() []string {
	var out []string
	for _, v := range s.p.Variables {
		out = append(out, "var."+v.Name)
	}
	for _, x := range slices.SortedFunc(maps.Values(s.p.Locals), func(a, b *pipeline.Local) int { return a.Range.Start.Byte - b.Range.Start.Byte }) {
		out = append(out, "local."+x.Name)
	}
	for _, n := range s.p.Nodes {
		out = append(out, n.Address())
	}
	return append(out, "run.id", "run.user")
}

// Draft begins a scope of the pipeline with the variables that are given, or have a default. The others are not known.
// What is wrong with those that are given is reported, and they are not known either.
func Draft(p *pipeline.Pipeline, given sdk.Values) (*Scope, diagnostic.Diagnostics) {
	ds := unknownInputs(p, given)
	values := sdk.Values{}
	var open []string
	for _, v := range p.Variables {
		if given[v.Name] == nil && !v.HasDefault {
			open = append(open, v.Name)
			continue
		}
		x, found := v.Take(given, false)
		if ds = append(ds, found...); found.HasErrors() {
			open = append(open, v.Name)
			continue
		}
		values[v.Name] = x
	}
	s := NewScope(p, values)
	for _, name := range open {
		delete(s.vars, name)
	}
	for _, v := range p.Variables {
		for _, check := range v.Validations {
			if !slices.Contains(open, v.Name) && !slices.ContainsFunc(namesOf(check.Condition), func(n string) bool { return slices.Contains(open, n) }) {
				ds = append(ds, s.validate(v, check)...)
			}
		}
	}
	return s, ds
}
