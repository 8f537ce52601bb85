package expr

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// rebuild gives a copy of an expression whose parts are what do makes of them. A loop's body, what a splat does with
// each element, and names are left as they are.
func rebuild(e hclsyntax.Expression, do func(hclsyntax.Expression) hclsyntax.Expression) hclsyntax.Expression {
	each := func(list []hclsyntax.Expression) []hclsyntax.Expression {
		out := make([]hclsyntax.Expression, len(list))
		for i := range list {
			out[i] = do(list[i])
		}
		return out
	}
	switch x := e.(type) {
	case *hclsyntax.RelativeTraversalExpr:
		c := *x
		c.Source = do(x.Source)
		return &c
	case *hclsyntax.FunctionCallExpr:
		c := *x
		c.Args = each(x.Args)
		return &c
	case *hclsyntax.SplatExpr:
		c := *x
		c.Source = do(x.Source)
		return &c
	case *hclsyntax.ParenthesesExpr:
		c := *x
		c.Expression = do(x.Expression)
		return &c
	case *hclsyntax.TemplateWrapExpr:
		c := *x
		c.Wrapped = do(x.Wrapped)
		return &c
	case *hclsyntax.ConditionalExpr:
		c := *x
		c.Condition, c.TrueResult, c.FalseResult = do(x.Condition), do(x.TrueResult), do(x.FalseResult)
		return &c
	case *hclsyntax.IndexExpr:
		c := *x
		c.Collection, c.Key = do(x.Collection), do(x.Key)
		return &c
	case *hclsyntax.TupleConsExpr:
		c := *x
		c.Exprs = each(x.Exprs)
		return &c
	case *hclsyntax.ObjectConsExpr:
		c := *x
		c.Items = slices.Clone(x.Items)
		for i := range c.Items {
			c.Items[i].KeyExpr, c.Items[i].ValueExpr = do(c.Items[i].KeyExpr), do(c.Items[i].ValueExpr)
		}
		return &c
	case *hclsyntax.TemplateExpr:
		c := *x
		c.Parts = each(x.Parts)
		return &c
	case *hclsyntax.TemplateJoinExpr:
		c := *x
		c.Tuple = do(x.Tuple)
		return &c
	case *hclsyntax.BinaryOpExpr:
		c := *x
		c.LHS, c.RHS = do(x.LHS), do(x.RHS)
		return &c
	case *hclsyntax.UnaryOpExpr:
		c := *x
		c.Val = do(x.Val)
		return &c
	}
	return e
}
