package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Inputs turns what was given for a run into the values of all variables: text is read as the variable's type says
// ("3" as a number, JSON as a list or an object), defaults are filled in, and types, media types, sizes and
// validations are checked. What is wrong is reported all at once, at the variable it concerns.
func (p *Pipeline) Inputs(given sdk.Values) (sdk.Values, Diagnostics) {
	for _, name := range sorted(given) {
		if sdk.HasSealed(given[name]) {
			return nil, one(Range{File: p.bundle.File}, "a sealed value belongs to the run that it was made for; give the plain one", "variable %q: a sealed value cannot be given", name)
		}
	}
	return p.inputs(given, nil)
}

// inputs is Inputs for plain values of which marks say what is sensitive, by name.
func (p *Pipeline) inputs(given sdk.Values, marks []expr.Mark) (sdk.Values, Diagnostics) {
	ds := p.unknownInputs(given)
	values := sdk.Values{}
	failed := map[string]bool{}
	for _, v := range p.Variables {
		x, found := v.take(given, v.Sensitive || len(below(marks, v.Name)) > 0)
		values[v.Name] = x
		failed[v.Name] = found.HasErrors()
		ds = append(ds, found...)
	}
	s := p.newScope(values, marks, nil)
	for _, v := range p.Variables {
		for _, check := range v.validations {
			if !failed[v.Name] && !slices.ContainsFunc(namesOf(check.condition), func(n string) bool { return failed[n] }) {
				ds = append(ds, s.validate(v, check)...)
			}
		}
	}
	if ds.HasErrors() {
		return nil, ds
	}
	return values, ds
}

func (p *Pipeline) unknownInputs(given sdk.Values) (ds Diagnostics) {
	names := make([]string, 0, len(given))
	for name := range given {
		if p.variables[name] == nil {
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
			detail = "its variables are " + shortList(known) + expr.DidYouMean(name, known)
		}
		ds = append(ds, one(Range{File: p.bundle.File}, detail, "the pipeline has no variable %q", name)...)
	}
	return ds
}

// take reads one variable's value. What is wrong with a private one is said without showing it.
func (v *Variable) take(given sdk.Values, private bool) (any, Diagnostics) {
	x := given[v.Name]
	if x == nil {
		if v.HasDefault {
			return expr.Clone(v.Default), nil
		}
		detail := "give it with --var " + v.Name + "=…"
		if v.Schema.IsArtifact() {
			detail = "give it with --artifact " + v.Name + "=FILE"
		}
		if v.Description != "" {
			detail = v.Description + "\n" + detail
		}
		return nil, one(v.Range, detail, "variable %q needs a value", v.Name)
	}
	x, err := v.fromText(x)
	if err != nil {
		detail := err.Error()
		if private {
			detail = "it is sensitive, so its value is not shown"
		}
		return nil, one(v.Range, detail, "variable %q: want %s", v.Name, v.Type)
	}
	x = expr.Coerce(&v.Schema, x)
	var ds Diagnostics
	for _, f := range v.Schema.Check(x) {
		if private {
			f.Message = hide(f.Message)
		}
		ds = append(ds, one(v.Range, v.Description, "variable %q: %s", v.Name, f)...)
	}
	return x, append(ds, v.tooLarge(x)...)
}

// fromText reads text as the variable's type, as it comes from a command line.
func (v *Variable) fromText(x any) (any, error) {
	text, isText := x.(string)
	switch {
	case !isText, v.Schema.Type == "", v.Schema.Type == "string":
		return x, nil
	case v.Schema.IsArtifact():
		return nil, fmt.Errorf("%q is text; give a file with --artifact %s=FILE", text, v.Name)
	case v.Schema.Type == "array", v.Schema.Type == "object":
		example := `["a", "b"]`
		if v.Schema.Type == "object" {
			example = `{"a": "b"}`
		}
		parsed, err := fromJSON(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not JSON; write it like --var '%s=%s'", shorten(text), v.Name, example)
		}
		return parsed, nil
	}
	return strings.TrimSpace(text), nil
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

func fromJSON(text string) (x any, err error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err = d.Decode(&x); err != nil {
		return nil, err
	}
	if _, err = d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more follows the value")
	}
	return x, nil
}

func (v *Variable) tooLarge(x any) (ds Diagnostics) {
	if v.MaxSize == 0 {
		return nil
	}
	check := func(a sdk.Artifact) (sdk.Artifact, error) {
		if a.Size > v.MaxSize {
			name := a.Name
			if name == "" {
				name = "the artifact"
			}
			ds = append(ds, one(v.Range, "give a smaller file", "variable %q: %s has %s; at most %s are taken",
				v.Name, name, sdk.FormatSize(a.Size), sdk.FormatSize(v.MaxSize))...)
		}
		return a, nil
	}
	_ = sdk.Values{v.Name: x}.EachArtifact(check) // check gives no errors, and the artifacts as they are
	return ds
}

// namesOf lists the variables that an expression refers to.
func namesOf(e hclsyntax.Expression) (names []string) {
	for _, t := range e.Variables() {
		if name, ok := attributeName(t, 1); ok {
			names = append(names, name)
		}
	}
	return names
}

func (s *Scope) validate(v *Variable, check validation) Diagnostics {
	return s.holds(check, map[string]cty.Value{"var": cty.ObjectVal(s.vars)}, fmt.Sprintf("variable %q", v.Name), v.Description)
}

// holds evaluates a validation of what is named.
func (s *Scope) holds(check validation, names map[string]cty.Value, what, detail string) Diagnostics {
	value, ds := s.eval(check.condition, names)
	if ds.HasErrors() {
		return ds.in(what)
	}
	value, _ = value.UnmarkDeep() // whether a sensitive value is valid may be seen
	ok, err := expr.ToBool(value)
	if err != nil {
		return one(rangeOf(check.condition.Range()), "", "%s: condition %s", what, err)
	}
	if ok {
		return nil
	}
	text := "the value is not valid"
	message, found := expr.Eval(check.message, &hcl.EvalContext{Variables: names, Functions: s.p.functions})
	if t, err := expr.ToText(message); err == nil && !found.HasErrors() {
		text = t.AsString()
	}
	return one(rangeOf(check.condition.Range()), detail, "%s: %s", what, text)
}
