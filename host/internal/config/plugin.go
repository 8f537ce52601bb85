package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// Plugin is what a plugin is told: its block. Its values are made when they are asked for, with the secrets of then.
type Plugin struct {
	Name  string
	Range pipeline.Range // of its heading

	heading hcl.Range
	text    string                 // of the block
	attrs   []*hclsyntax.Attribute // by place
	getenv  func(string) (string, bool)
}

// plugin reads a block, as far as that goes without the plugin.
func (r *reader) plugin(b *hclsyntax.Block) {
	p := &Plugin{Name: b.Labels[0], Range: rangeOf(b.DefRange()), heading: b.DefRange(), getenv: r.opts.Getenv,
		text: string(b.Range().SliceBytes(r.src))}
	if !sdk.IsName(p.Name) {
		r.fail(b.LabelRanges[0], "lower case letters, digits and underscores, a letter first", "%q is no name of a plugin", p.Name)
	}
	for _, x := range b.Body.Blocks {
		r.fail(x.DefRange(), "an object is the value of an attribute: "+x.Type+" = { … }", "a plugin's configuration has no blocks")
	}
	for _, a := range b.Body.Attributes {
		p.attrs = append(p.attrs, a)
	}
	slices.SortFunc(p.attrs, func(a, b *hclsyntax.Attribute) int { return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte) })
	ctx := scope(p.getenv, laterSecret)
	for _, a := range p.attrs {
		r.eval(a.Expr, ctx)
	}
	r.c.Plugins = append(r.c.Plugins, p)
}

// told is a setting of a plugin that another block says.
type told struct {
	plugin, name, value string
	at                  hcl.Range
}

// tell adds to plugins' blocks what other blocks say; a plugin without one gets one.
func (r *reader) tell() {
	for _, t := range r.told {
		p, ok := r.c.Plugin(t.plugin)
		if !ok {
			p = &Plugin{Name: t.plugin, Range: rangeOf(t.at), heading: t.at, getenv: r.opts.Getenv}
			r.c.Plugins = append(r.c.Plugins, p)
		}
		if slices.Contains(p.Settings(), t.name) {
			r.fail(t.at, "write it in one place", "%s of plugin %s stands in the file twice", t.name, t.plugin)
			continue
		}
		p.text += "\n" + t.name + " = " + t.value
		p.attrs = append(p.attrs, &hclsyntax.Attribute{Name: t.name, SrcRange: t.at, NameRange: t.at,
			Expr: &hclsyntax.LiteralValueExpr{Val: cty.StringVal(t.value), SrcRange: t.at}})
	}
}

// Settings are the names of what the plugin is told.
func (p *Plugin) Settings() (names []string) {
	for _, a := range p.attrs {
		names = append(names, a.Name)
	}
	return names
}

