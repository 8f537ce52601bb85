package expr

import (
	"fmt"
	"reflect"
	"regexp/syntax"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// maxWork is what one evaluation may cost: about as many bytes as it makes on its way, and in time a few seconds.
const maxWork = 32 << 20

// Prices of what takes time rather than room.
const (
	perPart  = 8  // anything evaluated
	perRound = 64 // of a loop, beside what is in it: half a million rounds
	perCall  = 64
	perTry   = 256
	perKey   = 192 // of an object that a loop makes, beside perRound
)

// meter adds up what an evaluation costs. HCL has no bounds: loops, templates and calls multiply, and try doubles with
// each level. Once too much was done, whatever else is to be evaluated is unknown at once.
type meter struct {
	spent int
	over  bool
	at    hcl.Range // where it was too much
}

func (m *meter) charge(n int, at hcl.Range) {
	if m.spent += n; m.spent > maxWork && !m.over {
		m.over, m.at = true, at
	}
}

func (m *meter) diagnostic() *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Subject: &m.at, Summary: "this takes too much work",
		Detail: fmt.Sprintf("its loops go round too often, or it makes too much text: one expression may make at most %d MiB on its way, or go round half a million times; "+
			"take less at once, or let a node do it", maxWork>>20),
	}
}

// Eval evaluates an expression and adds up what it costs.
func (m *meter) Eval(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := m.wrap(e).Value(ctx)
	if m.over {
		return cty.DynamicVal, hcl.Diagnostics{m.diagnostic()}
	}
	return v, diags
}

// metered is an expression that adds up what it costs.
type metered struct {
	hclsyntax.Expression
	m      *meter
	price  int
	sized  bool // its value is copied
	number bool // its value is read as a number
}

func (m *meter) wrap(e hclsyntax.Expression) hclsyntax.Expression {
	switch x := e.(type) {
	case nil:
		return nil
	case *hclsyntax.LiteralValueExpr, *hclsyntax.ScopeTraversalExpr, *hclsyntax.ObjectConsKeyExpr, *hclsyntax.AnonSymbolExpr:
		return e // HCL wants to know these
	case *hclsyntax.ForExpr:
		c := *x
		c.CollExpr = m.wrap(x.CollExpr)
		if x.CondExpr != nil {
			c.CondExpr = metered{Expression: m.wrap(x.CondExpr), m: m, price: perRound}
		}
		if x.KeyExpr != nil {
			c.KeyExpr = metered{Expression: m.wrap(x.KeyExpr), m: m, price: perKey}
		}
		c.ValExpr = metered{Expression: m.wrap(x.ValExpr), m: m, price: perRound}
		return metered{Expression: &c, m: m}
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateJoinExpr:
		return metered{Expression: rebuild(e, m.weigh), m: m}
	case *hclsyntax.IndexExpr:
		c := *x
		c.Collection, c.Key = m.wrap(x.Collection), m.count(x.Key)
		return metered{Expression: &c, m: m}
	case *hclsyntax.BinaryOpExpr:
		if x.Op.Impl.Params()[0].Type == cty.Number {
			return metered{Expression: rebuild(e, m.count), m: m}
		}
	case *hclsyntax.UnaryOpExpr:
		return metered{Expression: rebuild(e, m.count), m: m}
	}
	price := 0
	if c, ok := e.(*hclsyntax.FunctionCallExpr); ok && lazy(c.Name) {
		price = perTry
	}
	return metered{Expression: rebuild(e, m.wrap), m: m, price: price}
}

// count is wrap for what may be read as a number.
func (m *meter) count(e hclsyntax.Expression) hclsyntax.Expression {
	return metered{Expression: m.wrap(e), m: m, number: true}
}

// weigh is wrap for what is copied into something larger.
func (m *meter) weigh(e hclsyntax.Expression) hclsyntax.Expression {
	if x, literal := e.(*hclsyntax.LiteralValueExpr); literal {
		m.charge(datum.Size(x.Val, maxWork), x.Range())
		return e
	}
	return metered{Expression: m.wrap(e), m: m, sized: true}
}

// Value implements hcl.Expression.
func (x metered) Value(ctx *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics) {
	if x.m.charge(perPart+x.price, x.Range()); x.m.over {
		return cty.DynamicVal, nil
	}
	if c, ok := x.Expression.(*hclsyntax.FunctionCallExpr); ok && !lazy(c.Name) {
		v, diags = x.m.call(c, ctx)
	} else {
		v, diags = x.Expression.Value(ctx)
	}
	if x.sized {
		x.m.charge(datum.Size(v, maxWork), x.Range())
	}
	if x.m.over {
		return cty.DynamicVal, nil
	}
	switch x.Expression.(type) {
	case *hclsyntax.BinaryOpExpr, *hclsyntax.FunctionCallExpr:
		v = datum.Rounded(v)
	}
	if x.number && longNumber(v) || v.Type() == cty.Number && tooGreat(v) {
		return cty.DynamicVal, append(diags, outOfRangeAt(x.Range()))
	}
	return v, diags
}

