package testfile

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/pipetest/match"
	"github.com/myspinbot/spinbot/sdk"
)

// Expect is what a run must come to. What it does not say may be anything, but for the state: succeeded, or failed
// where an error is expected.
type Expect struct {
	Range      hcl.Range // of the block, else of the run block
	State      Expected
	Error      Expected
	Outputs    hclsyntax.Expression // nil: any
	Nodes      map[string]Expected  // states, by address
	Artifacts  []*Artifact
	Conditions []*Condition
}

// Artifact is what must be true of an artifact. Zero fields may be anything.
type Artifact struct {
	Name   string // how the file refers to it: output.video
	Value  hclsyntax.Expression
	Range  hcl.Range
	Ranges map[string]hcl.Range // of the attributes

	MediaType           string
	Width, Height       int
	Duration, Tolerance time.Duration
	Timed               bool // Duration is given; it may be 0s
	MinSize, MaxSize    int64
	Contains            string
}

// Condition is an expression over what the run came to.
type Condition struct {
	Range          hcl.Range
	Check, Message hclsyntax.Expression
}

var (
	// RunStates are those in which a run may be expected.
	RunStates = []any{string(run.Succeeded), string(run.Failed), string(run.Cancelled), string(run.Paused)}
	// NodeStates are those in which a node may be expected.
	NodeStates = []any{string(run.NodeSucceeded), string(run.NodeFailed), string(run.NodeSkipped), string(run.NodeCancelled),
		string(run.NodeCached), string(run.NodePending), string(run.NodeWaiting)}
)

func (d *decoder) expect(x *Expect, b *hclsyntax.Block) {
	x.Range = b.DefRange()
	if len(b.Labels) > 0 {
		d.fail(b.DefRange(), "write it expect { }", "expect block wants no label")
	}
	word := func(what string, to *Expected, s sdk.Schema) reader {
		return func(e hclsyntax.Expression) {
			if v, ok := d.constant(e, s, what); ok {
				*to = Expected{v.(string), e.Range()}
			}
		}
	}
	d.attributes(b.Body, "in an expect block", map[string]reader{
		"state":   word("state", &x.State, sdk.Schema{Type: "string", Enum: RunStates}),
		"error":   word("error", &x.Error, sdk.Schema{Type: "string", MinLength: new(1)}),
		"outputs": d.expression(&x.Outputs),
		"nodes":   func(e hclsyntax.Expression) { x.Nodes = d.nodeStates(e) },
	})
	for _, inner := range b.Body.Blocks {
		switch inner.Type {
		case "artifact":
			d.artifact(x, inner)
		case "condition":
			d.condition(x, inner)
		default:
			d.unknownBlock(inner, "in an expect block", "artifact", "condition")
		}
	}
}

func (d *decoder) nodeStates(e hclsyntax.Expression) map[string]Expected {
	v, ok := d.constant(e, sdk.Schema{Type: "object", Additional: &sdk.Schema{Type: "string"}}, "nodes")
	if !ok {
		return nil
	}
	out := map[string]Expected{}
	states := v.(map[string]any)
	for _, address := range slices.Sorted(maps.Keys(states)) {
		rng := Locate(e, []any{address})
		if _, err := ParseSteps(address); err != nil {
			d.fail(rng, "", "%s", err)
			continue
		}
		state := states[address].(string)
		if !slices.Contains(NodeStates, any(state)) {
			d.fail(rng, "a node ends as one of these, or is pending or waiting", "%s: %s", address, sdk.Schema{Enum: NodeStates}.Check(state)[0])
		}
		out[address] = Expected{state, rng}
	}
	return out
}

func (d *decoder) artifact(x *Expect, b *hclsyntax.Block) {
	name, ok := d.label(b, `artifact "output.video" { }`)
	if !ok {
		return
	}
	a := &Artifact{Name: name, Range: b.DefRange(), Ranges: map[string]hcl.Range{}}
	start := b.LabelRanges[0].Start
	start.Column, start.Byte = start.Column+1, start.Byte+1
	value, found := hclsyntax.ParseExpression([]byte(name), d.suite.File, start)
	if d.hcl(found); found.HasErrors() {
		return
	}
	a.Value = value
	var duration, tolerance, low, high string
	readers := map[string]reader{
		"media_type": d.text("media_type", &a.MediaType), "contains": d.text("contains", &a.Contains),
		"width": d.pixels("width", &a.Width), "height": d.pixels("height", &a.Height),
		"duration":  d.format("duration", sdk.FormatDuration, &duration),
		"tolerance": d.format("tolerance", sdk.FormatDuration, &tolerance),
		"min_size":  d.format("min_size", sdk.FormatBytes, &low), "max_size": d.format("max_size", sdk.FormatBytes, &high),
	}
	for _, attribute := range b.Body.Attributes {
		a.Ranges[attribute.Name] = attribute.Expr.Range()
	}
	d.attributes(b.Body, "in an artifact block", readers)
	d.noBlocks(b)
	// the schemas have checked these
	a.Timed = duration != ""
	a.Duration, _ = sdk.ParseDuration(duration)
	a.Tolerance, _ = sdk.ParseDuration(tolerance)
	a.MinSize, _ = sdk.ParseBytes(low)
	a.MaxSize, _ = sdk.ParseBytes(high)
	if rng, given := a.Ranges["tolerance"]; given && !a.Timed {
		d.fail(rng, "say how long it should be: duration = \"…\"", "tolerance without a duration")
	}
	x.Artifacts = append(x.Artifacts, a)
}

