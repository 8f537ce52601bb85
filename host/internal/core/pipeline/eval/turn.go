package eval

import (
	"maps"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// turn changes inputs to those of a later round, of a lower rung, and to what a person has set.
func (s *Scope) turn(n *pipeline.Node, t Turn, names map[string]cty.Value, g *given) (ds diagnostic.Diagnostics) {
	if t.Self != nil && n.Repeat != nil && n.Repeat.Next != nil {
		round, found := s.round(n, names, t.Self)
		if found.HasErrors() {
			return found
		}
		next, marks, found := s.object(n.Repeat.Next, round, "next")
		ds = append(ds, found...)
		for name, x := range next {
			g.set(name, x, below(marks, name))
		}
	}
	for i := 0; i < t.Rung && i < len(n.Degrade); i++ {
		set, marks, found := s.object(n.Degrade[i].Set, names, "set")
		ds = append(ds, found...)
		merge(g.values, set)
		g.marks = append(g.marks, marks...)
	}
	for name, x := range t.Edits {
		plain, marks, err := datum.Open(x, s.vault)
		if err != nil {
			ds = append(ds, diagnostic.One(n.Range, "", "input %s: %s", name, err)...)
		}
		g.set(name, plain, marks)
	}
	return ds
}

// object evaluates an expression to the names and values of an object. When it is sensitive as a whole, all of them are.
func (s *Scope) object(e hclsyntax.Expression, names map[string]cty.Value, what string) (map[string]any, []datum.Mark, diagnostic.Diagnostics) {
	x, marks, ds := s.split(e, names, what)
	m, ok := x.(map[string]any)
	if !ok && !ds.HasErrors() {
		ds = diagnostic.One(diagnostic.RangeOf(e.Range()), "write it { name = value }", "%s wants an object", what)
	}
	var of []datum.Mark
	for _, mark := range marks {
		if len(mark.Path) > 0 {
			of = append(of, mark)
			continue
		}
		for name := range m {
			of = append(of, datum.Mark{Path: []any{name}, Origin: mark.Origin})
		}
	}
	return m, of, ds
}

// merge puts changes into values, objects into objects at any depth.
func merge(values, changes map[string]any) {
	for k, x := range changes {
		below, ok := x.(map[string]any)
		into, both := values[k].(map[string]any)
		if ok && both {
			into = maps.Clone(into)
			merge(into, below)
			x = into
		}
		values[k] = x
	}
}

// round adds self to the names.
func (s *Scope) round(n *pipeline.Node, names map[string]cty.Value, self sdk.Values) (map[string]cty.Value, diagnostic.Diagnostics) {
	v, err := s.outputs(n, self)
	if err != nil {
		return nil, diagnostic.One(n.Range, "", "self: %s", err)
	}
	out := maps.Clone(names)
	out["self"] = v
	return out, nil
}

// Verdict is what repeat makes of a round's result.
type Verdict struct {
	// Again asks for another round.
	Again bool
	// Exhausted says that no round is left although the result is not good enough, and on_exhausted is FailRun.
	Exhausted bool
}

// Judge looks at the outputs of a round, the iter-th from 1, of a node with repeat.
func (s *Scope) Judge(node string, key sdk.Key, iter int, outputs sdk.Values) (Verdict, diagnostic.Diagnostics) {
	n, ds := s.node(node)
	if ds != nil || n.Repeat == nil {
		return Verdict{}, ds
	}
	address := n.Address() + key.String()
	names, ds := s.instance(n, key)
	if ds.HasErrors() {
		return Verdict{}, ds.In(address)
	}
	if names, ds = s.round(n, names, outputs); ds.HasErrors() {
		return Verdict{}, ds.In(address)
	}
	v, ds := s.eval(n.Repeat.Until, names)
	if ds.HasErrors() {
		return Verdict{}, ds.In(address)
	}
	done, err := datum.ToBool(v)
	switch {
	case err != nil:
		return Verdict{}, diagnostic.One(diagnostic.RangeOf(n.Repeat.Until.Range()), exposed(err), "%s: until %s", address, err)
	case done:
		return Verdict{}, nil
	case iter < n.Repeat.Max:
		return Verdict{Again: true}, nil
	}
	return Verdict{Exhausted: n.Repeat.OnExhausted == pipeline.FailRun}, nil
}

// Enter begins the scope of a module instance with its inputs, which are the variables of its pipeline.
func (s *Scope) Enter(module string, key sdk.Key, turn Turn) (*Scope, diagnostic.Diagnostics) {
	n, ds := s.node(module)
	if ds != nil {
		return nil, ds
	}
	g, ds := s.inputs(n, key, turn)
	if ds.HasErrors() {
		return nil, ds
	}
	vars, ds := inputs(n.Module, g.values, g.marks)
	if ds.HasErrors() {
		return nil, ds.In(n.Address() + key.String())
	}
	child := newScope(n.Module, vars, g.marks, s.vault)
	child.run, child.inner = s.run, true
	return child, nil
}
