package load

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// bare refuses nonsensitive(secret.x): nothing that may be seen is made of it.
func (l *checker) bare(e hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "nonsensitive" || len(call.Args) != 1 {
			return nil
		}
		if path, ok := call.Args[0].(*hclsyntax.ScopeTraversalExpr); ok && path.Traversal.RootName() == "secret" {
			l.Fail(call.Range(), "give "+expr.Spell(path.Traversal)+" itself to the node that needs it", "this would write the secret into the run's journal")
		}
		return nil
	})
}

// hasPrivate says whether anything in the file may be sensitive; where nothing is, nobody has to look.
func (l *checker) hasPrivate(body *hclsyntax.Body) bool {
	if len(l.Pipeline.Secrets) > 0 || slices.ContainsFunc(l.Pipeline.Variables, func(v *pipeline.Variable) bool { return v.Sensitive }) {
		return true
	}
	for _, n := range l.Pipeline.Nodes {
		if datum.DeclaresPrivate(&n.Type.Inputs) || datum.DeclaresPrivate(&n.Gives) {
			return true
		}
	}
	found := false
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		found = found || ok && call.Name == "sensitive"
		return nil
	})
	return found
}

// result is what a reference to a node will look like.
func (l *checker) result(n *pipeline.Node) cty.Value {
	v := cty.UnknownVal(l.resultType(n))
	switch {
	case !l.private:
	case n.Kind == pipeline.KindNode && l.derived(n):
		return datum.Sensitive(v, datum.Derived)
	case !n.ForEach && datum.DeclaresPrivate(&n.Gives) && v.Type().IsObjectType():
		parts := map[string]cty.Value{}
		for name, t := range v.Type().AttributeTypes() {
			parts[name] = cty.UnknownVal(t)
		}
		for i := range n.Gives.Properties {
			if p := &n.Gives.Properties[i]; datum.DeclaresPrivate(&p.Schema) {
				parts[p.Name] = datum.Sensitive(parts[p.Name], datum.Declared)
			}
		}
		return cty.ObjectVal(parts)
	}
	return v
}

// derived says whether a node is given anything sensitive, as far as that is known before a run: then all that it gives
// is taken for sensitive.
func (l *checker) derived(n *pipeline.Node) bool {
	var more map[string]cty.Value
	if n.ForEach {
		more = map[string]cty.Value{"each": cty.ObjectVal(l.checkForEach(n))}
	}
	for _, in := range n.Inputs {
		if in.Fixed != nil {
			continue
		}
		v := l.infer(in.Expr, n.Refs, more)
		if datum.IsSensitive(v) || datum.DeclaresPrivate(in.Schema) && (!v.IsKnown() || !v.IsNull()) {
			return true
		}
	}
	for _, rung := range n.Degrade {
		if datum.IsSensitive(l.infer(rung.Set, n.Refs, more)) {
			return true
		}
	}
	return false
}

// seen reports an expression whose value would be seen although it is sensitive.
func (l *checker) seen(e hclsyntax.Expression, r pipeline.Refs, more map[string]cty.Value, what, why string) {
	path, _ := expr.Touches(e, &hcl.EvalContext{Variables: l.names(r, more)})
	if path == nil {
		l.Fail(e.Range(), why, "%s is sensitive", what)
		return
	}
	name := expr.Spell(path)
	detail := name + " is sensitive, and " + why
	if root := path.RootName(); root != "secret" && root != "var" {
		detail += "\nif it gives nothing away, write nonsensitive(" + name + ")"
	}
	l.Fail(e.Range(), detail, "%s is sensitive", what)
}

// checkSeen reports what of a node would be seen although it is sensitive.
func (l *checker) checkSeen(n *pipeline.Node, more map[string]cty.Value) {
	if !l.private {
		return
	}
	const shown = "people see what a gate asks"
	look := func(e hclsyntax.Expression, more map[string]cty.Value, what, why string) {
		if e != nil && datum.IsSensitive(l.infer(e, n.Refs, more)) {
			l.seen(e, n.Refs, more, what, why)
		}
	}
	look(n.WhenExpr, nil, "when", "whether a node runs is seen by everybody")
	if n.Repeat != nil {
		look(n.Repeat.Until, l.round(n, more), "until", "how often a node repeats is seen by everybody")
	}
	if n.Gate == nil {
		return
	}
	for _, in := range n.Inputs {
		look(in.Expr, more, in.Name, shown)
	}
	for i := range n.Gate.Fields {
		f := &n.Gate.Fields[i]
		look(f.Fallback, more, "default", shown)
		for _, check := range f.Validations {
			look(check.Message, l.value(f, more), "message", "whoever fills in the form sees it")
		}
	}
}

// checkOutput reports a sensitive output that does not say so. Those of a module stay within the run.
func (l *checker) checkOutput(o *pipeline.Output, v cty.Value) {
	if o.Sensitive || len(l.Stack) > 1 || !datum.IsSensitive(v) {
		return
	}
	l.seen(o.Value, o.Refs, nil, "output \""+o.Name+"\"", "a run's outputs are seen by everybody; add sensitive = true to have it sealed")
}
