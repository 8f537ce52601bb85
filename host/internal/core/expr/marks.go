package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// keepMarks marks a value of which nothing is known when anything that it may be made of is sensitive: with the type,
// HCL loses the marks.
func keepMarks(v cty.Value, e hclsyntax.Expression, ctx *hcl.EvalContext) cty.Value {
	if v.IsKnown() || v.Type() != cty.DynamicPseudoType || v.IsMarked() || calls(e, "nonsensitive") {
		return v
	}
	if _, why := Touches(e, ctx); why != "" {
		return v.Mark(why)
	}
	return v
}

// Touches finds the first reference to anything sensitive in an expression, whatever is made of it, and says how grave
// all of them are; nil and "" when there is none.
func Touches(e hclsyntax.Expression, ctx *hcl.EvalContext) (first hcl.Traversal, why datum.Origin) {
	for _, t := range e.Variables() {
		v, diags := t.TraverseAbs(ctx)
		marks := datum.MarksOf(v)
		if diags.HasErrors() || len(marks) == 0 {
			continue
		}
		if first == nil {
			first = t
		}
		if why != datum.Declared {
			why = datum.WorstOf(marks)
		}
	}
	return first, why
}

func calls(e hclsyntax.Expression, name string) (found bool) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		found = found || ok && call.Name == name
		return nil
	})
	return found
}
