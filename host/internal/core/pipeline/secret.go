package pipeline

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
)

// Secret is a value that the host keeps and a pipeline refers to by name.
type Secret struct {
	Name, Description string
	Range             Range
}

// secretBlock reads secret "name" { description }.
func (l *loader) secretBlock(b *hclsyntax.Block) {
	if !l.labels(b, `secret "name" { }`, 1) {
		return
	}
	s := Secret{Name: b.Labels[0], Range: rangeOf(b.DefRange())}
	l.attributes(b, map[string]func(hclsyntax.Expression){"description": l.text(&s.Description)})
	l.noBlocks(b)
	for _, other := range l.p.Secrets {
		if other.Name == s.Name {
			l.duplicate(b.LabelRanges[0], "secret", s.Name, other.Range)
			return
		}
	}
	l.p.Secrets = append(l.p.Secrets, s)
}

// Secret finds a secret by name.
func (p *Pipeline) Secret(name string) (Secret, bool) {
	i := slices.IndexFunc(p.Secrets, func(s Secret) bool { return s.Name == name })
	if i < 0 {
		return Secret{}, false
	}
	return p.Secrets[i], true
}

func (l *loader) secretNames() []string {
	names := make([]string, len(l.p.Secrets))
	for i, s := range l.p.Secrets {
		names[i] = s.Name
	}
	return names
}

// SecretsInUse names the secrets that a run of the pipeline needs, those of its modules included, in order.
func (p *Pipeline) SecretsInUse() []string {
	var names []string
	for _, n := range p.Nodes {
		names = union(names, n.refs.secrets)
		if n.Module != nil {
			names = union(names, n.Module.SecretsInUse())
		}
	}
	for _, o := range p.Outputs {
		names = union(names, o.refs.secrets)
	}
	slices.Sort(names)
	return names
}

// bare refuses nonsensitive(secret.x): nothing that may be seen is made of it.
func (l *loader) bare(e hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "nonsensitive" || len(call.Args) != 1 {
			return nil
		}
		if path, ok := call.Args[0].(*hclsyntax.ScopeTraversalExpr); ok && path.Traversal.RootName() == "secret" {
			l.fail(call.Range(), "give "+expr.Spell(path.Traversal)+" itself to the node that needs it", "this would write the secret into the run's journal")
		}
		return nil
	})
}

// hasPrivate says whether anything in the file may be sensitive; where nothing is, nobody has to look.
func (l *loader) hasPrivate() bool {
	if len(l.p.Secrets) > 0 || slices.ContainsFunc(l.p.Variables, func(v *Variable) bool { return v.Sensitive }) {
		return true
	}
	for _, n := range l.p.Nodes {
		if expr.DeclaresPrivate(&n.Type.Inputs) || expr.DeclaresPrivate(&n.outputs) {
			return true
		}
	}
	found := false
	_ = hclsyntax.VisitAll(l.body, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		found = found || ok && call.Name == "sensitive"
		return nil
	})
	return found
}

// result is what a reference to a node will look like.
func (l *loader) result(n *Node) cty.Value {
	v := cty.UnknownVal(l.resultType(n))
	switch {
	case !l.private:
	case n.Kind == KindNode && l.derived(n):
		return expr.Sensitive(v, expr.Derived)
	case !n.ForEach && expr.DeclaresPrivate(&n.outputs) && v.Type().IsObjectType():
		parts := map[string]cty.Value{}
		for name, t := range v.Type().AttributeTypes() {
			parts[name] = cty.UnknownVal(t)
		}
		for i := range n.outputs.Properties {
			if p := &n.outputs.Properties[i]; expr.DeclaresPrivate(&p.Schema) {
				parts[p.Name] = expr.Sensitive(parts[p.Name], expr.Declared)
			}
		}
		return cty.ObjectVal(parts)
	}
	return v
}

// derived says whether a node is given anything sensitive, as far as that is known before a run: then all that it gives
// is taken for sensitive.
func (l *loader) derived(n *Node) bool {
	var more map[string]cty.Value
	if n.ForEach {
		more = map[string]cty.Value{"each": cty.ObjectVal(l.checkForEach(n))}
	}
	for _, in := range n.inputs {
		if in.fixed != nil {
			continue
		}
		v := l.infer(in.expr, n.refs, more)
		if expr.IsSensitive(v) || expr.DeclaresPrivate(in.schema) && (!v.IsKnown() || !v.IsNull()) {
			return true
		}
	}
	for _, rung := range n.Degrade {
		if expr.IsSensitive(l.infer(rung.set, n.refs, more)) {
			return true
		}
	}
	return false
}

// seen reports an expression whose value would be seen although it is sensitive.
func (l *loader) seen(e hclsyntax.Expression, r refs, more map[string]cty.Value, what, why string) {
	path, _ := expr.Touches(e, &hcl.EvalContext{Variables: l.names(r, more)})
	if path == nil {
		l.fail(e.Range(), why, "%s is sensitive", what)
		return
	}
	name := expr.Spell(path)
	detail := name + " is sensitive, and " + why
	if root := path.RootName(); root != "secret" && root != "var" {
		detail += "\nif it gives nothing away, write nonsensitive(" + name + ")"
	}
	l.fail(e.Range(), detail, "%s is sensitive", what)
}

// checkSeen reports what of a node would be seen although it is sensitive.
func (l *loader) checkSeen(n *Node, more map[string]cty.Value) {
	if !l.private {
		return
	}
	const shown = "people see what a gate asks"
	look := func(e hclsyntax.Expression, more map[string]cty.Value, what, why string) {
		if e != nil && expr.IsSensitive(l.infer(e, n.refs, more)) {
			l.seen(e, n.refs, more, what, why)
		}
	}
	look(n.when, nil, "when", "whether a node runs is seen by everybody")
	if n.Repeat != nil {
		look(n.Repeat.until, l.round(n, more), "until", "how often a node repeats is seen by everybody")
	}
	if n.Gate == nil {
		return
	}
	for _, in := range n.inputs {
		look(in.expr, more, in.name, shown)
	}
	for i := range n.Gate.Fields {
		f := &n.Gate.Fields[i]
		look(f.fallback, more, "default", shown)
		for _, check := range f.validations {
			look(check.message, l.value(f, more), "message", "whoever fills in the form sees it")
		}
	}
}

// checkOutput reports a sensitive output that does not say so. Those of a module stay within the run.
func (l *loader) checkOutput(o *Output, v cty.Value) {
	if o.Sensitive || len(l.stack) > 1 || !expr.IsSensitive(v) {
		return
	}
	l.seen(o.value, o.refs, nil, "output \""+o.Name+"\"", "a run's outputs are seen by everybody; add sensitive = true to have it sealed")
}
