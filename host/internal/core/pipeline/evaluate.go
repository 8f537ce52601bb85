package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
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
	// Missing are the variables and nodes that the expression refers to and that have no value yet: var.topic, node.x.
	Missing []string
}

// Evaluate reads and evaluates one expression as it might stand among the pipeline's locals: it may refer to variables,
// locals, nodes, gates, modules and run, to all of a kind at once (node), and to nothing else. It changes nothing, reads
// no file that the pipeline has not read, and is bounded as all evaluation is. What is not known yet is no error.
func (s *Scope) Evaluate(text string) (Result, Diagnostics) {
	at := Range{File: ExpressionFile, Start: Pos{Line: 1, Column: 1}, End: Pos{Line: 1, Column: 1}}
	if len(text) > MaxExpression {
		return Result{}, one(at, fmt.Sprintf("at most %d KiB", MaxExpression>>10), "the expression is too long")
	}
	e, found := hclsyntax.ParseExpression([]byte(text), ExpressionFile, hcl.InitialPos)
	if !found.HasErrors() {
		found = expr.CheckNumbers(e)
	}
	if found.HasErrors() {
		return Result{}, fromHCL(found[:1]) // what follows from a syntax error is not another one
	}
	r, ds := s.references(e)
	if ds.HasErrors() {
		return Result{}, ds
	}
	names := s.names(r)
	for _, kind := range []Kind{KindNode, KindGate, KindModule} {
		if _, any := names[string(kind)]; !any {
			names[string(kind)] = cty.EmptyObjectVal
		}
	}
	v, found := expr.Eval(e, &hcl.EvalContext{Variables: names, Functions: s.p.functions})
	switch {
	case found.HasErrors():
		return Result{}, fromHCL(found)
	case expr.Size(v, expr.MaxValue) >= expr.MaxValue:
		return Result{}, one(rangeOf(e.Range()), tooLarge, "the value is too large")
	}
	out := Result{Text: expr.Show(v), Type: expr.ShowType(v), Known: v.IsWhollyKnown()}
	if expr.IsSensitive(v) {
		return out, nil // its text shows nothing of it, and neither does a Value
	}
	if out.Known {
		x, err := s.artifacts.Out(v)
		if err != nil {
			return Result{}, one(rangeOf(e.Range()), "", "the value %s", err)
		}
		out.Value = x
		return out, nil
	}
	out.Missing = s.missing(r)
	return out, s.failing(r)
}

// references finds what an expression refers to, all of a kind where only the kind is named.
func (s *Scope) references(e hclsyntax.Expression) (r refs, ds Diagnostics) {
	l := &loader{p: s.p, file: ExpressionFile}
	at := place{what: "an expression", nodes: true}
	for _, t := range e.Variables() {
		if len(t) > 1 {
			l.reference(t, at, &r)
			continue
		}
		switch root := t.RootName(); {
		case root == "var":
			r.vars = union(r.vars, l.variableNames())
		case root == "local":
			r.locals = union(r.locals, slices.Sorted(maps.Keys(s.p.locals)))
		case isKind(root):
			for _, name := range l.namesOf(Kind(root))() {
				r.direct = union(r.direct, []string{id(Kind(root), name)})
			}
		case root != "run":
			l.reference(t, at, &r)
		}
	}
	l.follow(&r)
	return r, l.diags
}

// missing lists what has no value yet.
func (s *Scope) missing(r refs) (out []string) {
	for _, name := range r.vars {
		if s.vars[name] == cty.NilVal {
			out = append(out, "var."+name)
		}
	}
	for _, node := range r.nodes {
		if s.nodes[node] == cty.NilVal {
			out = append(out, s.p.nodes[node].address())
		}
	}
	return out
}

// failing says which locals behind a value that is not known cannot be evaluated at all.
func (s *Scope) failing(r refs) (ds Diagnostics) {
	for _, name := range r.locals {
		x := s.p.locals[name]
		_, found := expr.Eval(x.expr, &hcl.EvalContext{Variables: s.names(x.refs), Functions: s.p.functions})
		if found.HasErrors() {
			ds = append(ds, fromHCL(found).in("local."+name)...)
		}
	}
	return ds.sorted()
}

// Names lists what Evaluate may refer to, in the order of the file: var.x, local.y, node.z, gate.a, module.b, run.id.
func (s *Scope) Names() []string {
	var out []string
	for _, v := range s.p.Variables {
		out = append(out, "var."+v.Name)
	}
	for _, x := range slices.SortedFunc(maps.Values(s.p.locals), func(a, b *local) int { return a.rng.Start.Byte - b.rng.Start.Byte }) {
		out = append(out, "local."+x.name)
	}
	for _, n := range s.p.Nodes {
		out = append(out, n.address())
	}
	return append(out, "run.id", "run.user")
}

// Draft begins a scope of the pipeline with the variables that are given, or have a default. The others are not known.
// What is wrong with those that are given is reported, and they are not known either.
func (p *Pipeline) Draft(given sdk.Values) (*Scope, Diagnostics) {
	ds := p.unknownInputs(given)
	values := sdk.Values{}
	var open []string
	for _, v := range p.Variables {
		if given[v.Name] == nil && !v.HasDefault {
			open = append(open, v.Name)
			continue
		}
		x, found := v.take(given, false)
		if ds = append(ds, found...); found.HasErrors() {
			open = append(open, v.Name)
			continue
		}
		values[v.Name] = x
	}
	s := p.NewScope(values)
	for _, name := range open {
		delete(s.vars, name)
	}
	for _, v := range p.Variables {
		for _, check := range v.validations {
			if !slices.Contains(open, v.Name) && !slices.ContainsFunc(namesOf(check.condition), func(n string) bool { return slices.Contains(open, n) }) {
				ds = append(ds, s.validate(v, check)...)
			}
		}
	}
	return s, ds
}

// Function documents one function of the language.
type Function struct {
	Name    string `json:"name"`
	Doc     string `json:"doc"`
	Example string `json:"example,omitempty"` // gives Result, both as written in a pipeline
	Result  string `json:"result,omitempty"`
}

// Functions documents every function that a pipeline may call, by name.
func Functions() []Function {
	out := []Function{
		{Name: "file", Doc: "a text file of the pipeline's folder, read when the pipeline is checked"},
		{Name: "templatefile", Doc: "a text file of the pipeline's folder as a template, filled in with an object's values"},
	}
	for _, f := range expr.Functions() {
		out = append(out, Function{f.Name, f.Doc, f.Example, f.Result})
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}
