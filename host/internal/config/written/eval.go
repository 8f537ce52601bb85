package written

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// textFunction makes a function of one text.
func textFunction(fn func(string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn(args[0].AsString()) },
	})
}

// Scope is what expressions see: env, and secret as the caller has it.
func Scope(getenv func(string) (string, bool), secret func(string) (cty.Value, error)) *hcl.EvalContext {
	return &hcl.EvalContext{Functions: map[string]function.Function{
		"env": textFunction(func(name string) (cty.Value, error) {
			value, ok := "", false
			if getenv != nil {
				value, ok = getenv(name)
			}
			if !ok {
				return cty.NilVal, fmt.Errorf("%s is not set in the environment", strconv.Quote(name))
			}
			return cty.StringVal(value), nil
		}),
		"secret": textFunction(secret),
	}}
}

// NoSecret is secret() outside the blocks of plugins.
func NoSecret(string) (cty.Value, error) {
	return cty.NilVal, errors.New("a secret can be given to a plugin, in its block, or in the headers of tracing, and nowhere else")
}

// LaterSecret is secret() while nobody has asked for its value.
func LaterSecret(name string) (cty.Value, error) {
	if !sdk.IsName(name) {
		return cty.NilVal, fmt.Errorf("%q is no name of a secret", name)
	}
	return cty.UnknownVal(cty.String), nil
}

// Eval gives the value of an expression; false when that is not to be had, and then the finder knows why.
func (f *Finder) Eval(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, bool) {
	before := len(f.Found)
	for _, t := range e.Variables() {
		f.Fail(t.SourceRange(), fmt.Sprintf("a text stands in quotes: %q; a value of the environment is read with env(\"NAME\")", expr.Spell(t)),
			"%s refers to nothing: a configuration has no names to refer to", expr.Spell(t))
	}
	if len(f.Found) > before {
		return cty.NilVal, false
	}
	v, diags := cty.NilVal, expr.CheckNumbers(e)
	if !diags.HasErrors() {
		v, diags = expr.Eval(e, ctx)
	}
	f.HCL(diags)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	return v, true
}

// Plain is eval for a value that is known in whole, as values of a run are: string, bool, json.Number, []any,
// map[string]any.
func (f *Finder) Plain(e hclsyntax.Expression, ctx *hcl.EvalContext) (any, bool) {
	v, ok := f.Eval(e, ctx)
	if !ok {
		return nil, false
	}
	x, err := datum.Artifacts{}.Out(v)
	switch {
	case err != nil:
		f.Fail(e.Range(), "", "%v", err)
	case x == nil:
		f.Fail(e.Range(), "leave the line out for the default", "there is no value")
	}
	return x, err == nil && x != nil
}

// Calls says whether an expression Calls one of the functions.
func Calls(e hclsyntax.Expression, names ...string) (found bool) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			for _, name := range names {
				found = found || call.Name == name
			}
		}
		return nil
	})
	return found
}

// Locate finds the part of an expression that a path leads to, or the nearest part around it.
func Locate(e hclsyntax.Expression, path string) hcl.Range {
	for path != "" {
		object, ok := e.(*hclsyntax.ObjectConsExpr)
		if !ok {
			break
		}
		next, rest := e, ""
		for _, item := range object.Items {
			name, known := expr.KeyName(item.KeyExpr)
			after, found := strings.CutPrefix(path, "."+name)
			if known && found && (after == "" || after[0] == '.' || after[0] == '[') {
				next, rest = item.ValueExpr, after
			}
		}
		if next == e {
			break
		}
		e, path = next, rest
	}
	return e.Range()
}
