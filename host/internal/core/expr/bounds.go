package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// Eval evaluates an expression during a run. What could multiply is metered.
func Eval(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if !shapeOf(e).risky {
		return e.Value(ctx)
	}
	return new(meter).Eval(e, ctx)
}

// CheckNumbers refuses literal numbers out of range: 1e999999999 is quickly read, but never written.
func CheckNumbers(n hclsyntax.Node) (diags hcl.Diagnostics) {
	_ = hclsyntax.VisitAll(n, func(n hclsyntax.Node) hcl.Diagnostics {
		x, ok := n.(*hclsyntax.LiteralValueExpr)
		if ok && x.Val.Type() == cty.Number && x.Val.IsKnown() && !x.Val.IsNull() && datum.OutOfRange(x.Val.AsBigFloat()) {
			diags = append(diags, outOfRangeAt(x.Range()))
		}
		return nil
	})
	return diags
}

// maxPlain is how many parts the templates of an expression have at most that is evaluated without a meter.
const maxPlain = 16

func outOfRangeAt(rng hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Subject: &rng, Summary: "number out of range", Detail: "at most 1e1000, at least 1e-1000"}
}

// shape says what is within an expression.
type shape struct {
	loops bool // for expressions or splats
	parts int  // of templates
	risky bool // loops, calls, sums and long templates
}

func shapeOf(e hclsyntax.Expression) (s shape) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ForExpr:
			s.loops, s.risky = true, true
		case *hclsyntax.SplatExpr:
			s.loops = true
		case *hclsyntax.TemplateExpr:
			s.parts += len(n.Parts)
			s.risky = s.risky || s.parts > maxPlain
		case *hclsyntax.FunctionCallExpr, *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr, *hclsyntax.IndexExpr:
			s.risky = true
		}
		return nil
	})
	return s
}
