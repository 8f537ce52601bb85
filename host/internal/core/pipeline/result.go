package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// cutName takes an input's name off the front of a violation's path.
func cutName(path, name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, name)
	return rest, ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// SetNode records how a node ended, for all expressions after it. outputs holds an entry for each of e.Keys, one when
// the node has no for_each; a nil entry stands for an instance that was skipped, or failed with on_failure =
// "continue". Without for_each node.x becomes an object of its outputs, nulls when there are none; over a list a
// tuple that keeps positions, with nulls; over a map or set an object. A skipped node with for_each is null.
func (s *Scope) SetNode(node string, e Expansion, outputs []sdk.Values) error {
	n, ok := s.p.nodes[node]
	if !ok {
		return fmt.Errorf("the pipeline has no node %q", node)
	}
	v, err := s.result(n, e, outputs)
	switch {
	case err != nil && slices.ContainsFunc(outputs, func(o sdk.Values) bool { return sdk.HasSealed(o) }):
		s.lost[n.address()], v = err, cty.DynamicVal // whoever needs them fails
	case err != nil:
		return fmt.Errorf("%s: %w", n.address(), err)
	}
	s.nodes[node], s.skipped[node] = v, e.Skip
	delete(s.expanded, node) // its inputs are not asked for again; Inputs would evaluate it anew
	return nil
}

func (s *Scope) result(n *Node, e Expansion, outputs []sdk.Values) (cty.Value, error) {
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
		derived = derived || sdk.HasSealed(o) && expr.HasOrigin(v, expr.Derived)
		list[i], members[e.Keys[i].Text()] = v, v
	}
	all := cty.TupleVal(list)
	if e.Map {
		all = cty.ObjectVal(members)
	}
	if derived { // as the check before a run has it, which does not know the elements
		all = expr.Sensitive(all, expr.Derived)
	}
	return all, nil
}

func (s *Scope) outputs(n *Node, o sdk.Values) (cty.Value, error) {
	if o == nil {
		o = sdk.Values{}
	}
	return s.artifacts.In(&n.outputs, map[string]any(o))
}

// Outputs evaluates the pipeline's outputs. One that cannot be evaluated because a node behind it was skipped is
// null; any other failure is a diagnostic. What is sensitive is sealed.
func (s *Scope) Outputs() (sdk.Values, Diagnostics) {
	out := sdk.Values{}
	var ds Diagnostics
	for _, o := range s.p.Outputs {
		v, found := s.eval(o.value, s.names(o.refs))
		if found.HasErrors() {
			if s.anySkipped(o.Needs) {
				out[o.Name] = nil
				continue
			}
			ds = append(ds, found.in("output."+o.Name)...)
			continue
		}
		x, err := s.output(o, v)
		if err != nil {
			ds = append(ds, one(rangeOf(o.value.Range()), exposed(err), "output.%s: %s", o.Name, err)...)
			continue
		}
		out[o.Name] = x
	}
	return out, ds
}

// output seals what is sensitive in an output. A run's own outputs have to say that they are; those of a module stay
// within the run.
func (s *Scope) output(o *Output, v cty.Value) (any, error) {
	x, marks, err := s.artifacts.Split(v)
	switch {
	case err != nil:
		return nil, err
	case o.Sensitive:
		marks = append(marks, expr.Mark{Origin: expr.Declared})
	case len(marks) > 0 && !s.inner:
		return nil, expr.ErrSensitive
	}
	return expr.Seal(x, marks, s.vault)
}

func (s *Scope) anySkipped(nodes []string) bool {
	for _, name := range nodes {
		if s.skipped[name] {
			return true
		}
	}
	return false
}
