package pipeline

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Inputs evaluates the inputs of one node instance, brings them to the types of the node type's schema, fills its
// defaults and checks them. Durations and sizes stay as written, and what is sensitive is sealed. The key is the zero Key
// without for_each.
func (s *Scope) Inputs(node string, key sdk.Key, turn Turn) (sdk.Values, Diagnostics) {
	n, ds := s.node(node)
	if ds != nil {
		return nil, ds
	}
	g, ds := s.inputs(n, key, turn)
	if ds.HasErrors() {
		return nil, ds
	}
	values, err := sealed(g.values, g.marks, s.vault)
	if err != nil {
		return nil, one(n.Range, "", "%s%s: an input %s", n.address(), key, err)
	}
	return values, nil
}

// inputs is Inputs with everything plain.
func (s *Scope) inputs(n *Node, key sdk.Key, turn Turn) (given, Diagnostics) {
	address := n.address() + key.String()
	names, ds := s.instance(n, key)
	if ds.HasErrors() {
		return given{}, ds.in(address)
	}
	g := given{values: map[string]any{}}
	for _, in := range n.inputs {
		if in.fixed != nil {
			g.values[in.name] = expr.Clone(in.fixed)
			continue
		}
		x, marks, found := s.split(in.expr, names, "input "+in.name)
		g.set(in.name, x, marks)
		ds = append(ds, found...)
	}
	ds = append(ds, s.turn(n, turn, names, &g)...)
	if ds.HasErrors() {
		return given{}, ds.in(address)
	}
	g.values, _ = expr.Coerce(&n.Type.Inputs, g.values).(map[string]any)
	g.marks = append(g.marks, expr.Private(&n.Type.Inputs, g.values)...)
	if ds = n.checkInputs(g); ds.HasErrors() {
		return given{}, ds.in(address)
	}
	return g, nil
}

// given are plain inputs, and which parts of them are sensitive.
type given struct {
	values map[string]any
	marks  []expr.Mark
}

// set gives an input a value in the place of the one it had.
func (g *given) set(name string, x any, marks []expr.Mark) {
	g.values[name] = x
	g.marks = slices.DeleteFunc(g.marks, func(m expr.Mark) bool { return m.Path[0] == name })
	g.marks = append(g.marks, expr.Under(name, marks)...)
}

// split evaluates an expression to a plain value of a run, and says which parts of it are sensitive.
func (s *Scope) split(e hclsyntax.Expression, names map[string]cty.Value, what string) (any, []expr.Mark, Diagnostics) {
	v, found := s.eval(e, names)
	if found.HasErrors() {
		return nil, nil, found
	}
	x, marks, err := s.artifacts.Split(v)
	if err != nil {
		return nil, nil, one(rangeOf(e.Range()), "", "%s: %s", what, err)
	}
	return x, marks, nil
}

// out evaluates an expression to a value of a run that everybody may see.
func (s *Scope) out(e hclsyntax.Expression, names map[string]cty.Value, what string) (any, Diagnostics) {
	x, marks, ds := s.split(e, names, what)
	if len(marks) > 0 {
		return nil, one(rangeOf(e.Range()), exposed(expr.ErrSensitive), "%s: %s", what, expr.ErrSensitive)
	}
	return x, ds
}

// checkInputs says what does not fit, at the attribute or the part of it that is wrong.
func (n *Node) checkInputs(g given) (ds Diagnostics) {
	for _, m := range g.marks {
		if name, _ := m.Path[0].(string); n.Kind == KindGate {
			ds = append(ds, one(n.Range, exposed(expr.ErrSensitive), "%s %s: people see what a gate asks", name, expr.ErrSensitive)...)
		}
	}
	for _, f := range n.Type.Inputs.Check(g.values) {
		if at(f.Path, g.marks) {
			f.Message = hide(f.Message)
		}
		rng, detail := n.Range, ""
		for _, in := range n.inputs {
			if rest, ok := cutName(f.Path, in.name); ok {
				rng = rangeOf(locate(in.expr, rest))
				if in.schema != nil {
					detail = describe(in.schema, rest)
				}
			}
		}
		ds = append(ds, one(rng, detail, "input %s: %s", f.Path, f.Message)...)
	}
	return ds
}
