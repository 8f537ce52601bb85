package pipeline

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/sdk"
)

// maxModules is how deep modules may stand within modules.
const maxModules = 16

// moduleFile is the pipeline of a folder that is named as a module's source.
const moduleFile = "pipeline.hcl"

// moduleBlocks may stand in a module.
var moduleBlocks = []string{"repeat", "input"}

// moduleBlock reads module "name" { source = "./other.hcl", … }. Its variables are the module's inputs, its outputs
// the module's outputs.
func (l *loader) moduleBlock(b *hclsyntax.Block) {
	if !l.labels(b, `module "name" { source = "./other.hcl" }`, 1) {
		return
	}
	n := l.newNode(KindModule, b)
	if source := b.Body.Attributes["source"]; source == nil {
		l.fail(b.DefRange(), "name the file of a pipeline: source = \"./other.hcl\"", "module %q has no source", n.Name)
	} else {
		l.subject = "source"
		l.read(sdk.Schema{Type: "string", MinLength: new(1)}, func(x any) { l.moduleSource(n, x.(string), source) })(source.Expr)
	}
	readers := l.commonWords(n)
	readers["source"] = func(hclsyntax.Expression) {} // read first
	l.wordsAndInputs(n, b, readers)
	for _, inner := range b.Body.Blocks {
		switch {
		case !slices.Contains(moduleBlocks, inner.Type):
			l.unknownBlock(inner, "in a module block", moduleBlocks)
		default:
			l.nodeInner(n, b, inner)
		}
	}
	l.declare(n, b)
}

// moduleSource loads the pipeline that a module's source names and makes the module's type of it.
func (l *loader) moduleSource(n *Node, source string, a *hclsyntax.Attribute) {
	file, ok := l.moduleFile(source, a)
	if !ok {
		return
	}
	p := l.child(file, a)
	if p == nil {
		return
	}
	n.Module = p
	t := sdk.NodeType{Name: source, Description: p.Description, Inputs: sdk.Schema{Type: "object"}, Outputs: sdk.Schema{Type: "object"}}
	for _, v := range p.Variables {
		s := v.Schema
		if v.HasDefault {
			s.Default = v.Default
		} else {
			t.Inputs.Required = append(t.Inputs.Required, v.Name)
		}
		t.Inputs.Properties = append(t.Inputs.Properties, sdk.Property{Name: v.Name, Schema: s})
	}
	for _, o := range p.Outputs {
		t.Outputs.Properties = append(t.Outputs.Properties, sdk.Property{Name: o.Name, Schema: o.Schema})
	}
	n.Type, n.outputs = t, t.Outputs
}

// moduleFile finds the file that a source means, relative to the file that names it.
func (l *loader) moduleFile(source string, a *hclsyntax.Attribute) (string, bool) {
	rng := a.Expr.Range()
	if strings.Contains(source, "://") || !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		l.fail(rng, "modules are local files: write it source = \"./other.hcl\"", "%q is no path of a pipeline", source)
		return "", false
	}
	file := ModuleFile(l.file, source)
	if !fs.ValidPath(file) {
		l.fail(rng, "modules stand in the folder of the pipeline that is run, or below it", "%q leaves the pipeline's folder", source)
		return "", false
	}
	if i := slices.Index(l.stack, file); i >= 0 {
		l.fail(rng, strings.Join(append(slices.Clone(l.stack[i:]), file), " -> ")+"; a pipeline cannot be within itself", "cycle of modules")
		return "", false
	}
	if len(l.stack) >= maxModules {
		l.fail(rng, fmt.Sprintf("at most %d", maxModules), "modules stand too deep within modules")
		return "", false
	}
	return file, true
}

// child loads a module's file, once for all who name it. What is wrong with it is reported there; nil when it cannot
// be used.
func (l *loader) child(file string, a *hclsyntax.Attribute) *Pipeline {
	if p, loaded := l.modules[file]; loaded {
		return p
	}
	if _, err := fs.Stat(l.fsys, file); err != nil {
		l.fail(a.Expr.Range(), "the path is relative to "+l.file, "there is no file %s", file)
		return nil
	}
	c := &loader{fsys: l.fsys, file: file, types: l.types, known: l.known, modules: l.modules, assets: l.assets, stack: append(slices.Clone(l.stack), file)}
	p := c.load()
	l.diags = append(l.diags, c.diags...)
	if c.diags.HasErrors() {
		p = nil
	}
	l.modules[file] = p
	return p
}