// longNumber is true of text that would be read as a number for a long time.
func longNumber(v cty.Value) bool {
	v, _ = v.Unmark()
	return v.Type() == cty.String && v.IsKnown() && !v.IsNull() && len(v.AsString()) > datum.MaxDigits
}

// tooGreat is true of numbers that would be written out for a long time, but for infinity, which has one word.
func tooGreat(v cty.Value) bool {
	v, _ = v.Unmark()
	return v.IsKnown() && !v.IsNull() && !v.AsBigFloat().IsInf() && datum.OutOfRange(v.AsBigFloat())
}

// lazy is true of functions that evaluate their arguments themselves, since those may fail.
func lazy(function string) bool { return function == "try" || function == "can" }

// call evaluates the arguments of a function, and calls it when what it will do is paid for.
func (m *meter) call(c *hclsyntax.FunctionCallExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	var all hcl.Diagnostics
	price := perCall
	args := make([]cty.Value, len(c.Args))
	numbers := numbersOf(ctx, c.Name)
	for i, a := range c.Args {
		v, diags := a.Value(ctx)
		if numbers(i) && longNumber(v) {
			diags = append(diags, outOfRangeAt(a.Range()))
		}
		price += datum.Size(v, 8*maxWork)
		args[i], all = v, append(all, diags...)
	}
	price += Matching(c.Name, args) / 4
	if m.charge(price, c.Range()); m.over || all.HasErrors() {
		return cty.DynamicVal, all
	}
	if c.Name == "templatefile" && len(args) == 2 {
		args[1] = m.into(args[1])
	}
	literal := *c
	literal.Args = make([]hclsyntax.Expression, len(args))
	for i, v := range args {
		literal.Args[i] = &hclsyntax.LiteralValueExpr{Val: v, SrcRange: c.Args[i].Range()}
	}
	v, diags := literal.Value(ctx)
	m.charge(datum.Size(v, maxWork), c.Range())
	return v, append(all, diags...)
}

// numbersOf says which arguments of a function are numbers.
func numbersOf(ctx *hcl.EvalContext, name string) func(i int) bool {
	for ; ctx != nil; ctx = ctx.Parent() {
		f, ok := ctx.Functions[name]
		if !ok {
			continue
		}
		params, more := f.Params(), f.VarParam()
		return func(i int) bool {
			return i < len(params) && params[i].Type == cty.Number || i >= len(params) && more != nil && more.Type == cty.Number
		}
	}
	return func(int) bool { return false }
}

// meterName is what no person can call a variable of a template: the meter of whoever calls templatefile stands there,
// so that the template's work is theirs.
const meterName = "\x00meter"

func (m *meter) into(values cty.Value) cty.Value {
	v, marks := values.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return values
	}
	named := v.AsValueMap()
	if named == nil {
		named = map[string]cty.Value{}
	}
	named[meterName] = cty.CapsuleVal(meterType, m)
	return cty.ObjectVal(named).WithMarks(marks)
}

// MeterIn takes the meter out again; a new one when there is none.
func MeterIn(values map[string]cty.Value) *meter {
	v, ok := values[meterName]
	if !ok {
		return &meter{}
	}
	delete(values, meterName)
	return v.EncapsulatedValue().(*meter)
}

var meterType = cty.Capsule("meter", reflect.TypeFor[meter]())

// Matching is what a call of a regular expression costs: one unit is a byte of text taken by one instruction.
func Matching(function string, args []cty.Value) int {
	pattern, text := 0, 1
	switch function {
	default:
		return 0
	case "regex", "regexall":
	case "regexreplace":
		pattern, text = 1, 0
	}
	if len(args) < 2 {
		return 0
	}
	p, _ := args[pattern].Unmark()
	t, _ := args[text].Unmark()
	if p.Type() != cty.String || t.Type() != cty.String || !p.IsKnown() || !t.IsKnown() || p.IsNull() || t.IsNull() {
		return 0
	}
	re, err := syntax.Parse(p.AsString(), syntax.Perl)
	if err != nil {
		return 0 // the function says so
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0
	}
	return len(prog.Inst) * len(t.AsString())
}
