package decode

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

// Decode reads the blocks of the file.
func (l *Decoder) Decode(body *hclsyntax.Body) {
	for _, a := range syntax.InOrder(body.Attributes) {
		l.Fail(a.NameRange, "at the top of a file stand blocks: "+strings.Join(syntax.BlockNames[:5], ", ")+"; a named value goes into locals { }", "unexpected attribute %q", a.Name)
	}
	for _, b := range body.Blocks { // first: constants and node types may refer to them
		switch b.Type {
		case "locals":
			l.localsBlock(b)
		case "requires":
			l.requiresBlock(b)
		}
	}
	var first *hclsyntax.Block
	for _, b := range body.Blocks {
		switch b.Type {
		case "pipeline":
			if first != nil {
				l.Fail(b.DefRange(), fmt.Sprintf("the first stands at line %d; one file holds one pipeline", first.TypeRange.Start.Line), "second pipeline block")
				continue
			}
			first = b
			l.pipelineBlock(b)
		case "variable":
			l.variableBlock(b)
		case "locals", "requires":
		case "node":
			l.nodeBlock(b)
		case "gate":
			l.gateBlock(b)
		case "module":
			l.moduleBlock(b)
		case "output":
			l.outputBlock(b)
		case "secret":
			l.secretBlock(b)
		case "trigger":
			l.triggerBlock(b)
		default:
			l.UnknownBlock(b, "at the top of a file", syntax.BlockNames)
		}
	}
	if first == nil {
		at := diagnostic.Range{File: l.File, Start: diagnostic.Pos{Line: 1, Column: 1}, End: diagnostic.Pos{Line: 1, Column: 1}}
		l.Add(diagnostic.Error, at, "add one at the top: pipeline \"film\" { description = \"…\" }", "no pipeline block")
	}
}

func (l *Decoder) pipelineBlock(b *hclsyntax.Block) {
	if l.Labels(b, `pipeline "name" { }`, 1) {
		l.Pipeline.Name = b.Labels[0]
	}
	language := 1
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"description": l.Text(&l.Pipeline.Description),
		"timeout":     l.Duration(&l.Pipeline.Timeout),
		"priority":    l.Number(&l.Pipeline.Priority, -1000, 1000),
		"commercial":  l.Flag(&l.Pipeline.Commercial),
		"language": func(e hclsyntax.Expression) {
			if l.Number(&language, 1, 1<<20)(e); language > pipeline.Language {
				l.Fail(e.Range(), fmt.Sprintf("this version of spinbot reads up to language %d; update spinbot", pipeline.Language), "the file is written for language %d", language)
			}
		},
	})
	l.Pipeline.Language = language
	l.Assets.Commercial = l.Assets.Commercial || l.Pipeline.Commercial
	l.NoBlocks(b, "concurrency")
	for _, inner := range b.Body.Blocks {
		if inner.Type == "concurrency" && !l.Second(b, inner) {
			l.concurrencyBlock(inner)
		}
	}
}

func (l *Decoder) localsBlock(b *hclsyntax.Block) {
	l.Labels(b, "locals { }", 0)
	l.NoBlocks(b)
	for _, a := range syntax.InOrder(b.Body.Attributes) {
		if other, twice := l.Pipeline.Locals[a.Name]; twice {
			l.Duplicate(a.NameRange, "local", a.Name, other.Range)
			continue
		}
		l.Pipeline.Locals[a.Name] = &pipeline.Local{Name: a.Name, Expr: a.Expr, Range: diagnostic.RangeOf(a.NameRange)}
	}
}

func (l *Decoder) outputBlock(b *hclsyntax.Block) {
	if !l.Labels(b, `output "name" { value = … }`, 1) {
		return
	}
	o := &pipeline.Output{Name: b.Labels[0], Range: diagnostic.RangeOf(b.DefRange())}
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"value":       func(e hclsyntax.Expression) { o.Value = e },
		"description": l.Text(&o.Description),
		"sensitive":   l.Flag(&o.Sensitive),
	})
	l.NoBlocks(b)
	if o.Value == nil {
		if _, given := b.Body.Attributes["value"]; !given {
			l.Fail(b.DefRange(), "add value = node.<name>.<output>", "output %q has no value", o.Name)
		}
		return
	}
	for _, other := range l.Pipeline.Outputs {
		if other.Name == o.Name {
			l.Duplicate(b.LabelRanges[0], "output", o.Name, other.Range)
			return
		}
	}
	l.Pipeline.Outputs = append(l.Pipeline.Outputs, o)
}
