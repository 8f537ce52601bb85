package eval

import (
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// SetNode records how a node ended, for all expressions after it. outputs holds an entry for each of e.Keys, one when
// the node has no for_each; a nil entry stands for an instance that was skipped, or failed with on_failure =
// "continue". Without for_each node.x becomes an object of its outputs, nulls when there are none; over a list a
// tuple that keeps positions, with nulls; over a map or set an object. A skipped node with for_each is null.
func (s *Scope) SetNode(node string, e Expansion, outputs []sdk.Values) error {
	n, ok := s.p.NodeByID[node]
	if !ok {
		return fmt.Errorf("the pipeline has no node %q", node)
	}
	v, err := s.result(n, e, outputs)
	switch {
	case err != nil && slices.ContainsFunc(outputs, func(o sdk.Values) bool { return sdk.HasSealed(o) }):
		s.lost[n.Address()], v = err, cty.DynamicVal // whoever needs them fails
	case err != nil:
		return fmt.Errorf("%s: %w", n.Address(), err)
	}
	s.nodes[node], s.skipped[node] = v, e.Skip
	delete(s.expanded, node) // its inputs are not asked for again; Inputs would evaluate it anew
	return nil
}

func (s *Scope) result(n *pipeline.Node, e Expansion, outputs []sdk.Values) (cty.Value, error) {
	switch {
	case e.Skip && n.ForEach:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case e.Skip:
		return s.outputs(n, sdk.Values{})
	case !e.Each:
		if len(outputs) != 1 {
			return cty.NilVal, fmt.Errorf("%d results of one instance", len(outputs))
		}
		return s.outputs(n, outputs[0])
	case len(outputs) != len(e.Keys):
		return cty.NilVal, fmt.Errorf("%d results of %d instances", len(outputs), len(e.Keys))
	}
	list := make([]cty.Value, len(outputs))
	members := make(map[string]cty.Value, len(outputs))
	derived := false
	for i, o := range outputs {
		v := cty.NullVal(cty.DynamicPseudoType)
		if o != nil {
			var err error
			if v, err = s.outputs(n, o); err != nil {
				return cty.NilVal, fmt.Errorf("%s: %w", e.Keys[i], err)
			}
		}
		derived = derived || sdk.HasSealed(o) && datum.HasOrigin(v, datum.Derived)
		list[i], members[e.Keys[i].Text()] = v, v
	}
	all := cty.TupleVal(list)
	if e.Map {
		all = cty.ObjectVal(members)
	}
	if derived { // as the check before a run has it, which does not know the elements
		all = datum.Sensitive(all, datum.Derived)
	}
	return all, nil
}

func (s *Scope) outputs(n *pipeline.Node, o sdk.Values) (cty.Value, error) {
	if o == nil {
		o = sdk.Values{}
	}
	return s.artifacts.In(&n.Gives, map[string]any(o))
}

// Outputs evaluates the pipeline's outputs. One that cannot be evaluated because a node behind it was skipped is
// null; any other failure is a diagnostic. What is sensitive is sealed.
func (s *Scope) Outputs() (sdk.Values, diagnostic.Diagnostics) {
	out := sdk.Values{}
	var ds diagnostic.Diagnostics
	for _, o := range s.p.Outputs {
		v, found := s.eval(o.Value, s.names(o.Refs))
		if found.HasErrors() {
			if s.anySkipped(o.Needs) {
				out[o.Name] = nil
				continue
			}
			ds = append(ds, found.In("output."+o.Name)...)
			continue
		}
		x, err := s.output(o, v)
		if err != nil {
			ds = append(ds, diagnostic.One(diagnostic.RangeOf(o.Value.Range()), exposed(err), "output.%s: %s", o.Name, err)...)
			continue
		}
		out[o.Name] = x
	}
	return out, ds
}

// output seals what is sensitive in an output. A run's own outputs have to say that they are; those of a module stay
// within the run.
func (s *Scope) output(o *pipeline.Output, v cty.Value) (any, error) {
	x, marks, err := s.artifacts.Split(v)
	switch {
	case err != nil:
		return nil, err
	case o.Sensitive:
		marks = append(marks, datum.Mark{Origin: datum.Declared})
	case len(marks) > 0 && !s.inner:
		return nil, datum.ErrSensitive
	}
	return datum.Seal(x, marks, s.vault)
}

func (s *Scope) anySkipped(nodes []string) bool {
	for _, name := range nodes {
		if s.skipped[name] {
			return true
		}
	}
	return false
}
