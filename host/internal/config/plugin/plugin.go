// Package plugin is the blocks of plugins in a configuration: what each is told, checked against what it declares, with secrets that
// are shown nowhere.
package plugin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/config/written"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Block is what a plugin is told. Its values are made when they are asked for, with the secrets of then.
type Block struct {
	Name  string
	Range diagnostic.Range // of its heading

	heading hcl.Range
	text    string                 // of the block
	attrs   []*hclsyntax.Attribute // by place
	getenv  func(string) (string, bool)
}

// Read reads a block of the text src, as far as that goes without the plugin.
func Read(b *hclsyntax.Block, src []byte, getenv func(string) (string, bool), f *written.Finder) *Block {
	p := &Block{Name: b.Labels[0], Range: written.RangeOf(b.DefRange()), heading: b.DefRange(), getenv: getenv,
		text: string(b.Range().SliceBytes(src))}
	if !sdk.IsName(p.Name) {
		f.Fail(b.LabelRanges[0], "lower case letters, digits and underscores, a letter first", "%q is no name of a plugin", p.Name)
	}
	for _, x := range b.Body.Blocks {
		f.Fail(x.DefRange(), "an object is the value of an attribute: "+x.Type+" = { … }", "a plugin's configuration has no blocks")
	}
	for _, a := range b.Body.Attributes {
		p.attrs = append(p.attrs, a)
	}
	slices.SortFunc(p.attrs, func(a, b *hclsyntax.Attribute) int { return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte) })
	ctx := written.Scope(p.getenv, written.LaterSecret)
	for _, a := range p.attrs {
		f.Eval(a.Expr, ctx)
	}
	return p
}

// Heading is the block of a plugin that other blocks tell something, and that has none.
func Heading(name string, at hcl.Range, getenv func(string) (string, bool)) *Block {
	return &Block{Name: name, Range: written.RangeOf(at), heading: at, getenv: getenv}
}

// Tell adds what another block says.
func (p *Block) Tell(name, value string, at hcl.Range) {
	p.text += "\n" + name + " = " + value
	p.attrs = append(p.attrs, &hclsyntax.Attribute{Name: name, SrcRange: at, NameRange: at,
		Expr: &hclsyntax.LiteralValueExpr{Val: cty.StringVal(value), SrcRange: at}})
}

// Differs says whether a plugin is told something else by one block than by another. A secret that it is told may always have changed.
func (p *Block) Differs(from *Block) bool {
	return from.text != p.text || slices.ContainsFunc(p.attrs, func(a *hclsyntax.Attribute) bool { return written.Calls(a.Expr, "secret") })
}

// Settings are the names of what the plugin is told.
func (p *Block) Settings() (names []string) {
	for _, a := range p.attrs {
		names = append(names, a.Name)
	}
	return names
}

// Unknown warns that there is no such plugin.
func (p *Block) Unknown(plugins []string) diagnostic.Diagnostic {
	detail := "no plugin is installed"
	if len(plugins) > 0 {
		detail = "known: " + strings.Join(plugins, ", ")
	}
	return diagnostic.Diagnostic{Severity: diagnostic.Warning, Range: p.Range, Detail: detail,
		Summary: fmt.Sprintf("there is no plugin %q%s", p.Name, expr.DidYouMean(p.Name, plugins))}
}

// Check says how the block does not fit what the plugin declares; a nil schema declares nothing. Secrets are not asked for.
func (p *Block) Check(schema *sdk.Schema) diagnostic.Diagnostics {
	var f written.Finder
	if schema == nil {
		f.Fail(p.heading, "remove the block", "plugin %s takes no configuration", p.Name)
		return f.Found
	}
	given := map[string]cty.Value{}
	ctx := written.Scope(p.getenv, written.LaterSecret)
	for _, a := range p.attrs {
		v, ok := f.Eval(a.Expr, ctx)
		if !ok {
			v = cty.DynamicVal
		}
		given[a.Name] = v
		s, named := schema.Properties.Get(a.Name)
		if named && datum.DeclaresPrivate(&s) && !written.Calls(a.Expr, "secret", "env") {
			f.Warn(a.Expr.Range(), "spinbot secrets set NAME keeps it out of the file: "+a.Name+" = secret(\"NAME\")", "%s is a secret, and stands here for all to read", a.Name)
			f.Veil()
		}
	}
	for _, x := range expr.Fit(schema, cty.ObjectVal(given)) {
		p.violation(&f, schema, x)
	}
	return f.Sorted()
}