func (d *decoder) pixels(what string, to *int) reader {
	return func(e hclsyntax.Expression) {
		if x, ok := d.constant(e, sdk.Schema{Type: "integer", Minimum: number("1"), Maximum: number("1000000")}, what); ok {
			*to, _ = strconv.Atoi(match.Text(x))
		}
	}
}

// format reads text of a format; a number is bytes.
func (d *decoder) format(what, format string, to *string) reader {
	kind := "string"
	if format == sdk.FormatBytes {
		kind = ""
	}
	return func(e hclsyntax.Expression) {
		x, ok := d.constant(e, sdk.Schema{Type: kind}, what)
		if !ok {
			return
		}
		if *to, ok = x.(string); !ok {
			*to = match.Text(x)
		}
		_, err := sdk.ParseDuration(*to)
		if format == sdk.FormatBytes {
			_, err = sdk.ParseBytes(*to)
		}
		if err != nil {
			d.fail(e.Range(), "", "%s: %s", what, err)
		}
	}
}

func (d *decoder) condition(x *Expect, b *hclsyntax.Block) {
	c := &Condition{Range: b.DefRange()}
	if len(b.Labels) > 0 {
		d.fail(b.DefRange(), "write it condition { check = …  message = \"…\" }", "condition block wants no label")
	}
	d.attributes(b.Body, "in a condition block", map[string]reader{"check": d.expression(&c.Check), "message": d.expression(&c.Message)})
	d.noBlocks(b)
	if c.Check == nil {
		d.fail(b.DefRange(), "add one: check = output.seconds > 10", "condition without a check")
		return
	}
	x.Conditions = append(x.Conditions, c)
}

// checkExpect reports what an expect block refers to that the pipeline does not have.
func (b *Block) checkExpect(f *finder) {
	x, c := &b.Run.Expect, b.types()
	c.infer(f, x.Outputs, "outputs")
	for address, want := range x.Nodes {
		at, err := ParseSteps(address)
		if err != nil {
			continue
		}
		all := Vertices(b.Pipe)
		if !slices.ContainsFunc(all, func(v Vertex) bool { _, ok := at.Whole().Covers(v.At); return ok }) {
			names := known(all, pipeline.KindNode, pipeline.KindGate, pipeline.KindModule)
			f.fail(want.Range, "the pipeline has "+match.List(names)+expr.DidYouMean(at.Whole().String(), names), "no %s in %s", at.Whole(), b.Run.File)
		}
	}
	for _, a := range x.Artifacts {
		v := c.infer(f, a.Value, "artifact")
		for _, w := range expr.Fit(&sdk.Schema{XType: sdk.XArtifact}, v) {
			f.fail(a.Range, "", "%s: %s", a.Name, w)
		}
	}
	for _, k := range x.Conditions {
		for _, w := range expr.Fit(&sdk.Schema{Type: "boolean"}, c.infer(f, k.Check, "check")) {
			f.fail(k.Check.Range(), "", "check: %s", w)
		}
		if k.Message != nil {
			c.infer(f, k.Message, "message")
		}
	}
}

// types is what is known, before a run, of the names that expectations see.
func (b *Block) types() *Scope {
	c := b.Suite.NewScope(nil)
	vars, outputs := map[string]cty.Value{}, map[string]cty.Value{}
	for _, v := range b.Pipe.Variables {
		vars[v.Name] = cty.UnknownVal(datum.Type(&v.Schema))
	}
	for _, o := range b.Pipe.Outputs {
		outputs[o.Name] = cty.UnknownVal(datum.Type(&o.Schema))
	}
	c.Names["var"], c.Names["output"] = cty.ObjectVal(vars), cty.ObjectVal(outputs)
	c.SetVertices(b.Pipe, func(n *pipeline.Node) cty.Value {
		if n.ForEach {
			return cty.DynamicVal
		}
		return cty.UnknownVal(datum.Type(n.Outputs()))
	})
	c.Names["run"] = cty.UnknownVal(cty.Object(map[string]cty.Type{"state": cty.String, "error": cty.String}))
	return c
}

// SetVertices sets node, gate and module.
func (c *Scope) SetVertices(p *pipeline.Pipeline, value func(*pipeline.Node) cty.Value) {
	by := map[pipeline.Kind]map[string]cty.Value{pipeline.KindNode: {}, pipeline.KindGate: {}, pipeline.KindModule: {}}
	for _, n := range p.Nodes {
		by[n.Kind][n.Name] = value(n)
	}
	for kind, members := range by {
		if c.Names[string(kind)] = cty.ObjectVal(members); len(members) == 0 && kind != pipeline.KindNode {
			delete(c.Names, string(kind)) // for what may be referred to
		}
	}
}
