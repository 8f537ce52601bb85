package load

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

// checkTrigger checks a trigger's inputs against the variables, as far as types go.
func (l *checker) checkTrigger(t *pipeline.Trigger) {
	given, all := l.triggerInputs(t)
	if !all {
		return // its names show when it fires
	}
	for _, v := range l.Pipeline.Variables {
		if !given[v.Name] && !v.HasDefault {
			detail := "add it to inputs, or give the variable a default"
			if v.Description != "" {
				detail = v.Description + "\n" + detail
			}
			l.Add(diagnostic.Error, t.Range, detail, "trigger %q gives variable %q no value", t.Name, v.Name)
		}
	}
}

// triggerInputs checks each input, and says which are given, and whether all are known by name.
func (l *checker) triggerInputs(t *pipeline.Trigger) (given map[string]bool, all bool) {
	given = map[string]bool{}
	if t.Inputs == nil {
		return given, true
	}
	names := l.triggerScope(t)
	if written, ok := t.Inputs.(*hclsyntax.ObjectConsExpr); ok {
		for _, item := range written.Items {
			name, ok := expr.KeyName(item.KeyExpr)
			if !ok {
				l.infer(item.ValueExpr, pipeline.Refs{}, names)
				return given, false
			}
			l.triggerInput(item.ValueExpr, name, "", l.infer(item.ValueExpr, pipeline.Refs{}, names), given)
		}
		return given, true
	}
	v := l.infer(t.Inputs, pipeline.Refs{}, names)
	switch {
	case v.IsKnown() && v.IsNull():
		return given, true
	case v.Type().IsObjectType():
		for name, of := range v.Type().AttributeTypes() {
			x := cty.UnknownVal(of)
			if v.IsKnown() {
				x = v.GetAttr(name)
			}
			l.triggerInput(t.Inputs, name, name, x, given)
		}
		return given, true
	case v.Type() != cty.DynamicPseudoType && !v.Type().IsMapType():
		l.Fail(t.Inputs.Range(), "write it inputs = { name = value }", "inputs wants an object, got %s", datum.Describe(v.Type()))
	}
	return given, false
}

// triggerInput checks the value of one input, which stands at a path within e.
func (l *checker) triggerInput(e hclsyntax.Expression, name, within string, x cty.Value, given map[string]bool) {
	variable, ok := l.Pipeline.VariableByName[name]
	if !ok {
		known := l.variableNames()
		detail := "the pipeline has no variables"
		if len(known) > 0 {
			detail = "its variables are " + diagnostic.ShortList(known) + expr.DidYouMean(name, known)
		}
		if near := expr.Nearest(name, known); near != "" {
			given[near] = true // it stands there, misspelt
		}
		l.Fail(syntax.Locate(e, within), detail, "the pipeline has no variable %q", name)
		return
	}
	if x.IsKnown() && x.IsNull() {
		return
	}
	given[name] = true
	for _, f := range expr.FitWith(l.Assets.Files, &variable.Schema, x) {
		l.Fail(syntax.Locate(e, within+pathBelow(f.Path)), variable.Description, "input %s: %s", pipeline.JoinPath(name, f.Path), f.Message)
	}
}

// triggerScope is what a trigger's inputs see. A name that is not there has been reported, and is anything.
func (l *checker) triggerScope(t *pipeline.Trigger) map[string]cty.Value {
	types := map[string]cty.Value{
		"time": cty.UnknownVal(cty.String), "name": cty.UnknownVal(cty.String), "body": cty.DynamicVal,
		"headers": cty.UnknownVal(cty.Map(cty.String)), "query": cty.UnknownVal(cty.Map(cty.String)),
	}
	scope := map[string]map[string]cty.Value{"trigger": {}, "local": {}}
	for _, name := range t.Kind.Parts() {
		scope["trigger"][name] = types[name]
	}
	for _, path := range t.Inputs.Variables() {
		name, ok := syntax.AttributeName(path, 1)
		of := scope[path.RootName()]
		if _, there := of[name]; there || of == nil || !ok {
			continue
		}
		of[name] = cty.DynamicVal
		if _, isLocal := l.Pipeline.Locals[name]; isLocal && path.RootName() == "local" {
			if of[name], ok = l.ConstantLocal(name); !ok {
				l.Fail(path.SourceRange(), "it refers to what there is in a run only", "local.%s is not known before a run", name)
			}
		}
	}
	return map[string]cty.Value{"trigger": cty.ObjectVal(scope["trigger"]), "local": cty.ObjectVal(scope["local"])}
}

// pathBelow is a path as it follows a name.
func pathBelow(path string) string {
	if path == "" || path[0] == '[' {
		return path
	}
	return "." + path
}
