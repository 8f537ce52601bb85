package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// Infer evaluates an expression as far as can be known before a run: names in ctx may hold unknown values of known
// types. Beyond what HCL does with unknowns it walks into the bodies of for expressions, and its diagnostics name
// what could have been meant.
func Infer(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if !shapeOf(e).loops {
		if v, diags := Eval(e, ctx); !diags.HasErrors() {
			return keepMarks(v, e, ctx), diags
		}
	}
	w := walker{meter: &meter{}}
	v := w.infer(e, ctx)
	if w.meter.over {
		v, w.diags = cty.DynamicVal, append(w.diags, w.meter.diagnostic())
	}
	return keepMarks(v, e, ctx), w.diags
}

type walker struct {
	diags hcl.Diagnostics
	meter *meter
}

func (w *walker) add(rng hcl.Range, summary, format string, args ...any) {
	w.diags = append(w.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Subject: &rng, Summary: summary, Detail: fmt.Sprintf(format, args...),
	})
}

// literal infers a part and stands its value in for it, so that HCL evaluates the whole without going down again.
func (w *walker) literal(ctx *hcl.EvalContext) func(hclsyntax.Expression) hclsyntax.Expression {
	return func(e hclsyntax.Expression) hclsyntax.Expression {
		return &hclsyntax.LiteralValueExpr{Val: w.infer(e, ctx), SrcRange: e.Range()}
	}
}

// infer is one case for each kind of expression that is not plain: of those the parts are inferred, then HCL evaluates
// a shallow copy.
func (w *walker) infer(e hclsyntax.Expression, ctx *hcl.EvalContext) cty.Value {
	if w.meter.charge(perPart, e.Range()); w.meter.over {
		return cty.DynamicVal
	}
	switch x := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return w.scoped(x, ctx)
	case *hclsyntax.RelativeTraversalExpr:
		return w.relative(rebuild(x, w.literal(ctx)).(*hclsyntax.RelativeTraversalExpr), ctx)
	case *hclsyntax.FunctionCallExpr:
		return w.call(x, ctx)
	case *hclsyntax.ForExpr:
		return w.loop(x, ctx)
	case *hclsyntax.SplatExpr:
		return w.splat(x, ctx)
	case *hclsyntax.ParenthesesExpr:
		return w.infer(x.Expression, ctx)
	case *hclsyntax.TemplateWrapExpr:
		return w.infer(x.Wrapped, ctx)
	case *hclsyntax.TemplateJoinExpr:
		if v := w.infer(x.Tuple, ctx); !v.IsWhollyKnown() {
			return cty.UnknownVal(cty.String).WithMarks(datum.MarksOf(v))
		}
		return w.value(x, ctx)
	}
	return w.value(rebuild(e, w.literal(ctx)), ctx)
}

