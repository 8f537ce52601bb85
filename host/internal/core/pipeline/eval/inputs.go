package eval

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// Inputs turns what was given for a run into the values of all variables: text is read as the variable's type says
// ("3" as a number, JSON as a list or an object), defaults are filled in, and types, media types, sizes and
// validations are checked. What is wrong is reported all at once, at the variable it concerns.
func Inputs(p *pipeline.Pipeline, given sdk.Values) (sdk.Values, diagnostic.Diagnostics) {
	for _, name := range syntax.Sorted(given) {
		if sdk.HasSealed(given[name]) {
			return nil, diagnostic.One(diagnostic.Range{File: p.Bundle().File}, "a sealed value belongs to the run that it was made for; give the plain one", "variable %q: a sealed value cannot be given", name)
		}
	}
	return inputs(p, given, nil)
}

// inputs is Inputs for plain values of which marks say what is sensitive, by name.
func inputs(p *pipeline.Pipeline, given sdk.Values, marks []datum.Mark) (sdk.Values, diagnostic.Diagnostics) {
	ds := unknownInputs(p, given)
	values := sdk.Values{}
	failed := map[string]bool{}
	for _, v := range p.Variables {
		x, found := v.Take(given, v.Sensitive || len(below(marks, v.Name)) > 0)
		values[v.Name] = x
		failed[v.Name] = found.HasErrors()
		ds = append(ds, found...)
	}
	s := newScope(p, values, marks, nil)
	for _, v := range p.Variables {
		for _, check := range v.Validations {
			if !failed[v.Name] && !slices.ContainsFunc(namesOf(check.Condition), func(n string) bool { return failed[n] }) {
				ds = append(ds, s.validate(v, check)...)
			}
		}
	}
	if ds.HasErrors() {
		return nil, ds
	}
	return values, ds
}

func unknownInputs(p *pipeline.Pipeline, given sdk.Values) (ds diagnostic.Diagnostics) {
	names := make([]string, 0, len(given))
	for name := range given {
		if p.VariableByName[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var known []string
	for _, v := range p.Variables {
		known = append(known, v.Name)
	}
	for _, name := range names {
		detail := "the pipeline has no variables"
		if len(known) > 0 {
			detail = "its variables are " + diagnostic.ShortList(known) + expr.DidYouMean(name, known)
		}
		ds = append(ds, diagnostic.One(diagnostic.Range{File: p.Bundle().File}, detail, "the pipeline has no variable %q", name)...)
	}
	return ds
}

// namesOf lists the variables that an expression refers to.
func namesOf(e hclsyntax.Expression) (names []string) {
	for _, t := range e.Variables() {
		if name, ok := syntax.AttributeName(t, 1); ok {
			names = append(names, name)
		}
	}
	return names
}

func (s *Scope) validate(v *pipeline.Variable, check pipeline.Validation) diagnostic.Diagnostics {
	return s.holds(check, map[string]cty.Value{"var": cty.ObjectVal(s.vars)}, fmt.Sprintf("variable %q", v.Name), v.Description)
}

// holds evaluates a validation of what is named.
func (s *Scope) holds(check pipeline.Validation, names map[string]cty.Value, what, detail string) diagnostic.Diagnostics {
	value, ds := s.eval(check.Condition, names)
	if ds.HasErrors() {
		return ds.In(what)
	}
	value, _ = value.UnmarkDeep() // whether a sensitive value is valid may be seen
	ok, err := datum.ToBool(value)
	if err != nil {
		return diagnostic.One(diagnostic.RangeOf(check.Condition.Range()), "", "%s: condition %s", what, err)
	}
	if ok {
		return nil
	}
	text := "the value is not valid"
	message, found := expr.Eval(check.Message, &hcl.EvalContext{Variables: names, Functions: s.p.Functions})
	if t, err := datum.ToText(message); err == nil && !found.HasErrors() {
		text = t.AsString()
	}
	return diagnostic.One(diagnostic.RangeOf(check.Condition.Range()), detail, "%s: %s", what, text)
}
