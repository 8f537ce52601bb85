package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/graph"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// resolve finds what every expression refers to, reports what is not there, and orders nodes and locals.
func (l *checker) resolve() {
	for _, v := range l.Pipeline.Variables {
		for _, check := range v.Validations {
			l.refs(check.Condition, place{what: "a validation"})
			l.refs(check.Message, place{what: "a validation"})
		}
	}
	locals := slices.SortedFunc(maps.Values(l.Pipeline.Locals), func(a, b *pipeline.Local) int { return a.Range.Start.Byte - b.Range.Start.Byte })
	for _, x := range locals {
		x.Refs = l.refs(x.Expr, place{what: "locals", nodes: true})
	}
	for _, n := range l.Pipeline.Nodes {
		l.resolveNode(n)
	}
	for _, o := range l.Pipeline.Outputs {
		o.Refs = l.refs(o.Value, place{what: "an output", nodes: true})
	}
	if c := l.Pipeline.Concurrency; c != nil {
		c.Refs = l.refs(c.Key, place{what: "a concurrency key", run: true})
	}
	for _, t := range l.Pipeline.Triggers {
		l.resolveTrigger(t)
	}
	l.order(locals)
}

func (l *checker) resolveNode(n *pipeline.Node) {
	add := func(r pipeline.Refs) {
		n.Refs.Vars = pipeline.Union(n.Refs.Vars, r.Vars)
		n.Refs.Locals = pipeline.Union(n.Refs.Locals, r.Locals)
		n.Refs.Direct = pipeline.Union(n.Refs.Direct, r.Direct)
		n.Refs.Secrets = pipeline.Union(n.Refs.Secrets, r.Secrets)
	}
	if n.ForEachExpr != nil {
		add(l.refs(n.ForEachExpr, place{what: "for_each", nodes: true}))
	}
	if n.WhenExpr != nil {
		add(l.refs(n.WhenExpr, place{what: "when", nodes: true}))
	}
	inner := place{what: fmt.Sprintf("a %s without for_each", n.Kind), nodes: true, each: n.ForEach}
	for _, in := range n.Inputs {
		if in.Fixed == nil {
			add(l.refs(in.Expr, inner))
		}
	}
	for _, rung := range n.Degrade {
		add(l.refs(rung.Set, inner))
	}
	round := inner
	round.self = true
	if n.Repeat != nil {
		add(l.refs(n.Repeat.Until, round))
		add(l.refs(n.Repeat.Next, round))
	}
	if n.Gate != nil {
		for _, f := range n.Gate.Fields {
			add(l.refs(f.Fallback, inner))
			for _, check := range f.Validations {
				add(l.refs(check.Condition, round))
				add(l.refs(check.Message, round))
			}
		}
	}
	if n.DependsOn != nil {
		n.Needs = l.needs(n.DependsOn)
	}
}

func (l *checker) needs(e hclsyntax.Expression) (names []string) {
	list, ok := e.(*hclsyntax.TupleConsExpr)
	if !ok {
		l.Fail(e.Range(), "write it depends_on = [node.a, gate.b]", "depends_on wants a list of nodes")
		return nil
	}
	for _, item := range list.Exprs {
		t, found := hcl.AbsTraversalForExpr(item)
		if found.HasErrors() || len(t) != 2 || !pipeline.IsKind(t.RootName()) {
			l.Fail(item.Range(), "write it node.<name>, gate.<name> or module.<name>, without quotes and without an output", "depends_on wants nodes")
			continue
		}
		if r := l.refs(item, place{nodes: true}); len(r.Direct) == 1 {
			names = append(names, r.Direct[0])
		}
	}
	return names
}

// order follows locals to the nodes behind them, fills Needs, and reports cycles.
func (l *checker) order(locals []*pipeline.Local) {
	g := graph.New("")
	for _, n := range l.Pipeline.Nodes {
		g.Add(n.Address(), "", "")
		for _, x := range n.Refs.Locals {
			g.Need(n.Address(), "local."+x)
		}
		for _, need := range pipeline.Union(slices.Clone(n.Refs.Direct), n.Needs) {
			g.Need(n.Address(), l.Pipeline.NodeByID[need].Address())
		}
	}
	for _, x := range locals {
		g.Add("local."+x.Name, "", "")
		for _, y := range x.Refs.Locals {
			g.Need("local."+x.Name, "local."+y)
		}
		for _, need := range x.Refs.Direct {
			g.Need("local."+x.Name, l.Pipeline.NodeByID[need].Address())
		}
	}
	for _, cycle := range g.Cycles() {
		l.cycle(cycle)
	}
	l.close(g)
}

func (l *checker) cycle(path []string) {
	kind, name, _ := strings.Cut(path[0], ".")
	var rng diagnostic.Range
	if pipeline.IsKind(kind) {
		rng = l.Pipeline.NodeByID[pipeline.IDOf(pipeline.Kind(kind), name)].Range
	} else {
		rng = l.Pipeline.Locals[name].Range
	}
	detail := "each needs the next; take one of the references out"
	if len(path) == 2 {
		detail = "it refers to itself"
	}
	l.Add(diagnostic.Error, rng, detail, "cycle: %s", strings.Join(path, " -> "))
}

// close carries references through locals, in an order in which each local comes after those it uses.
func (l *checker) close(g *graph.Graph) {
	order, _ := g.Order()
	for _, item := range order {
		if name, ok := strings.CutPrefix(item, "local."); ok {
			x := l.Pipeline.Locals[name]
			l.follow(&x.Refs)
		}
	}
	for _, n := range l.Pipeline.Nodes {
		l.follow(&n.Refs)
		n.Needs = l.inFileOrder(pipeline.Union(n.Needs, n.Refs.Nodes))
	}
	for _, o := range l.Pipeline.Outputs {
		l.follow(&o.Refs)
		o.Needs = l.inFileOrder(slices.Clone(o.Refs.Nodes))
	}
}

func (l *checker) follow(r *pipeline.Refs) {
	r.Nodes = slices.Clone(r.Direct)
	for _, name := range slices.Clone(r.Locals) {
		x := l.Pipeline.Locals[name]
		r.Vars, r.Locals, r.Nodes = pipeline.Union(r.Vars, x.Refs.Vars), pipeline.Union(r.Locals, x.Refs.Locals), pipeline.Union(r.Nodes, x.Refs.Nodes)
		r.Secrets = pipeline.Union(r.Secrets, x.Refs.Secrets)
	}
}

func (l *checker) inFileOrder(names []string) []string {
	slices.SortFunc(names, func(a, b string) int {
		return l.Pipeline.NodeByID[a].Range.Start.Byte - l.Pipeline.NodeByID[b].Range.Start.Byte
	})
	return names
}