// Plugin finds a plugin's block.
func (c *Config) Plugin(name string) (*Plugin, bool) {
	i := slices.IndexFunc(c.Plugins, func(p *Plugin) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return c.Plugins[i], true
}

// Changed gives the plugins that are told something else by one configuration than by another. One that is told a secret
// is among them always: the secret may have changed.
func Changed(before, now *Config) (names []string) {
	for _, p := range now.Plugins {
		old, ok := before.Plugin(p.Name)
		secret := slices.ContainsFunc(p.attrs, func(a *hclsyntax.Attribute) bool { return calls(a.Expr, "secret") })
		if !ok || old.text != p.text || secret {
			names = append(names, p.Name)
		}
	}
	for _, p := range before.Plugins {
		if _, ok := now.Plugin(p.Name); !ok {
			names = append(names, p.Name)
		}
	}
	return names
}

// Unknown warns that there is no such plugin.
func (p *Plugin) Unknown(plugins []string) pipeline.Diagnostic {
	detail := "no plugin is installed"
	if len(plugins) > 0 {
		detail = known(plugins)
	}
	return pipeline.Diagnostic{Severity: pipeline.Warning, Range: p.Range, Detail: detail,
		Summary: fmt.Sprintf("there is no plugin %q%s", p.Name, expr.DidYouMean(p.Name, plugins))}
}

// Check says how the block does not fit what the plugin declares; a nil schema declares nothing. Secrets are not asked for.
func (p *Plugin) Check(schema *sdk.Schema) pipeline.Diagnostics {
	var f finder
	if schema == nil {
		f.fail(p.heading, "remove the block", "plugin %s takes no configuration", p.Name)
		return f.found
	}
	given := map[string]cty.Value{}
	ctx := scope(p.getenv, laterSecret)
	for _, a := range p.attrs {
		v, ok := f.eval(a.Expr, ctx)
		if !ok {
			v = cty.DynamicVal
		}
		given[a.Name] = v
		s, named := schema.Properties.Get(a.Name)
		if named && expr.DeclaresPrivate(&s) && !calls(a.Expr, "secret", "env") {
			f.warn(a.Expr.Range(), "spinbot secrets set NAME keeps it out of the file: "+a.Name+" = secret(\"NAME\")", "%s is a secret, and stands here for all to read", a.Name)
			f.veiled()
		}
	}
	for _, x := range expr.Fit(schema, cty.ObjectVal(given)) {
		p.violation(&f, schema, x)
	}
	return f.sorted()
}

// private says whether a value may be shown nowhere: it is declared to be a secret, or made of one or of the environment.
func private(schema *sdk.Schema, a *hclsyntax.Attribute) bool {
	s, _ := schema.Properties.Get(a.Name)
	return expr.DeclaresPrivate(&s) || calls(a.Expr, "secret", "env")
}

// violation puts what does not fit where it stands.
func (p *Plugin) violation(f *finder, schema *sdk.Schema, x sdk.Violation) {
	for _, a := range p.attrs {
		rest, ok := strings.CutPrefix(x.Path, a.Name)
		switch {
		case !ok || rest != "" && rest[0] != '.' && rest[0] != '[':
		case strings.HasPrefix(x.Message, "is unknown") && rest == "":
			message := x.Message
			if head, tail, ok := strings.Cut(message, "; known"); ok && !strings.Contains(head, "did you mean") {
				message = head + expr.DidYouMean(a.Name, schema.Properties.Names()) + "; known" + tail
			}
			f.fail(a.NameRange, "", "%s: %s", x.Path, message)
			return
		case private(schema, a) && x.Message != "is required":
			f.fail(locate(a.Expr, rest), "", "%s: what it holds, which is not shown, does not fit", x.Path)
			f.veiled()
			return
		default:
			f.fail(locate(a.Expr, rest), "", "%s: %s", x.Path, x.Message)
			return
		}
	}
	f.fail(p.heading, "", "%s: %s", x.Path, x.Message)
}

// locate finds the part of an expression that a path leads to, or the nearest part around it.
func locate(e hclsyntax.Expression, path string) hcl.Range {
	for path != "" {
		object, ok := e.(*hclsyntax.ObjectConsExpr)
		if !ok {
			break
		}
		next, rest := e, ""
		for _, item := range object.Items {
			name, known := expr.KeyName(item.KeyExpr)
			after, found := strings.CutPrefix(path, "."+name)
			if known && found && (after == "" || after[0] == '.' || after[0] == '[') {
				next, rest = item.ValueExpr, after
			}
		}
		if next == e {
			break
		}
		e, path = next, rest
	}
	return e.Range()
}

// Values are what the plugin is given: checked, with its defaults. The error is *sdk.Error and names no value.
func (p *Plugin) Values(schema *sdk.Schema, secret func(name string) (string, error)) (sdk.Values, error) {
	if wrong := p.Check(schema); wrong.HasErrors() {
		return nil, p.refused(wrong, mend)
	}
	var f finder
	ctx := scope(p.getenv, func(name string) (cty.Value, error) {
		value, err := secret(name)
		return cty.StringVal(value), err
	})
	out := map[string]any{}
	for _, a := range p.attrs {
		if v, ok := f.eval(a.Expr, ctx); ok {
			x, err := expr.Artifacts{}.Out(v)
			if err != nil {
				f.fail(a.Expr.Range(), "", "%v", err)
			}
			out[a.Name] = x
		}
	}
	if len(f.found) > 0 { // of what Check saw, only the secrets are new
		return nil, p.refused(f.sorted(), "then resume the run")
	}
	fitting, _ := expr.Coerce(schema, out).(map[string]any)
	for _, x := range schema.Check(fitting) { // a secret may turn out to be none of what is wanted
		p.violation(&f, schema, x)
	}
	if len(f.found) > 0 {
		return nil, p.refused(f.sorted(), mend)
	}
	return fitting, nil
}

const mend = "mend its block in " + FileName + " (spinbot config check shows it) and start the host again"

func (p *Plugin) refused(found pipeline.Diagnostics, hint string) error {
	errs := slices.DeleteFunc(found, func(d pipeline.Diagnostic) bool { return d.Severity != pipeline.Error })
	return sdk.Refuse(fmt.Sprintf("the configuration of plugin %s does not fit: %s", p.Name, strings.ReplaceAll(errs.Error(), "\n", "; ")), hint)
}

// hidden stands for what is not shown.
const hidden = "(not shown)"

// Entries are the block's values for people. What the plugin declares to be secret, what is made of a secret or of the
// environment, and everything of a plugin that is not known, is not shown.
func (p *Plugin) Entries(schema *sdk.Schema) []Entry {
	var out []Entry
	for _, a := range p.attrs {
		e := Entry{Key: "plugin." + p.Name + "." + a.Name, Value: Hidden{}, Range: rangeOf(a.SrcRange)}
		if schema != nil && !private(schema, a) {
			var f finder
			if x, ok := f.plain(a.Expr, scope(p.getenv, laterSecret)); ok {
				e.Value = x
			}
		}
		out = append(out, e)
	}
	return out
}

// Hidden is the Value of an Entry that is not shown.
type Hidden struct{}

// String says so.
func (Hidden) String() string { return hidden }

// MarshalText says so in JSON.
func (Hidden) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Private gives the texts among values that may be shown nowhere.
func (p *Plugin) Private(schema *sdk.Schema, values sdk.Values) (out []string) {
	for _, a := range p.attrs {
		if schema != nil && private(schema, a) {
			out = appendTexts(out, values[a.Name])
		}
	}
	return out
}

func appendTexts(out []string, x any) []string {
	switch x := x.(type) {
	case string:
		out = append(out, x)
	case []any:
		for _, y := range x {
			out = appendTexts(out, y)
		}
	case map[string]any:
		for _, y := range x {
			out = appendTexts(out, y)
		}
	}
	return out
}

// Missing warns that a plugin without a block refuses its tasks, for it has to be told something.
func Missing(plugin string, schema *sdk.Schema) (found pipeline.Diagnostics) {
	if schema == nil {
		return nil
	}
	for _, x := range expr.Fit(schema, cty.EmptyObjectVal) {
		found = append(found, pipeline.Diagnostic{Severity: pipeline.Warning, Detail: "write a block plugin " + expr.Quote(plugin) + " { } in " + FileName,
			Summary: fmt.Sprintf("plugin %s is not configured: %s %s", plugin, x.Path, x.Message)})
	}
	return found
}
