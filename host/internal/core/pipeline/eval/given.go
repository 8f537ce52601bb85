package eval

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// Inputs evaluates the inputs of one node instance, brings them to the types of the node type's schema, fills its
// defaults and checks them. Durations and sizes stay as written, and what is sensitive is sealed. The key is the zero Key
// without for_each.
func (s *Scope) Inputs(node string, key sdk.Key, turn Turn) (sdk.Values, diagnostic.Diagnostics) {
	n, ds := s.node(node)
	if ds != nil {
		return nil, ds
	}
	g, ds := s.inputs(n, key, turn)
	if ds.HasErrors() {
		return nil, ds
	}
	values, err := pipeline.Sealed(g.values, g.marks, s.vault)
	if err != nil {
		return nil, diagnostic.One(n.Range, "", "%s%s: an input %s", n.Address(), key, err)
	}
	return values, nil
}

// inputs is Inputs with everything plain.
func (s *Scope) inputs(n *pipeline.Node, key sdk.Key, turn Turn) (given, diagnostic.Diagnostics) {
	address := n.Address() + key.String()
	names, ds := s.instance(n, key)
	if ds.HasErrors() {
		return given{}, ds.In(address)
	}
	g := given{values: map[string]any{}}
	for _, in := range n.Inputs {
		if in.Fixed != nil {
			g.values[in.Name] = datum.Clone(in.Fixed)
			continue
		}
		x, marks, found := s.split(in.Expr, names, "input "+in.Name)
		g.set(in.Name, x, marks)
		ds = append(ds, found...)
	}
	ds = append(ds, s.turn(n, turn, names, &g)...)
	if ds.HasErrors() {
		return given{}, ds.In(address)
	}
	g.values, _ = datum.Coerce(&n.Type.Inputs, g.values).(map[string]any)
	g.marks = append(g.marks, datum.Private(&n.Type.Inputs, g.values)...)
	if ds = checkInputs(n, g); ds.HasErrors() {
		return given{}, ds.In(address)
	}
	return g, nil
}

// Known gives those inputs of a node instance that are known already and that everybody may see, of the types of the node type's schema.
// One that cannot be known yet is nil.
func (s *Scope) Known(node string, key sdk.Key) sdk.Values {
	n, ds := s.node(node)
	if ds != nil {
		return nil
	}
	names, values := s.known(n, key), map[string]any{}
	var open []string
	for _, in := range n.Inputs {
		if in.Fixed != nil {
			values[in.Name] = datum.Clone(in.Fixed)
			continue
		}
		x, marks, found := s.split(in.Expr, names, in.Name)
		if found.HasErrors() || len(marks) > 0 || datum.DeclaresPrivate(in.Schema) {
			open = append(open, in.Name)
			continue
		}
		values[in.Name] = x
	}
	values, _ = datum.Coerce(&n.Type.Inputs, values).(map[string]any)
	for _, name := range open { // it has no default, though none is given
		values[name] = nil
	}
	return values
}

// given are plain inputs, and which parts of them are sensitive.
type given struct {
	values map[string]any
	marks  []datum.Mark
}

// set gives an input a value in the place of the one it had.
func (g *given) set(name string, x any, marks []datum.Mark) {
	g.values[name] = x
	g.marks = slices.DeleteFunc(g.marks, func(m datum.Mark) bool { return m.Path[0] == name })
	g.marks = append(g.marks, datum.Under(name, marks)...)
}

// split evaluates an expression to a plain value of a run, and says which parts of it are sensitive.
func (s *Scope) split(e hclsyntax.Expression, names map[string]cty.Value, what string) (any, []datum.Mark, diagnostic.Diagnostics) {
	v, found := s.eval(e, names)
	if found.HasErrors() {
		return nil, nil, found
	}
	x, marks, err := s.artifacts.Split(v)
	if err != nil {
		return nil, nil, diagnostic.One(diagnostic.RangeOf(e.Range()), "", "%s: %s", what, err)
	}
	return x, marks, nil
}

// out evaluates an expression to a value of a run that everybody may see.
func (s *Scope) out(e hclsyntax.Expression, names map[string]cty.Value, what string) (any, diagnostic.Diagnostics) {
	x, marks, ds := s.split(e, names, what)
	if len(marks) > 0 {
		return nil, diagnostic.One(diagnostic.RangeOf(e.Range()), exposed(datum.ErrSensitive), "%s: %s", what, datum.ErrSensitive)
	}
	return x, ds
}

// checkInputs says what does not fit, at the attribute or the part of it that is wrong.
func checkInputs(n *pipeline.Node, g given) (ds diagnostic.Diagnostics) {
	for _, m := range g.marks {
		if name, _ := m.Path[0].(string); n.Kind == pipeline.KindGate {
			ds = append(ds, diagnostic.One(n.Range, exposed(datum.ErrSensitive), "%s %s: people see what a gate asks", name, datum.ErrSensitive)...)
		}
	}
	for _, f := range n.Type.Inputs.Check(g.values) {
		if pipeline.At(f.Path, g.marks) {
			f.Message = pipeline.Hide(f.Message)
		}
		rng, detail := n.Range, ""
		for _, in := range n.Inputs {
			if rest, ok := pipeline.CutName(f.Path, in.Name); ok {
				rng = diagnostic.RangeOf(syntax.Locate(in.Expr, rest))
				if in.Schema != nil {
					detail = pipeline.Describe(in.Schema, rest)
				}
			}
		}
		ds = append(ds, diagnostic.One(rng, detail, "input %s: %s", f.Path, f.Message)...)
	}
	return ds
}
