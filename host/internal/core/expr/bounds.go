package expr

import (
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Bounds of one expression. HCL itself has none: nested loops and templates multiply.
const (
	maxRounds = 1_000_000 // of nested loops, multiplied
	maxParts  = 16        // of a template, beyond which its size is added up first
	// MaxValue is the size limit of a local and of an input, in bytes of text, keys and numbers.
	MaxValue = 16 << 20
)

// Eval evaluates an expression during a run. Where it could multiply, what it would cost is worked out first.
func Eval(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if !shapeOf(e).risky {
		return e.Value(ctx)
	}
	w := walker{rounds: 1}
	v := w.infer(e, ctx)
	if w.diags.HasErrors() && !w.bounded {
		return e.Value(ctx) // in HCL's words, with the values at hand
	}
	return v, w.diags
}

// outOfRange is true of numbers that would take long to write out: beyond 1e1000, or nearer to 0 than 1e-1000.
func outOfRange(f *big.Float) bool {
	exponent := f.MantExp(nil)
	return f.IsInf() || exponent > 3323 || exponent < -3323
}

// CheckNumbers refuses literal numbers out of range: 1e999999999 is quickly read, but never written.
func CheckNumbers(n hclsyntax.Node) (diags hcl.Diagnostics) {
	_ = hclsyntax.VisitAll(n, func(n hclsyntax.Node) hcl.Diagnostics {
		x, ok := n.(*hclsyntax.LiteralValueExpr)
		if ok && x.Val.Type() == cty.Number && x.Val.IsKnown() && !x.Val.IsNull() && outOfRange(x.Val.AsBigFloat()) {
			rng := x.Range()
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Subject: &rng, Summary: "number out of range", Detail: "at most 1e1000, at least 1e-1000",
			})
		}
		return nil
	})
	return diags
}

// shape says what is within an expression.
type shape struct {
	depth int
	loops bool // for expressions or splats
	risky bool // loops within loops, templates within loops, long templates
}

func shapeOf(e hclsyntax.Expression) shape {
	s := &shape{}
	_ = hclsyntax.Walk(e, s)
	return *s
}

// Enter is called by hclsyntax.Walk before the parts of a node.
func (s *shape) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.ForExpr:
		s.depth++
		s.loops = true
		s.risky = s.risky || s.depth > 1
	case *hclsyntax.SplatExpr:
		s.loops = true
	case *hclsyntax.TemplateExpr:
		s.risky = s.risky || s.depth > 0 && !n.IsStringLiteral() || len(n.Parts) > maxParts
	}
	return nil
}

// Exit is called by hclsyntax.Walk after the parts of a node.
func (s *shape) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(*hclsyntax.ForExpr); ok {
		s.depth--
	}
	return nil
}

// Size adds up the text, keys and elements of a value, and stops at limit.
func Size(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return 1
	}
	switch t := v.Type(); {
	case t == cty.String:
		return len(v.AsString())
	case t == cty.Number && outOfRange(v.AsBigFloat()):
		return limit
	case t.IsPrimitiveType() || !v.CanIterateElements():
		return 8
	}
	size := 0
	for it := v.ElementIterator(); it.Next() && size < limit; {
		k, e := it.Element()
		if k.Type() == cty.String && k.IsKnown() {
			size += len(k.AsString())
		}
		size += 8 + Size(e, limit-size)
	}
	return size
}

// enter multiplies the rounds of a loop over a known collection; leave by setting w.rounds back.
func (w *walker) enter(x *hclsyntax.ForExpr, coll cty.Value) bool {
	coll, _ = coll.Unmark()
	if !coll.IsKnown() || coll.IsNull() || !coll.CanIterateElements() {
		return true
	}
	w.rounds *= max(1, coll.LengthInt())
	if w.rounds > maxRounds {
		w.bounded = true
		w.add(x.Range(), "the loops go round too often", "%d times; at most %d", w.rounds, maxRounds)
		return false
	}
	return true
}

// template refuses a template that would become too long, in all its rounds.
func (w *walker) template(c *hclsyntax.TemplateExpr, ctx *hcl.EvalContext) cty.Value {
	size := 0
	for _, part := range c.Parts {
		if v := part.(*hclsyntax.LiteralValueExpr).Val; v.Type() == cty.String {
			size += Size(v, MaxValue)
		}
		if size*w.rounds > 4*MaxValue {
			w.bounded = true
			w.add(c.Range(), "the text becomes too long", "at most %d MiB can be made of one template", 4*MaxValue>>20)
			return cty.UnknownVal(cty.String)
		}
	}
	return w.value(c, ctx)
}
