package testfile

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/recording"
	"github.com/myspinbot/spinbot/sdk"
)

// decoder turns the blocks of a test file into a Suite.
type decoder struct {
	finder
	suite    *Suite
	dir      string
	recorded map[string]*recording.Recording // by path as opened
}

// reader takes one attribute's expression.
type reader func(hclsyntax.Expression)

func (d *decoder) file(src []byte) {
	f, found := expr.ParseConfig(src, d.suite.File)
	if found.HasErrors() {
		d.hcl(found[:1]) // what follows from a mistake of syntax only confuses
		return
	}
	body := f.Body.(*hclsyntax.Body)
	if d.hcl(expr.CheckNumbers(body)); d.found.HasErrors() {
		return
	}
	d.attributes(body, "at the top of a test file", map[string]reader{"types": d.types})
	for _, b := range body.Blocks {
		switch b.Type {
		case "run":
			d.run(b)
		case "mock":
			d.mock(b, &d.suite.Mocks)
		default:
			d.unknownBlock(b, "at the top of a test file", "run", "mock")
		}
	}
	if len(d.suite.Runs) == 0 && !d.found.HasErrors() {
		d.fail(body.SrcRange, "add one: run \"it works\" { inputs = { … } }", "there is no run block in the file")
	}
}

func (d *decoder) unknownBlock(b *hclsyntax.Block, where string, known ...string) {
	detail := "no blocks may stand here"
	if len(known) > 0 {
		detail = "known here: " + strings.Join(known, ", ") + expr.DidYouMean(b.Type, known)
	}
	d.fail(b.TypeRange, detail, "unknown block %q %s", b.Type, where)
}

func (d *decoder) noBlocks(b *hclsyntax.Block) {
	for _, inner := range b.Body.Blocks {
		d.unknownBlock(inner, "in a "+b.Type+" block")
	}
}

// label gives a block's one label; usage shows how it is written.
func (d *decoder) label(b *hclsyntax.Block, usage string) (string, bool) {
	if len(b.Labels) != 1 || b.Labels[0] == "" {
		d.fail(b.DefRange(), "write it "+usage, "%s block wants one label", b.Type)
		return "", false
	}
	return b.Labels[0], true
}

func (d *decoder) attributes(body *hclsyntax.Body, where string, readers map[string]reader) {
	all := slices.SortedFunc(maps.Values(body.Attributes), func(a, b *hclsyntax.Attribute) int {
		return a.NameRange.Start.Byte - b.NameRange.Start.Byte
	})
	for _, a := range all {
		if read := readers[a.Name]; read != nil {
			read(a.Expr)
			continue
		}
		known := slices.Sorted(maps.Keys(readers))
		detail := "known here: " + strings.Join(known, ", ") + expr.DidYouMean(a.Name, known)
		if len(known) == 0 {
			detail = "only blocks may stand here"
		}
		d.fail(a.NameRange, detail, "unknown attribute %q %s", a.Name, where)
	}
}

// constant reads a value that refers to nothing and fits the schema; ok is false when it has been reported.
func (d *decoder) constant(e hclsyntax.Expression, s sdk.Schema, what string) (x any, ok bool) {
	d.load(e)
	if len(e.Variables()) > 0 {
		d.fail(e.Range(), "", "%s is written out: it refers to nothing", what)
		return nil, false
	}
	v, found := expr.Infer(e, &hcl.EvalContext{Functions: library.Table(d.suite.files)})
	if d.hcl(found); found.HasErrors() {
		return nil, false
	}
	wrong := expr.Fit(&s, v)
	for _, w := range wrong {
		d.fail(Locate(e, StepsOf(w.Path)), "", "%s: %s", what, w)
	}
	x, err := datum.Artifacts{}.Out(v)
	return datum.Coerce(&s, x), err == nil && len(wrong) == 0 && x != nil
}

func (d *decoder) text(what string, to *string) reader {
	return func(e hclsyntax.Expression) {
		if x, ok := d.constant(e, sdk.Schema{Type: "string"}, what); ok {
			*to = x.(string)
		}
	}
}

func (d *decoder) expression(to *hclsyntax.Expression) reader {
	return func(e hclsyntax.Expression) { d.load(e); *to = e }
}

