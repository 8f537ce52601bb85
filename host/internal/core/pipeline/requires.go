package pipeline

import (
	"slices"
	"strings"

	goversion "github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Requires is what a pipeline asks of the host that runs it.
type Requires struct {
	// Spinbot is a version constraint, such as ">= 0.3"; empty: any.
	Spinbot string
	Plugins []RequiredPlugin
}

// RequiredPlugin is a plugin that a pipeline's node types come from.
type RequiredPlugin struct {
	// Local is the name that the pipeline's node types begin with, Name the plugin's own: the last part of Source.
	Local, Name string
	// Source is where the plugin comes from, such as "github.com/myspinbot/comfyui"; empty: whoever offers Local.
	Source string
	// Version is a constraint; empty: any.
	Version string
	Range   Range
}

// versions is a Types that knows which versions there are. Version is empty for a build that has none.
type versions interface {
	Version() string
	PluginVersion(name string) (version string, ok bool)
}

func (l *loader) requiresBlock(b *hclsyntax.Block) {
	l.labels(b, "requires { }", 0)
	if l.p.Requires != nil {
		l.fail(b.DefRange(), "bring them together", "second requires block")
		return
	}
	l.p.Requires = &Requires{}
	l.attributes(b, map[string]func(hclsyntax.Expression){"spinbot": l.text(&l.p.Requires.Spinbot)})
	v, _ := l.types.(versions)
	if a := b.Body.Attributes["spinbot"]; a != nil && l.p.Requires.Spinbot != "" {
		have := ""
		if v != nil {
			have = v.Version()
		}
		l.constraint(a, l.p.Requires.Spinbot, "spinbot", have, "update spinbot, or change what the pipeline requires")
	}
	l.noBlocks(b, "plugin")
	for _, inner := range b.Body.Blocks {
		if inner.Type == "plugin" && l.labels(inner, `plugin "name" { source = "…", version = "…" }`, 1) {
			l.requiredPlugin(inner, v)
		}
	}
}

func (l *loader) requiredPlugin(b *hclsyntax.Block, v versions) {
	q := RequiredPlugin{Local: b.Labels[0], Name: b.Labels[0], Range: rangeOf(b.DefRange())}
	l.attributes(b, map[string]func(hclsyntax.Expression){"source": l.text(&q.Source), "version": l.text(&q.Version)})
	l.noBlocks(b)
	if i := strings.LastIndexByte(q.Source, '/'); q.Source != "" {
		q.Name = q.Source[i+1:]
	}
	for _, other := range l.p.Requires.Plugins {
		if other.Local == q.Local {
			l.duplicate(b.LabelRanges[0], "plugin", q.Local, other.Range)
			return
		}
	}
	l.p.Requires.Plugins = append(l.p.Requires.Plugins, q)
	if v == nil {
		return
	}
	have, ok := v.PluginVersion(q.Name)
	if !ok {
		l.fail(b.DefRange(), "put its folder into plugins.d, then list what there is with: spinbot plugins", "plugin %q is not here", q.Name)
		return
	}
	if a := b.Body.Attributes["version"]; a != nil && q.Version != "" {
		l.constraint(a, q.Version, "plugin "+q.Name, have, "install a version that fits, or change what the pipeline requires")
	}
}

// constraint checks a version constraint, and a version against it when there is one to check. A build that was not
// released fits every constraint.
func (l *loader) constraint(a *hclsyntax.Attribute, text, what, have, fix string) {
	c, err := goversion.NewConstraint(text)
	if err != nil {
		l.fail(a.Expr.Range(), `write it like ">= 1.2", "~> 1.2" or ">= 1.0, < 2.0"`, "%q is no version constraint", text)
		return
	}
	if v, err := goversion.NewVersion(have); err == nil && !c.Check(v.Core()) {
		l.fail(a.Expr.Range(), fix, "%s is %s; the pipeline wants %s", what, have, text)
	}
}

// pluginName resolves the local name of a required plugin in a node type's name.
func (l *loader) pluginName(nodeType string) string {
	local, verb, ok := strings.Cut(nodeType, ".")
	if !ok || l.p.Requires == nil {
		return nodeType
	}
	if i := slices.IndexFunc(l.p.Requires.Plugins, func(q RequiredPlugin) bool { return q.Local == local }); i >= 0 {
		return l.p.Requires.Plugins[i].Name + "." + verb
	}
	return nodeType
}
