package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// blockNames are the top-level blocks of the language.
var blockNames = []string{"pipeline", "variable", "locals", "node", "output", "requires", "secret", "gate", "module", "trigger"}

func (l *loader) decode(body *hclsyntax.Body) {
	for _, a := range inOrder(body.Attributes) {
		l.fail(a.NameRange, "at the top of a file stand blocks: "+strings.Join(blockNames[:5], ", ")+"; a named value goes into locals { }", "unexpected attribute %q", a.Name)
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
				l.fail(b.DefRange(), fmt.Sprintf("the first stands at line %d; one file holds one pipeline", first.TypeRange.Start.Line), "second pipeline block")
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
			l.unknownBlock(b, "at the top of a file", blockNames)
		}
	}
	if first == nil {
		at := Range{File: l.file, Start: Pos{Line: 1, Column: 1}, End: Pos{Line: 1, Column: 1}}
		l.add(Error, at, "add one at the top: pipeline \"film\" { description = \"…\" }", "no pipeline block")
	}
}

func (l *loader) unknownBlock(b *hclsyntax.Block, where string, known []string) {
	detail := "known here: " + strings.Join(known, ", ")
	if len(known) == 0 {
		detail = "no blocks may stand here"
	}
	if hint := expr.DidYouMean(b.Type, known); hint != "" {
		detail = strings.TrimPrefix(hint, "; ") + "\n" + detail
	}
	l.fail(b.TypeRange, detail, "unknown block %q %s", b.Type, where)
}

// labels checks that a block has as many labels as it wants, each a name where it must be one.
func (l *loader) labels(b *hclsyntax.Block, usage string, n int) bool {
	if len(b.Labels) != n {
		l.fail(b.DefRange(), "write it "+usage, "%s block with %s", b.Type, labelCount(len(b.Labels)))
		return false
	}
	if n == 0 {
		return true
	}
	if name := b.Labels[n-1]; !sdk.IsName(name) {
		l.fail(b.LabelRanges[n-1], "names have letters, digits, _ and -, begin with a letter or _, and are at most 128 bytes long", "%q is not a name", name)
		return false
	}
	return true
}

func labelCount(n int) string {
	switch n {
	case 0:
		return "no label"
	case 1:
		return "one label"
	}
	return fmt.Sprintf("%d labels", n)
}

// inOrder gives attributes in the order of the file.
func inOrder(attributes hclsyntax.Attributes) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(attributes))
	for _, a := range attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return out
}

// attributes hands each attribute of a block to its reader and names those that have none.
func (l *loader) attributes(b *hclsyntax.Block, readers map[string]func(hclsyntax.Expression)) {
	for _, a := range inOrder(b.Body.Attributes) {
		if read := readers[a.Name]; read != nil {
			l.subject = a.Name
			read(a.Expr)
			continue
		}
		known := sorted(readers)
		l.fail(a.NameRange, "known here: "+strings.Join(known, ", ")+expr.DidYouMean(a.Name, known), "unknown attribute %q in %s block", a.Name, b.Type)
	}
}

func sorted[T any](named map[string]T) []string { return slices.Sorted(maps.Keys(named)) }

func (l *loader) noBlocks(b *hclsyntax.Block, known ...string) {
	for _, inner := range b.Body.Blocks {
		if !slices.Contains(known, inner.Type) {
			l.unknownBlock(inner, "in a "+b.Type+" block", known)
		}
	}
}

func (l *loader) pipelineBlock(b *hclsyntax.Block) {
	if l.labels(b, `pipeline "name" { }`, 1) {
		l.p.Name = b.Labels[0]
	}
	language := 1
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"description": l.text(&l.p.Description),
		"timeout":     l.duration(&l.p.Timeout),
		"priority":    l.number(&l.p.Priority, -1000, 1000),
		"commercial":  l.flag(&l.p.Commercial),
		"language": func(e hclsyntax.Expression) {
			if l.number(&language, 1, 1<<20)(e); language > Language {
				l.fail(e.Range(), fmt.Sprintf("this version of spinbot reads up to language %d; update spinbot", Language), "the file is written for language %d", language)
			}
		},
	})
	l.p.Language = language
	l.assets.commercial = l.assets.commercial || l.p.Commercial
	l.noBlocks(b, "concurrency")
	for _, inner := range b.Body.Blocks {
		if inner.Type == "concurrency" && !l.second(b, inner) {
			l.concurrencyBlock(inner)
		}
	}
}

