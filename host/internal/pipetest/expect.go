package pipetest

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// expect is what a run must come to. What it does not say may be anything, but for the state: succeeded, or failed
// where an error is expected.
type expect struct {
	rng        hcl.Range // of the block, else of the run block
	state      expected
	err        expected
	outputs    hclsyntax.Expression // nil: any
	nodes      map[string]expected  // states, by address
	artifacts  []*artifactExpect
	conditions []*condition
}

// artifactExpect is what must be true of an artifact. Zero fields may be anything.
type artifactExpect struct {
	name   string // how the file refers to it: output.video
	value  hclsyntax.Expression
	rng    hcl.Range
	ranges map[string]hcl.Range // of the attributes

	mediaType           string
	width, height       int
	duration, tolerance time.Duration
	timed               bool // duration is given; it may be 0s
	minSize, maxSize    int64
	contains            string
}

// condition is an expression over what the run came to.
type condition struct {
	rng            hcl.Range
	check, message hclsyntax.Expression
}

var (
	runStates  = []any{string(run.Succeeded), string(run.Failed), string(run.Cancelled), string(run.Paused)}
	nodeStates = []any{string(run.NodeSucceeded), string(run.NodeFailed), string(run.NodeSkipped), string(run.NodeCancelled),
		string(run.NodeCached), string(run.NodePending), string(run.NodeWaiting)}
)

func (d *decoder) expect(x *expect, b *hclsyntax.Block) {
	x.rng = b.DefRange()
	if len(b.Labels) > 0 {
		d.fail(b.DefRange(), "write it expect { }", "expect block wants no label")
	}
	word := func(what string, to *expected, s sdk.Schema) reader {
		return func(e hclsyntax.Expression) {
			if v, ok := d.constant(e, s, what); ok {
				*to = expected{v.(string), e.Range()}
			}
		}
	}
	d.attributes(b.Body, "in an expect block", map[string]reader{
		"state":   word("state", &x.state, sdk.Schema{Type: "string", Enum: runStates}),
		"error":   word("error", &x.err, sdk.Schema{Type: "string", MinLength: new(1)}),
		"outputs": d.expression(&x.outputs),
		"nodes":   func(e hclsyntax.Expression) { x.nodes = d.nodeStates(e) },
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

func (d *decoder) nodeStates(e hclsyntax.Expression) map[string]expected {
	v, ok := d.constant(e, sdk.Schema{Type: "object", Additional: &sdk.Schema{Type: "string"}}, "nodes")
	if !ok {
		return nil
	}
	out := map[string]expected{}
	states := v.(map[string]any)
	for _, address := range slices.Sorted(maps.Keys(states)) {
		rng := locate(e, []any{address})
		if _, err := parseSteps(address); err != nil {
			d.fail(rng, "", "%s", err)
			continue
		}
		state := states[address].(string)
		if !slices.Contains(nodeStates, any(state)) {
			d.fail(rng, "a node ends as one of these, or is pending or waiting", "%s: %s", address, sdk.Schema{Enum: nodeStates}.Check(state)[0])
		}
		out[address] = expected{state, rng}
	}
	return out
}

func (d *decoder) artifact(x *expect, b *hclsyntax.Block) {
	name, ok := d.label(b, `artifact "output.video" { }`)
	if !ok {
		return
	}
	a := &artifactExpect{name: name, rng: b.DefRange(), ranges: map[string]hcl.Range{}}
	start := b.LabelRanges[0].Start
	start.Column, start.Byte = start.Column+1, start.Byte+1
	value, found := hclsyntax.ParseExpression([]byte(name), d.suite.File, start)
	if d.hcl(found); found.HasErrors() {
		return
	}
	a.value = value
	var duration, tolerance, low, high string
	readers := map[string]reader{
		"media_type": d.text("media_type", &a.mediaType), "contains": d.text("contains", &a.contains),
		"width": d.pixels("width", &a.width), "height": d.pixels("height", &a.height),
		"duration":  d.format("duration", sdk.FormatDuration, &duration),
		"tolerance": d.format("tolerance", sdk.FormatDuration, &tolerance),
		"min_size":  d.format("min_size", sdk.FormatBytes, &low), "max_size": d.format("max_size", sdk.FormatBytes, &high),
	}
	for _, attribute := range b.Body.Attributes {
		a.ranges[attribute.Name] = attribute.Expr.Range()
	}
	d.attributes(b.Body, "in an artifact block", readers)
	d.noBlocks(b)
	// the schemas have checked these
	a.timed = duration != ""
	a.duration, _ = sdk.ParseDuration(duration)
	a.tolerance, _ = sdk.ParseDuration(tolerance)
	a.minSize, _ = sdk.ParseBytes(low)
	a.maxSize, _ = sdk.ParseBytes(high)
	if rng, given := a.ranges["tolerance"]; given && !a.timed {
		d.fail(rng, "say how long it should be: duration = \"…\"", "tolerance without a duration")
	}
	x.artifacts = append(x.artifacts, a)
}

func (d *decoder) pixels(what string, to *int) reader {
	return func(e hclsyntax.Expression) {
		if x, ok := d.constant(e, sdk.Schema{Type: "integer", Minimum: number("1"), Maximum: number("1000000")}, what); ok {
			*to, _ = strconv.Atoi(asText(x))
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
			*to = asText(x)
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

func (d *decoder) condition(x *expect, b *hclsyntax.Block) {
	c := &condition{rng: b.DefRange()}
	if len(b.Labels) > 0 {
		d.fail(b.DefRange(), "write it condition { check = …  message = \"…\" }", "condition block wants no label")
	}
	d.attributes(b.Body, "in a condition block", map[string]reader{"check": d.expression(&c.check), "message": d.expression(&c.message)})
	d.noBlocks(b)
	if c.check == nil {
		d.fail(b.DefRange(), "add one: check = output.seconds > 10", "condition without a check")
		return
	}
	x.conditions = append(x.conditions, c)
}

// checkExpect reports what an expect block refers to that the pipeline does not have.
func (b *block) checkExpect(f *finder) {
	x, c := &b.run.expect, b.types()
	c.infer(f, x.outputs, "outputs")
	for address, want := range x.nodes {
		at, err := parseSteps(address)
		if err != nil {
			continue
		}
		all := vertices(b.pipe)
		if !slices.ContainsFunc(all, func(v vertex) bool { _, ok := at.whole().covers(v.at); return ok }) {
			names := known(all, pipeline.KindNode, pipeline.KindGate, pipeline.KindModule)
			f.fail(want.rng, "the pipeline has "+list(names)+expr.DidYouMean(at.whole().String(), names), "no %s in %s", at.whole(), b.run.file)
		}
	}
	for _, a := range x.artifacts {
		v := c.infer(f, a.value, "artifact")
		for _, w := range expr.Fit(&sdk.Schema{XType: sdk.XArtifact}, v) {
			f.fail(a.rng, "", "%s: %s", a.name, w)
		}
	}
	for _, k := range x.conditions {
		for _, w := range expr.Fit(&sdk.Schema{Type: "boolean"}, c.infer(f, k.check, "check")) {
			f.fail(k.check.Range(), "", "check: %s", w)
		}
		if k.message != nil {
			c.infer(f, k.message, "message")
		}
	}
}