// load reads what file() and templatefile() in an expression name, from the test file's folder.
func (d *decoder) load(e hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "file" && call.Name != "templatefile" || len(call.Args) == 0 {
			return nil
		}
		arg, found := call.Args[0].Value(nil)
		if found.HasErrors() || arg.Type() != cty.String || arg.IsNull() {
			d.fail(call.Args[0].Range(), "", "the name of the file is written out as text")
			return nil
		}
		name, err := d.suite.files.Load(os.DirFS(d.dir), ".", arg.AsString())
		if err == nil && call.Name == "templatefile" {
			_, found := d.suite.files.Template(name, filepath.Join(d.dir, name))
			d.hcl(found)
		}
		if err != nil {
			d.fail(call.Args[0].Range(), "", "%s", strings.ReplaceAll(err.Error(), "the pipeline's folder", "the test file's folder"))
			d.suite.files.Fail(arg.AsString())
		}
		return nil
	})
}

func (d *decoder) run(b *hclsyntax.Block) {
	name, ok := d.label(b, `run "what is tested" { }`)
	if !ok {
		return
	}
	r := &Run{Name: name, Range: RangeOf(b.DefRange()), File: Pipeline(d.suite.File), FileRange: b.DefRange(),
		Expect: Expect{Range: b.DefRange()}}
	for _, other := range d.suite.Runs {
		if other.Name == name {
			d.fail(b.DefRange(), "give each its own name", "second run block named %q", name)
		}
	}
	var file string
	d.attributes(b.Body, "in a run block", map[string]reader{
		"inputs": d.expression(&r.Inputs),
		"file": func(e hclsyntax.Expression) {
			d.text("file", &file)(e)
			r.File, r.FileRange = filepath.Join(d.dir, filepath.FromSlash(file)), e.Range()
		},
		"diagnostics": func(e hclsyntax.Expression) { r.Diagnostics = d.refusals(e) },
	})
	expects := 0
	for _, inner := range b.Body.Blocks {
		switch inner.Type {
		case "mock":
			d.mock(inner, &r.Mocks)
		case "answer":
			d.answer(r, inner)
		case "expect":
			if expects++; expects > 1 {
				d.fail(inner.DefRange(), "a run block has at most one", "second expect block")
			}
			d.expect(&r.Expect, inner)
		default:
			d.unknownBlock(inner, "in a run block", "mock", "answer", "expect")
		}
	}
	if r.Diagnostics != nil && expects > 0 {
		d.fail(b.DefRange(), "diagnostics means that nothing runs: take out the expect block, or diagnostics", "both diagnostics and expect in run %q", name)
	}
	d.suite.Runs = append(d.suite.Runs, r)
}

// refusals reads the texts of diagnostics, each with its place.
func (d *decoder) refusals(e hclsyntax.Expression) []Expected {
	x, ok := d.constant(e, sdk.Schema{Type: "array", MinItems: new(1), Items: &sdk.Schema{Type: "string", MinLength: new(1)}}, "diagnostics")
	if !ok {
		return []Expected{}
	}
	list := x.([]any)
	out := make([]Expected, len(list))
	for i := range list {
		out[i] = Expected{list[i].(string), Locate(e, []any{i})}
	}
	return out
}

// Locate finds the place of the part of an expression that steps of names and positions lead to.
func Locate(e hclsyntax.Expression, steps []any) hcl.Range { return Part(e, steps).Range() }

// Part finds what steps lead to, or the nearest part around it.
func Part(e hclsyntax.Expression, steps []any) hclsyntax.Expression {
	for {
		p, wrapped := e.(*hclsyntax.ParenthesesExpr)
		if !wrapped {
			break
		}
		e = p.Expression
	}
	if len(steps) == 0 {
		return e
	}
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			if name, known := expr.KeyName(item.KeyExpr); known && name == steps[0] {
				return Part(item.ValueExpr, steps[1:])
			}
		}
	case *hclsyntax.TupleConsExpr:
		if i, ok := steps[0].(int); ok && i < len(e.Exprs) {
			return Part(e.Exprs[i], steps[1:])
		}
	}
	return e
}