func (w *walker) value(e hclsyntax.Expression, ctx *hcl.EvalContext) cty.Value {
	v, diags := w.meter.wrap(e).Value(ctx)
	w.diags = append(w.diags, diags...)
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

func (w *walker) call(x *hclsyntax.FunctionCallExpr, ctx *hcl.EvalContext) cty.Value {
	if !defined(ctx, x.Name) {
		w.add(x.NameRange, fmt.Sprintf("unknown function %q", x.Name), "there is no function %s%s", x.Name, DidYouMean(x.Name, callable(ctx)))
		for _, arg := range x.Args {
			w.infer(arg, ctx)
		}
		return cty.DynamicVal
	}
	if lazy(x.Name) {
		return w.value(x, ctx)
	}
	before := len(w.diags)
	c := rebuild(x, w.literal(ctx))
	if w.diags[before:].HasErrors() {
		return cty.DynamicVal
	}
	return w.value(c, ctx)
}

// callable lists what can be called, in order.
func callable(ctx *hcl.EvalContext) []string {
	names := map[string]function.Function{}
	for ; ctx != nil; ctx = ctx.Parent() {
		maps.Copy(names, ctx.Functions)
	}
	return slices.Sorted(maps.Keys(names))
}

func defined(ctx *hcl.EvalContext, name string) bool {
	for ; ctx != nil; ctx = ctx.Parent() {
		if _, ok := ctx.Functions[name]; ok {
			return true
		}
	}
	return false
}

func (w *walker) scoped(x *hclsyntax.ScopeTraversalExpr, ctx *hcl.EvalContext) cty.Value {
	for c := ctx; c != nil; c = c.Parent() {
		if root, ok := c.Variables[x.Traversal.RootName()]; ok {
			if !w.steps(root.Type(), x.Traversal, 1) {
				return cty.DynamicVal
			}
			return w.value(x, ctx)
		}
	}
	return cty.DynamicVal // the check of references has said so
}

func (w *walker) relative(x *hclsyntax.RelativeTraversalExpr, ctx *hcl.EvalContext) cty.Value {
	v, _ := x.Source.Value(ctx)
	if !w.steps(v.Type(), x.Traversal, 0) {
		return cty.DynamicVal
	}
	return w.value(x, ctx)
}

// steps follows a traversal through types and says where a name is asked for that is not there.
func (w *walker) steps(t cty.Type, path hcl.Traversal, from int) bool {
	for i := from; i < len(path); i++ {
		name, isName := stepName(path[i])
		switch {
		case isName && t.IsObjectType():
			if !t.HasAttribute(name) {
				w.noAttribute(t, path, i, name)
				return false
			}
			t = t.AttributeType(name)
		case isName && (t.IsListType() || t.IsTupleType()):
			if _, attr := path[i].(hcl.TraverseAttr); attr {
				w.add(NameRange(path[i]), fmt.Sprintf("%s is a list", Spell(path[:i])),
					"take one element with [0], or %q of every element with [*].%s", name, name)
			}
			return false
		case t.IsMapType(), t.IsListType():
			t = t.ElementType()
		default:
			return true
		}
	}
	return true
}

func stepName(s hcl.Traverser) (string, bool) {
	switch s := s.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

func (w *walker) noAttribute(t cty.Type, path hcl.Traversal, i int, name string) {
	names := datum.SortedNames(t)
	what, owner := "attribute", "the object"
	if i > 0 {
		if owner = Spell(path[:i]); path.IsRelative() {
			owner = "the object at " + owner
		}
		if root, ok := path[0].(hcl.TraverseRoot); ok && root.Name == "node" && outputAt(path) == i {
			what = "output"
		}
	}
	detail := fmt.Sprintf("%s has %s%s", owner, strings.Join(names, ", "), DidYouMean(name, names))
	if len(names) == 0 {
		detail = owner + " has none"
	}
	w.add(NameRange(path[i]), fmt.Sprintf("unknown %s %q", what, name), "%s", detail)
}

// outputAt is where a reference to a node names its output: node.x.output, node.x[key].output.
func outputAt(path hcl.Traversal) int {
	if len(path) > 2 {
		if _, keyed := path[2].(hcl.TraverseIndex); keyed {
			return 3
		}
	}
	return 2
}

// NameRange is where the name of a reference's part stands, without the dot before it.
func NameRange(s hcl.Traverser) hcl.Range {
	rng := s.SourceRange()
	if attr, ok := s.(hcl.TraverseAttr); ok && rng.End.Byte-rng.Start.Byte > len(attr.Name) {
		rng.Start.Byte++
		rng.Start.Column++
	}
	return rng
}

// Spell writes a traversal as it stands in a pipeline: node.plan.scenes[0].
func Spell(path hcl.Traversal) string {
	var b strings.Builder
	for _, s := range path {
		switch s := s.(type) {
		case hcl.TraverseRoot:
			b.WriteString(s.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			if s.Key.Type() == cty.String {
				fmt.Fprintf(&b, "[%q]", s.Key.AsString())
			} else if n, err := datum.ToText(s.Key); err == nil {
				fmt.Fprintf(&b, "[%s]", n.AsString())
			}
		}
	}
	return b.String()
}

// maxShapes is how many different element types of one tuple are tried in a loop's body.
const maxShapes = 20

// elements gives the key type and the distinct element types of what a loop runs over; none when they are not known.
func elements(v cty.Value) (key cty.Type, elems []cty.Type, ok bool) {
	switch t := v.Type(); {
	case t.IsListType():
		return cty.Number, []cty.Type{t.ElementType()}, true
	case t.IsSetType():
		return t.ElementType(), []cty.Type{t.ElementType()}, true
	case t.IsMapType():
		return cty.String, []cty.Type{t.ElementType()}, true
	case t.IsTupleType():
		return cty.Number, distinct(t.TupleElementTypes()), true
	case t.IsObjectType():
		return cty.String, distinct(slices.Collect(maps.Values(t.AttributeTypes()))), true
	case t == cty.DynamicPseudoType:
		return cty.DynamicPseudoType, []cty.Type{cty.DynamicPseudoType}, true
	}
	return cty.NilType, nil, false
}

func distinct(types []cty.Type) []cty.Type {
	var out []cty.Type
	for _, t := range types {
		if len(out) < maxShapes && !slices.ContainsFunc(out, t.Equals) {
			out = append(out, t)
		}
	}
	return out
}

func (w *walker) loop(x *hclsyntax.ForExpr, ctx *hcl.EvalContext) cty.Value {
	before := len(w.diags)
	coll := w.infer(x.CollExpr, ctx)
	key, elems, ok := elements(coll)
	if !ok {
		w.add(x.CollExpr.Range(), "for wants a list, a map or a set", "this is %s", datum.Describe(coll.Type()))
		return cty.DynamicVal
	}
	var results []cty.Type
	inside, marks := datum.PartMarks(coll), datum.MarksOf() // of what the loop sees, and of what it makes
	for _, elem := range elems {
		at := len(w.diags)
		v := w.body(x, ctx, key, cty.UnknownVal(elem).WithMarks(inside))
		results = append(results, v.Type())
		maps.Copy(marks, datum.MarksOf(v))
		if w.diags[at:].HasErrors() {
			break // the same mistake is said once
		}
	}
	if w.diags[before:].HasErrors() {
		return cty.DynamicVal
	}
	if coll.IsWhollyKnown() {
		c := *x
		c.CollExpr = &hclsyntax.LiteralValueExpr{Val: coll, SrcRange: x.CollExpr.Range()}
		v := w.value(&c, ctx)
		if w.meter.charge(datum.Size(v, 8*maxWork)/8, x.Range()); w.meter.over {
			return cty.DynamicVal
		}
		if v.IsWhollyKnown() {
			return v
		}
	}
	return loopResult(x, distinct(results)).WithMarks(coll.Marks(), marks)
}

// body infers what a loop makes of one kind of element.
func (w *walker) body(x *hclsyntax.ForExpr, ctx *hcl.EvalContext, key cty.Type, elem cty.Value) cty.Value {
	child := ctx.NewChild()
	child.Variables = map[string]cty.Value{x.ValVar: elem}
	if x.KeyVar != "" {
		child.Variables[x.KeyVar] = cty.UnknownVal(key)
	}
	marks := datum.MarksOf()
	if x.CondExpr != nil {
		cond := w.infer(x.CondExpr, child)
		maps.Copy(marks, datum.MarksOf(cond))
		if t := cond.Type(); !t.IsPrimitiveType() && t != cty.DynamicPseudoType {
			w.add(x.CondExpr.Range(), "a condition must be true or false", "this is %s", datum.Describe(t))
		}
	}
	if x.KeyExpr != nil {
		k := w.infer(x.KeyExpr, child)
		maps.Copy(marks, datum.MarksOf(k))
		if t := k.Type(); !t.IsPrimitiveType() && t != cty.DynamicPseudoType {
			w.add(x.KeyExpr.Range(), "a key must be text", "this is %s", datum.Describe(t))
		}
	}
	v := w.infer(x.ValExpr, child)
	return v.WithMarks(marks)
}

func loopResult(x *hclsyntax.ForExpr, results []cty.Type) cty.Value {
	if len(results) != 1 || results[0] == cty.DynamicPseudoType {
		return cty.DynamicVal
	}
	t := results[0]
	switch {
	case x.KeyExpr == nil:
		return cty.UnknownVal(cty.List(t))
	case x.Group:
		return cty.UnknownVal(cty.Map(cty.List(t)))
	}
	return cty.UnknownVal(cty.Map(t))
}

func (w *walker) splat(x *hclsyntax.SplatExpr, ctx *hcl.EvalContext) cty.Value {
	source := w.infer(x.Source, ctx)
	t := source.Type()
	if t.IsMapType() || t.IsObjectType() {
		w.add(x.MarkerRange, "a splat wants a list", "this is %s; write values(…)%s to go over its values", datum.Describe(t), "[*]")
		return cty.DynamicVal
	}
	if each, ok := x.Each.(*hclsyntax.RelativeTraversalExpr); ok && each.Source == hclsyntax.Expression(x.Item) {
		_, elems, ok := elements(source)
		for _, elem := range elems {
			if ok && !w.steps(elem, each.Traversal, 0) {
				return cty.DynamicVal
			}
		}
	}
	c := *x
	c.Source = &hclsyntax.LiteralValueExpr{Val: source, SrcRange: x.Source.Range()}
	return w.value(&c, ctx)
}
