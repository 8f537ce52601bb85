package decode

import (
	"slices"
	"strings"

	goversion "github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// versions is a Types that knows which versions there are. Version is empty for a build that has none.
type versions interface {
	Version() string
	PluginVersion(name string) (version string, ok bool)
}

func (l *Decoder) requiresBlock(b *hclsyntax.Block) {
	l.Labels(b, "requires { }", 0)
	if l.Pipeline.Requires != nil {
		l.Fail(b.DefRange(), "bring them together", "second requires block")
		return
	}
	l.Pipeline.Requires = &pipeline.Requires{}
	l.Attributes(b, map[string]func(hclsyntax.Expression){"spinbot": l.Text(&l.Pipeline.Requires.Spinbot)})
	v, _ := l.Types.(versions)
	if a := b.Body.Attributes["spinbot"]; a != nil && l.Pipeline.Requires.Spinbot != "" {
		have := ""
		if v != nil {
			have = v.Version()
		}
		l.constraint(a, l.Pipeline.Requires.Spinbot, "spinbot", have, "update spinbot, or change what the pipeline requires")
	}
	l.NoBlocks(b, "plugin")
	for _, inner := range b.Body.Blocks {
		if inner.Type == "plugin" && l.Labels(inner, `plugin "name" { source = "…", version = "…" }`, 1) {
			l.requiredPlugin(inner, v)
		}
	}
}

func (l *Decoder) requiredPlugin(b *hclsyntax.Block, v versions) {
	q := pipeline.RequiredPlugin{Local: b.Labels[0], Name: b.Labels[0], Range: diagnostic.RangeOf(b.DefRange())}
	l.Attributes(b, map[string]func(hclsyntax.Expression){"source": l.Text(&q.Source), "version": l.Text(&q.Version)})
	l.NoBlocks(b)
	if i := strings.LastIndexByte(q.Source, '/'); q.Source != "" {
		q.Name = q.Source[i+1:]
	}
	for _, other := range l.Pipeline.Requires.Plugins {
		if other.Local == q.Local {
			l.Duplicate(b.LabelRanges[0], "plugin", q.Local, other.Range)
			return
		}
	}
	l.Pipeline.Requires.Plugins = append(l.Pipeline.Requires.Plugins, q)
	if v == nil {
		return
	}
	have, ok := v.PluginVersion(q.Name)
	if !ok {
		l.Fail(b.DefRange(), "put its folder into plugins.d, then list what there is with: spinbot plugins", "plugin %q is not here", q.Name)
		return
	}
	if a := b.Body.Attributes["version"]; a != nil && q.Version != "" {
		l.constraint(a, q.Version, "plugin "+q.Name, have, "install a version that fits, or change what the pipeline requires")
	}
}

// constraint checks a version constraint, and a version against it when there is one to check. A build that was not
// released fits every constraint.
func (l *Decoder) constraint(a *hclsyntax.Attribute, text, what, have, fix string) {
	c, err := goversion.NewConstraint(text)
	if err != nil {
		l.Fail(a.Expr.Range(), `write it like ">= 1.2", "~> 1.2" or ">= 1.0, < 2.0"`, "%q is no version constraint", text)
		return
	}
	if v, err := goversion.NewVersion(have); err == nil && !c.Check(v.Core()) {
		l.Fail(a.Expr.Range(), fix, "%s is %s; the pipeline wants %s", what, have, text)
	}
}

// pluginName resolves the local name of a required plugin in a node type's name.
func (l *Decoder) pluginName(nodeType string) string {
	local, verb, ok := strings.Cut(nodeType, ".")
	if !ok || l.Pipeline.Requires == nil {
		return nodeType
	}
	if i := slices.IndexFunc(l.Pipeline.Requires.Plugins, func(q pipeline.RequiredPlugin) bool { return q.Local == local }); i >= 0 {
		return l.Pipeline.Requires.Plugins[i].Name + "." + verb
	}
	return nodeType
}
