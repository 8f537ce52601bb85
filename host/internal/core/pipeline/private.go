package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Vault is where a run's secrets come from, and what keeps sensitive values out of its journal: a Scope takes and gives
// them sealed, and knows the plain ones while it evaluates.
type Vault interface {
	expr.Sealer
	// Secret gives a secret's value. It does not wait for anything; its error is for people.
	Secret(name string) (string, error)
}

// Seal gives the values of variables, as Inputs gave them, with those sealed that are declared sensitive.
func (p *Pipeline) Seal(values sdk.Values, s expr.Sealer) (sdk.Values, error) {
	var marks []expr.Mark
	for _, v := range p.Variables {
		if v.Sensitive {
			marks = append(marks, expr.Mark{Path: []any{v.Name}, Origin: expr.Declared})
		}
	}
	return sealed(values, marks, s)
}

// Seal gives the outputs of a node with those sealed that its type declares sensitive. derived says that the node was
// given something sensitive: then all of them are.
func (n *Node) Seal(outputs sdk.Values, derived bool, s expr.Sealer) (sdk.Values, error) {
	marks := expr.Private(&n.outputs, outputs)
	for name := range outputs {
		if derived {
			marks = append(marks, expr.Mark{Path: []any{name}, Origin: expr.Derived})
		}
	}
	return sealed(outputs, marks, s)
}

// CheckOutputs says what of the outputs of a node does not fit its type. What is sensitive is not shown.
func (n *Node) CheckOutputs(outputs sdk.Values, derived bool) []sdk.Violation {
	found := n.outputs.Check(outputs)
	marks := expr.Private(&n.outputs, outputs)
	for i := range found {
		if derived || at(found[i].Path, marks) {
			found[i].Message = hide(found[i].Message)
		}
	}
	return found
}

func sealed(values sdk.Values, marks []expr.Mark, s expr.Sealer) (sdk.Values, error) {
	if len(marks) == 0 {
		return values, nil
	}
	x, err := expr.Seal(map[string]any(values), marks, s)
	if err != nil {
		return nil, err
	}
	return x.(map[string]any), nil
}

// SealEdits gives inputs that a person sets for a node instance, those sealed whose places hold something sensitive.
func (s *Scope) SealEdits(node string, key sdk.Key, edits sdk.Values) (sdk.Values, error) {
	n, ds := s.node(node)
	if ds != nil {
		return nil, ds
	}
	marks := expr.Private(&n.Type.Inputs, edits)
	names := s.known(n, key)
	for name := range edits {
		if why := s.touches(n, names, name); why != "" {
			marks = append(marks, expr.Mark{Path: []any{name}, Origin: why})
		}
	}
	return sealed(edits, marks, s.vault)
}

// Derives says whether a node instance is given something sensitive.
func (s *Scope) Derives(node string, key sdk.Key) bool {
	n, ds := s.node(node)
	if ds != nil {
		return false
	}
	names := s.known(n, key)
	return slices.ContainsFunc(n.inputs, func(in input) bool {
		return expr.DeclaresPrivate(in.schema) || s.touches(n, names, in.name) != ""
	})
}

// known is what can be had of an instance's names.
func (s *Scope) known(n *Node, key sdk.Key) map[string]cty.Value {
	names, ds := s.instance(n, key)
	if ds.HasErrors() {
		return s.names(n.refs)
	}
	return names
}

// touches says whether what gives an input refers to anything sensitive.
func (s *Scope) touches(n *Node, names map[string]cty.Value, name string) (why expr.Origin) {
	var from []hclsyntax.Expression
	for _, in := range n.inputs {
		if in.name == name && in.fixed == nil {
			from = append(from, in.expr)
		}
	}
	if n.Repeat != nil && n.Repeat.next != nil {
		from = append(from, n.Repeat.next)
	}
	for _, rung := range n.Degrade {
		from = append(from, rung.set)
	}
	for _, e := range from {
		if _, found := expr.Touches(e, &hcl.EvalContext{Variables: names}); why != expr.Declared && found != "" {
			why = found
		}
	}
	return why
}

// secret gives a secret's value; one that is not there is unknown, and explain says why.
func (s *Scope) secret(name string) cty.Value {
	if s.vault == nil {
		return cty.DynamicVal
	}
	v, err := s.vault.Secret(name)
	if err != nil {
		return cty.DynamicVal
	}
	return expr.Sensitive(cty.StringVal(v), expr.Declared)
}

// noSecret says why a secret is not there; nil when it is.
func (s *Scope) noSecret(name string, rng Range) Diagnostics {
	if s.vault == nil {
		return one(rng, "", "secret.%s is not there: nobody keeps secrets here", name)
	}
	if _, err := s.vault.Secret(name); err != nil {
		return one(rng, "", "secret.%s: %s", name, err)
	}
	return nil
}

// discreet takes out of diagnostics what could show something sensitive: the words of a function that failed quote what
// it was given.
func (s *Scope) discreet(ds Diagnostics, e hclsyntax.Expression, names map[string]cty.Value) Diagnostics {
	path, why := expr.Touches(e, &hcl.EvalContext{Variables: names})
	if why == "" {
		return ds
	}
	for i := range ds {
		ds[i].Detail = "more is not shown, since " + expr.Spell(path) + " is sensitive"
	}
	return ds
}

// exposed says what to do about a value that would be seen; nothing for other errors.
func exposed(err error) string {
	if !errors.Is(err, expr.ErrSensitive) {
		return ""
	}
	return "everybody would see it; if it gives nothing away, wrap it in nonsensitive( )"
}

// hide takes the value out of what is wrong with it.
func hide(message string) string {
	wanted, _, quotes := strings.Cut(message, ", got ")
	if !quotes {
		return "does not fit; it is sensitive, so its value is not shown"
	}
	return wanted + "; what it is is sensitive and not shown"
}

// at says whether a violation's path lies in one of the sensitive parts.
func at(path string, marks []expr.Mark) bool {
	return slices.ContainsFunc(marks, func(m expr.Mark) bool {
		prefix := ""
		for _, step := range m.Path {
			if i, ok := step.(int); ok {
				prefix += fmt.Sprintf("[%d]", i)
			} else {
				prefix = joinPath(prefix, step.(string))
			}
		}
		_, ok := cutName(path, strings.TrimPrefix(prefix, "."))
		return ok
	})
}
