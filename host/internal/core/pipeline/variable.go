package pipeline

import (
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

var mediaType = regexp.MustCompile(`^(\*/\*|[a-z0-9][a-z0-9!#$&^_.+-]*/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*))$`)

func (l *loader) variableBlock(b *hclsyntax.Block) {
	if !l.labels(b, `variable "name" { type = … }`, 1) {
		return
	}
	v := &Variable{Name: b.Labels[0], Type: "any", Range: rangeOf(b.DefRange())}
	if slices.Contains(sdk.ReservedInputs(), v.Name) {
		l.fail(b.LabelRanges[0], "it is a word of the language; name the variable otherwise", "%q is reserved", v.Name)
		return
	}
	var fallback hclsyntax.Expression
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"type":        func(e hclsyntax.Expression) { l.variableType(v, e) },
		"description": l.text(&v.Description),
		"sensitive":   l.flag(&v.Sensitive),
		"accept":      l.texts(&v.Accept),
		"max_size":    l.size(&v.MaxSize),
		"default":     func(e hclsyntax.Expression) { fallback = e },
	})
	l.accept(v, b)
	v.Schema.Sensitive, v.Schema.Description = v.Sensitive, v.Description
	if fallback != nil {
		v.HasDefault = true
		l.subject = "default"
		l.read(v.Schema, func(x any) { v.Default = x })(fallback)
	}
	l.noBlocks(b, "validation")
	for _, inner := range b.Body.Blocks {
		if inner.Type == "validation" {
			l.validationBlock(v, inner)
		}
	}
	if other, twice := l.p.variables[v.Name]; twice {
		l.duplicate(b.LabelRanges[0], "variable", v.Name, other.Range)
		return
	}
	l.p.variables[v.Name] = v
	l.p.Variables = append(l.p.Variables, v)
}

func (l *loader) variableType(v *Variable, e hclsyntax.Expression) {
	schema, set, found := expr.ParseType(e)
	l.hcl(found)
	if !found.HasErrors() {
		v.Schema, v.set = schema, set
		v.Type = string(e.Range().SliceBytes(l.src))
	}
}

// accept gives the media types to every artifact in the variable's type.
func (l *loader) accept(v *Variable, b *hclsyntax.Block) {
	artifacts := 0
	eachArtifact(&v.Schema, func(s *sdk.Schema) { s.Accept = v.Accept; artifacts++ })
	for _, name := range []string{"accept", "max_size"} {
		if a, given := b.Body.Attributes[name]; given && artifacts == 0 {
			l.fail(a.NameRange, "it is for type = artifact; this variable's type is "+v.Type, "%s without an artifact", name)
		}
	}
	for _, m := range v.Accept {
		if !mediaType.MatchString(m) {
			l.fail(b.Body.Attributes["accept"].Expr.Range(), `write it like "image/png" or "image/*"`, "%q is not a media type", m)
		}
	}
}

// eachArtifact calls fn for every artifact schema within a schema.
func eachArtifact(s *sdk.Schema, fn func(*sdk.Schema)) {
	if s == nil {
		return
	}
	if s.IsArtifact() {
		fn(s)
	}
	for i := range s.Properties {
		eachArtifact(&s.Properties[i].Schema, fn)
	}
	eachArtifact(s.Items, fn)
	eachArtifact(s.Additional, fn)
}

func (l *loader) validationBlock(v *Variable, b *hclsyntax.Block) {
	if check, ok := l.readValidation(b, "var."+v.Name); ok {
		v.validations = append(v.validations, check)
	}
}

// readValidation reads validation { condition, message }; subject is how the value is referred to.
func (l *loader) readValidation(b *hclsyntax.Block, subject string) (validation, bool) {
	check := validation{rng: rangeOf(b.DefRange())}
	l.labels(b, "validation { condition = …, message = … }", 0)
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"condition": func(e hclsyntax.Expression) { check.condition = e },
		"message":   func(e hclsyntax.Expression) { check.message = e },
	})
	l.noBlocks(b)
	for _, name := range []string{"condition", "message"} {
		if _, given := b.Body.Attributes[name]; !given {
			l.fail(b.DefRange(), "write it validation { condition = "+subject+" != \"\", message = \"…\" }, each on its line", "validation without a %s", name)
			return check, false
		}
	}
	return check, true
}
