package decode

import (
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

var mediaType = regexp.MustCompile(`^(\*/\*|[a-z0-9][a-z0-9!#$&^_.+-]*/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*))$`)

func (l *Decoder) variableBlock(b *hclsyntax.Block) {
	if !l.Labels(b, `variable "name" { type = … }`, 1) {
		return
	}
	v := &pipeline.Variable{Name: b.Labels[0], Type: "any", Range: diagnostic.RangeOf(b.DefRange())}
	if slices.Contains(sdk.ReservedInputs(), v.Name) {
		l.Fail(b.LabelRanges[0], "it is a word of the language; name the variable otherwise", "%q is reserved", v.Name)
		return
	}
	var fallback hclsyntax.Expression
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"type":        func(e hclsyntax.Expression) { l.variableType(v, e) },
		"description": l.Text(&v.Description),
		"sensitive":   l.Flag(&v.Sensitive),
		"accept":      l.Texts(&v.Accept),
		"max_size":    l.Size(&v.MaxSize),
		"default":     func(e hclsyntax.Expression) { fallback = e },
	})
	l.accept(v, b)
	v.Schema.Sensitive, v.Schema.Description = v.Sensitive, v.Description
	if fallback != nil {
		v.HasDefault = true
		l.Subject = "default"
		l.Read(v.Schema, func(x any) { v.Default = x })(fallback)
	}
	l.NoBlocks(b, "validation")
	for _, inner := range b.Body.Blocks {
		if inner.Type == "validation" {
			l.validationBlock(v, inner)
		}
	}
	if other, twice := l.Pipeline.VariableByName[v.Name]; twice {
		l.Duplicate(b.LabelRanges[0], "variable", v.Name, other.Range)
		return
	}
	l.Pipeline.VariableByName[v.Name] = v
	l.Pipeline.Variables = append(l.Pipeline.Variables, v)
}

func (l *Decoder) variableType(v *pipeline.Variable, e hclsyntax.Expression) {
	schema, set, found := typeexpr.ParseType(e)
	l.HCL(found)
	if !found.HasErrors() {
		v.Schema, v.Set = schema, set
		v.Type = string(e.Range().SliceBytes(l.Src))
	}
}

// accept gives the media types to every artifact in the variable's type.
func (l *Decoder) accept(v *pipeline.Variable, b *hclsyntax.Block) {
	artifacts := 0
	eachArtifact(&v.Schema, func(s *sdk.Schema) { s.Accept = v.Accept; artifacts++ })
	for _, name := range []string{"accept", "max_size"} {
		if a, given := b.Body.Attributes[name]; given && artifacts == 0 {
			l.Fail(a.NameRange, "it is for type = artifact; this variable's type is "+v.Type, "%s without an artifact", name)
		}
	}
	for _, m := range v.Accept {
		if !mediaType.MatchString(m) {
			l.Fail(b.Body.Attributes["accept"].Expr.Range(), `write it like "image/png" or "image/*"`, "%q is not a media type", m)
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

func (l *Decoder) validationBlock(v *pipeline.Variable, b *hclsyntax.Block) {
	if check, ok := l.readValidation(b, "var."+v.Name); ok {
		v.Validations = append(v.Validations, check)
	}
}

// readValidation reads validation { condition, message }; subject is how the value is referred to.
func (l *Decoder) readValidation(b *hclsyntax.Block, subject string) (pipeline.Validation, bool) {
	check := pipeline.Validation{}
	l.Labels(b, "validation { condition = …, message = … }", 0)
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"condition": func(e hclsyntax.Expression) { check.Condition = e },
		"message":   func(e hclsyntax.Expression) { check.Message = e },
	})
	l.NoBlocks(b)
	for _, name := range []string{"condition", "message"} {
		if _, given := b.Body.Attributes[name]; !given {
			l.Fail(b.DefRange(), "write it validation { condition = "+subject+" != \"\", message = \"…\" }, each on its line", "validation without a %s", name)
			return check, false
		}
	}
	return check, true
}
