package eval

import (
	"errors"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// Vault is where a run's secrets come from, and what keeps sensitive values out of its journal: a Scope takes and gives
// them sealed, and knows the plain ones while it evaluates.
type Vault interface {
	datum.Sealer
	// Secret gives a secret's value. It does not wait for anything; its error is for people.
	Secret(name string) (string, error)
}

// SealEdits gives inputs that a person sets for a node instance, those sealed whose places hold something sensitive.
func (s *Scope) SealEdits(node string, key sdk.Key, edits sdk.Values) (sdk.Values, error) {
	n, ds := s.node(node)
	if ds != nil {
		return nil, ds
	}
	marks := datum.Private(&n.Type.Inputs, edits)
	names := s.known(n, key)
	for name := range edits {
		if why := s.touches(n, names, name); why != "" {
			marks = append(marks, datum.Mark{Path: []any{name}, Origin: why})
		}
	}
	return pipeline.Sealed(edits, marks, s.vault)
}

// Derives says whether a node instance is given something sensitive.
func (s *Scope) Derives(node string, key sdk.Key) bool {
	n, ds := s.node(node)
	if ds != nil {
		return false
	}
	names := s.known(n, key)
	return slices.ContainsFunc(n.Inputs, func(in pipeline.Input) bool {
		return datum.DeclaresPrivate(in.Schema) || s.touches(n, names, in.Name) != ""
	})
}

// known is what can be had of an instance's names.
func (s *Scope) known(n *pipeline.Node, key sdk.Key) map[string]cty.Value {
	names, ds := s.instance(n, key)
	if ds.HasErrors() {
		return s.names(n.Refs)
	}
	return names
}

// touches says whether what gives an input refers to anything sensitive.
func (s *Scope) touches(n *pipeline.Node, names map[string]cty.Value, name string) (why datum.Origin) {
	var from []hclsyntax.Expression
	for _, in := range n.Inputs {
		if in.Name == name && in.Fixed == nil {
			from = append(from, in.Expr)
		}
	}
	if n.Repeat != nil && n.Repeat.Next != nil {
		from = append(from, n.Repeat.Next)
	}
	for _, rung := range n.Degrade {
		from = append(from, rung.Set)
	}
	for _, e := range from {
		if _, found := expr.Touches(e, &hcl.EvalContext{Variables: names}); why != datum.Declared && found != "" {
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
	return datum.Sensitive(cty.StringVal(v), datum.Declared)
}

// noSecret says why a secret is not there; nil when it is.
func (s *Scope) noSecret(name string, rng diagnostic.Range) diagnostic.Diagnostics {
	if s.vault == nil {
		return diagnostic.One(rng, "", "secret.%s is not there: nobody keeps secrets here", name)
	}
	if _, err := s.vault.Secret(name); err != nil {
		return diagnostic.One(rng, "", "secret.%s: %s", name, err)
	}
	return nil
}

// discreet takes out of diagnostics what could show something sensitive: the words of a function that failed quote what
// it was given.
func (s *Scope) discreet(ds diagnostic.Diagnostics, e hclsyntax.Expression, names map[string]cty.Value) diagnostic.Diagnostics {
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
	if !errors.Is(err, datum.ErrSensitive) {
		return ""
	}
	return "everybody would see it; if it gives nothing away, wrap it in nonsensitive( )"
}