func (l *loader) localsBlock(b *hclsyntax.Block) {
	l.labels(b, "locals { }", 0)
	l.noBlocks(b)
	for _, a := range inOrder(b.Body.Attributes) {
		if other, twice := l.p.locals[a.Name]; twice {
			l.duplicate(a.NameRange, "local", a.Name, other.rng)
			continue
		}
		l.p.locals[a.Name] = &local{name: a.Name, expr: a.Expr, rng: rangeOf(a.NameRange)}
	}
}

func (l *loader) duplicate(rng hcl.Range, what, name string, other Range) {
	l.fail(rng, fmt.Sprintf("the first stands at line %d; rename one", other.Start.Line), "second %s named %q", what, name)
}

func (l *loader) outputBlock(b *hclsyntax.Block) {
	if !l.labels(b, `output "name" { value = … }`, 1) {
		return
	}
	o := &Output{Name: b.Labels[0], Range: rangeOf(b.DefRange())}
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"value":       func(e hclsyntax.Expression) { o.value = e },
		"description": l.text(&o.Description),
		"sensitive":   l.flag(&o.Sensitive),
	})
	l.noBlocks(b)
	if o.value == nil {
		if _, given := b.Body.Attributes["value"]; !given {
			l.fail(b.DefRange(), "add value = node.<name>.<output>", "output %q has no value", o.Name)
		}
		return
	}
	for _, other := range l.p.Outputs {
		if other.Name == o.Name {
			l.duplicate(b.LabelRanges[0], "output", o.Name, other.Range)
			return
		}
	}
	l.p.Outputs = append(l.p.Outputs, o)
}

// constant evaluates an expression that must be known when the pipeline is checked; it may use locals that are.
func (l *loader) constant(e hclsyntax.Expression) (cty.Value, bool) {
	if l.constants == nil {
		l.constants = map[string]inferred{}
	}
	l.loadFiles(e, place{})
	locals := map[string]cty.Value{}
	for _, t := range e.Variables() {
		name, ok := attributeName(t, 1)
		if t.RootName() != "local" || !ok {
			l.fail(t.SourceRange(), "it cannot refer to "+expr.Spell(t)+"; write it out, or as a local that is known", "%s must be known when the pipeline is checked", l.subject)
			return cty.DynamicVal, false
		}
		v, ok := l.constantLocal(name)
		if !ok {
			l.fail(t.SourceRange(), expr.Spell(t)+" is not", "%s must be known when the pipeline is checked", l.subject)
			return cty.DynamicVal, false
		}
		locals[name] = v
	}
	v, found := expr.Infer(e, &hcl.EvalContext{
		Variables: map[string]cty.Value{"local": cty.ObjectVal(locals)}, Functions: l.p.functions,
	})
	l.hcl(found)
	return v, !found.HasErrors()
}

func (l *loader) constantLocal(name string) (cty.Value, bool) {
	if known, done := l.constants[name]; done {
		return known.value, known.ok
	}
	l.constants[name] = inferred{}
	x, ok := l.p.locals[name]
	if !ok {
		return cty.DynamicVal, false
	}
	before := len(l.diags)
	v, ok := l.constant(x.expr)
	l.diags = l.diags[:before] // what is wrong with the local is said where it stands
	l.constants[name] = inferred{v, ok && v.IsWhollyKnown()}
	return v, ok && v.IsWhollyKnown()
}

// read gives a reader that takes a constant which fits the schema.
func (l *loader) read(s sdk.Schema, take func(x any)) func(hclsyntax.Expression) {
	return func(e hclsyntax.Expression) {
		subject := l.subject
		v, ok := l.constant(e)
		if !ok {
			return
		}
		if v.IsKnown() && v.IsNull() {
			return
		}
		found := l.assets.files.Fit(&s, v)
		for _, f := range found {
			l.fail(locate(e, f.Path), "", "%s: %s", joinPath(subject, f.Path), f.Message)
		}
		x, err := l.assets.files.Out(v)
		if errors.Is(err, expr.ErrSensitive) {
			l.fail(e.Range(), "it stands in the file for everybody to read", "%s %s", subject, err)
		}
		if len(found) == 0 && err == nil {
			take(expr.Coerce(&s, x))
		}
	}
}
