package decode

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// maxModules is how deep modules may stand within modules.
const maxModules = 16

// moduleBlocks may stand in a module.
var moduleBlocks = []string{"repeat", "input"}

// moduleBlock reads module "name" { source = "./other.hcl", … }. Its variables are the module's inputs, its outputs
// the module's outputs.
func (l *Decoder) moduleBlock(b *hclsyntax.Block) {
	if !l.Labels(b, `module "name" { source = "./other.hcl" }`, 1) {
		return
	}
	n := l.newNode(pipeline.KindModule, b)
	if source := b.Body.Attributes["source"]; source == nil {
		l.Fail(b.DefRange(), "name the file of a pipeline: source = \"./other.hcl\"", "module %q has no source", n.Name)
	} else {
		l.Subject = "source"
		l.Read(sdk.Schema{Type: "string", MinLength: new(1)}, func(x any) { l.moduleSource(n, x.(string), source) })(source.Expr)
	}
	readers := l.commonWords(n)
	readers["source"] = func(hclsyntax.Expression) {} // read first
	l.wordsAndInputs(n, b, readers)
	for _, inner := range b.Body.Blocks {
		switch {
		case !slices.Contains(moduleBlocks, inner.Type):
			l.UnknownBlock(inner, "in a module block", moduleBlocks)
		default:
			l.nodeInner(n, b, inner)
		}
	}
	l.declare(n, b)
}

// moduleSource loads the pipeline that a module's source names and makes the module's type of it.
func (l *Decoder) moduleSource(n *pipeline.Node, source string, a *hclsyntax.Attribute) {
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
	n.Type, n.Gives = t, t.Outputs
}

// moduleFile finds the file that a source means, relative to the file that names it.
func (l *Decoder) moduleFile(source string, a *hclsyntax.Attribute) (string, bool) {
	rng := a.Expr.Range()
	if strings.Contains(source, "://") || !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		l.Fail(rng, "modules are local files: write it source = \"./other.hcl\"", "%q is no path of a pipeline", source)
		return "", false
	}
	file := pipeline.ModuleFile(l.File, source)
	if !fs.ValidPath(file) {
		l.Fail(rng, "modules stand in the folder of the pipeline that is run, or below it", "%q leaves the pipeline's folder", source)
		return "", false
	}
	if i := slices.Index(l.Stack, file); i >= 0 {
		l.Fail(rng, strings.Join(append(slices.Clone(l.Stack[i:]), file), " -> ")+"; a pipeline cannot be within itself", "cycle of modules")
		return "", false
	}
	if len(l.Stack) >= maxModules {
		l.Fail(rng, fmt.Sprintf("at most %d", maxModules), "modules stand too deep within modules")
		return "", false
	}
	return file, true
}

// child loads a module's file, once for all who name it. What is wrong with it is reported there; nil when it cannot
// be used.
func (l *Decoder) child(file string, a *hclsyntax.Attribute) *pipeline.Pipeline {
	if p, loaded := l.Modules[file]; loaded {
		return p
	}
	if _, err := fs.Stat(l.FS, file); err != nil {
		l.Fail(a.Expr.Range(), "the path is relative to "+l.File, "there is no file %s", file)
		return nil
	}
	p, found := l.load(file, append(slices.Clone(l.Stack), file))
	l.Diags = append(l.Diags, found...)
	if found.HasErrors() {
		p = nil
	}
	l.Modules[file] = p
	return p
}
