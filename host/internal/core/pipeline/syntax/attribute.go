package syntax

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// inferred is what is known of a value before a run; ok says whether it could be worked out.
type inferred struct {
	value cty.Value
	ok    bool
}

// constant evaluates an expression that must be known when the pipeline is checked; it may use locals that are.
func (l *Reader) constant(e hclsyntax.Expression) (cty.Value, bool) {
	l.LoadFiles(e, nil)
	locals := map[string]cty.Value{}
	for _, t := range e.Variables() {
		name, ok := AttributeName(t, 1)
		if t.RootName() != "local" || !ok {
			l.Fail(t.SourceRange(), "it cannot refer to "+expr.Spell(t)+"; write it out, or as a local that is known", "%s must be known when the pipeline is checked", l.Subject)
			return cty.DynamicVal, false
		}
		v, ok := l.ConstantLocal(name)
		if !ok {
			l.Fail(t.SourceRange(), expr.Spell(t)+" is not", "%s must be known when the pipeline is checked", l.Subject)
			return cty.DynamicVal, false
		}
		locals[name] = v
	}
	v, found := expr.Infer(e, &hcl.EvalContext{
		Variables: map[string]cty.Value{"local": cty.ObjectVal(locals)}, Functions: l.Pipeline.Functions,
	})
	l.HCL(found)
	return v, !found.HasErrors()
}

// ConstantLocal evaluates a local; false when it is not known before a run.
func (l *Reader) ConstantLocal(name string) (cty.Value, bool) {
	if known, done := l.constants[name]; done {
		return known.value, known.ok
	}
	l.constants[name] = inferred{}
	x, ok := l.Pipeline.Locals[name]
	if !ok {
		return cty.DynamicVal, false
	}
	before := len(l.Diags)
	v, ok := l.constant(x.Expr)
	l.Diags = l.Diags[:before] // what is wrong with the local is said where it stands
	l.constants[name] = inferred{v, ok && v.IsWhollyKnown()}
	return v, ok && v.IsWhollyKnown()
}

// Read gives a reader that takes a constant which fits the schema.
func (l *Reader) Read(s sdk.Schema, take func(x any)) func(hclsyntax.Expression) {
	return func(e hclsyntax.Expression) {
		subject := l.Subject
		v, ok := l.constant(e)
		if !ok {
			return
		}
		if v.IsKnown() && v.IsNull() {
			return
		}
		found := expr.FitWith(l.Assets.Files, &s, v)
		for _, f := range found {
			l.Fail(Locate(e, f.Path), "", "%s: %s", pipeline.JoinPath(subject, f.Path), f.Message)
		}
		x, err := l.Assets.Files.Out(v)
		if errors.Is(err, datum.ErrSensitive) {
			l.Fail(e.Range(), "it stands in the file for everybody to read", "%s %s", subject, err)
		}
		if len(found) == 0 && err == nil {
			take(datum.Coerce(&s, x))
		}
	}
}

// Text gives a reader of a constant text, as those that follow do of their types.
func (l *Reader) Text(to *string) func(hclsyntax.Expression) {
	return l.Read(sdk.Schema{Type: "string"}, func(x any) { *to = x.(string) })
}

// Flag reads true or false.
func (l *Reader) Flag(to *bool) func(hclsyntax.Expression) {
	return l.Read(sdk.Schema{Type: "boolean"}, func(x any) { *to = x.(bool) })
}

// Texts reads a list of texts that are not empty.
func (l *Reader) Texts(to *[]string) func(hclsyntax.Expression) {
	return l.Read(sdk.Schema{Type: "array", Items: &sdk.Schema{Type: "string", MinLength: new(1)}}, func(x any) {
		for _, s := range x.([]any) {
			*to = append(*to, s.(string))
		}
	})
}

// TextMap reads texts by name.
func (l *Reader) TextMap(to *map[string]string) func(hclsyntax.Expression) {
	return l.Read(sdk.Schema{Type: "object", Additional: &sdk.Schema{Type: "string"}}, func(x any) {
		*to = map[string]string{}
		for k, s := range x.(map[string]any) {
			if s, ok := s.(string); ok {
				(*to)[k] = s
			}
		}
	})
}

// Number reads a whole number within bounds.
func (l *Reader) Number(to *int, least, most int) func(hclsyntax.Expression) {
	low, high := json.Number(fmt.Sprint(least)), json.Number(fmt.Sprint(most))
	return l.Read(sdk.Schema{Type: "integer", Minimum: &low, Maximum: &high}, func(x any) {
		if n, err := x.(json.Number).Int64(); err == nil {
			*to = int(n)
		}
	})
}

// Duration reads one such as "5m".
func (l *Reader) Duration(to *time.Duration) func(hclsyntax.Expression) {
	return l.Read(sdk.Schema{Type: "string", Format: sdk.FormatDuration}, func(x any) {
		*to, _ = sdk.ParseDuration(x.(string)) // the schema has checked it
	})
}

// Size reads one such as "6GiB", in bytes.
func (l *Reader) Size(to *int64) func(hclsyntax.Expression) {
	return l.Read(sdk.Schema{Type: "string", Format: sdk.FormatBytes}, func(x any) {
		*to, _ = sdk.ParseBytes(x.(string)) // the schema has checked it
	})
}

// Choice reads one of the options.
func (l *Reader) Choice(to *string, options ...string) func(hclsyntax.Expression) {
	enum := make([]any, len(options))
	for i := range options {
		enum[i] = options[i]
	}
	return l.Read(sdk.Schema{Type: "string", Enum: enum}, func(x any) { *to = x.(string) })
}