// private says whether a value may be shown nowhere: it is declared to be a secret, or made of one or of the environment.
func private(schema *sdk.Schema, a *hclsyntax.Attribute) bool {
	s, _ := schema.Properties.Get(a.Name)
	return datum.DeclaresPrivate(&s) || written.Calls(a.Expr, "secret", "env")
}

// violation puts what does not fit where it stands.
func (p *Block) violation(f *written.Finder, schema *sdk.Schema, x sdk.Violation) {
	for _, a := range p.attrs {
		rest, ok := strings.CutPrefix(x.Path, a.Name)
		switch {
		case !ok || rest != "" && rest[0] != '.' && rest[0] != '[':
		case strings.HasPrefix(x.Message, "is unknown") && rest == "":
			message := x.Message
			if head, tail, ok := strings.Cut(message, "; known"); ok && !strings.Contains(head, "did you mean") {
				message = head + expr.DidYouMean(a.Name, schema.Properties.Names()) + "; known" + tail
			}
			f.Fail(a.NameRange, "", "%s: %s", x.Path, message)
			return
		case private(schema, a) && x.Message != "is required":
			f.Fail(written.Locate(a.Expr, rest), "", "%s: what it holds, which is not shown, does not fit", x.Path)
			f.Veil()
			return
		default:
			f.Fail(written.Locate(a.Expr, rest), "", "%s: %s", x.Path, x.Message)
			return
		}
	}
	f.Fail(p.heading, "", "%s: %s", x.Path, x.Message)
}

// Values are what the plugin is given: checked, with its defaults. The error is *sdk.Error and names no value.
func (p *Block) Values(schema *sdk.Schema, secret func(name string) (string, error)) (sdk.Values, error) {
	if wrong := p.Check(schema); wrong.HasErrors() {
		return nil, p.refused(wrong, mend)
	}
	var f written.Finder
	ctx := written.Scope(p.getenv, func(name string) (cty.Value, error) {
		value, err := secret(name)
		return cty.StringVal(value), err
	})
	out := map[string]any{}
	for _, a := range p.attrs {
		if v, ok := f.Eval(a.Expr, ctx); ok {
			x, err := datum.Artifacts{}.Out(v)
			if err != nil {
				f.Fail(a.Expr.Range(), "", "%v", err)
			}
			out[a.Name] = x
		}
	}
	if len(f.Found) > 0 { // of what Check saw, only the secrets are new
		return nil, p.refused(f.Sorted(), "then resume the run")
	}
	fitting, _ := datum.Coerce(schema, out).(map[string]any)
	for _, x := range schema.Check(fitting) { // a secret may turn out to be none of what is wanted
		p.violation(&f, schema, x)
	}
	if len(f.Found) > 0 {
		return nil, p.refused(f.Sorted(), mend)
	}
	return fitting, nil
}

const mend = "mend its block in " + written.FileName + " (spinbot config check shows it) and start the host again"

func (p *Block) refused(found diagnostic.Diagnostics, hint string) error {
	errs := slices.DeleteFunc(found, func(d diagnostic.Diagnostic) bool { return d.Severity != diagnostic.Error })
	return sdk.Refuse(fmt.Sprintf("the configuration of plugin %s does not fit: %s", p.Name, strings.ReplaceAll(errs.Error(), "\n", "; ")), hint)
}

// Entries are the block's values for people. What the plugin declares to be secret, what is made of a secret or of the
// environment, and everything of a plugin that is not known, is not shown.
func (p *Block) Entries(schema *sdk.Schema) []value.Entry {
	var out []value.Entry
	for _, a := range p.attrs {
		e := value.Entry{Key: "plugin." + p.Name + "." + a.Name, Value: value.Hidden{}, Range: written.RangeOf(a.SrcRange)}
		if schema != nil && !private(schema, a) {
			var f written.Finder
			if x, ok := f.Plain(a.Expr, written.Scope(p.getenv, written.LaterSecret)); ok {
				e.Value = x
			}
		}
		out = append(out, e)
	}
	return out
}

// Private gives the texts among values that may be shown nowhere.
func (p *Block) Private(schema *sdk.Schema, values sdk.Values) (out []string) {
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
func Missing(plugin string, schema *sdk.Schema) (found diagnostic.Diagnostics) {
	if schema == nil {
		return nil
	}
	for _, x := range expr.Fit(schema, cty.EmptyObjectVal) {
		found = append(found, diagnostic.Diagnostic{Severity: diagnostic.Warning, Detail: "write a block plugin " + datum.Quote(plugin) + " { } in " + written.FileName,
			Summary: fmt.Sprintf("plugin %s is not configured: %s %s", plugin, x.Path, x.Message)})
	}
	return found
}
