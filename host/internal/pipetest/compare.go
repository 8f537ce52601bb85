package pipetest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/media"
	"github.com/myspinbot/spinbot/sdk"
)

// compare adds every way in which the run is not as the block expects.
func (b *block) compare(ctx context.Context, s *run.State, inputs sdk.Values, found *tally) {
	x := &b.run.expect
	if !b.compareState(s, found) {
		return // what follows from it is not another failure
	}
	for _, address := range slices.Sorted(maps.Keys(x.nodes)) {
		b.compareNode(s, address, x.nodes[address], found)
	}
	c, err := b.names(ctx, s, inputs)
	if err != nil {
		found.add(x.rng, Failure{What: "what the run gave cannot be read", Detail: err.Error()})
		return
	}
	b.compareOutputs(c, s, found)
	for _, a := range x.artifacts {
		b.compareArtifact(ctx, c, a, found)
	}
	for _, k := range x.conditions {
		c.compareCondition(k, found)
	}
}

// compareState compares the run's state and error.
func (b *block) compareState(s *run.State, found *tally) bool {
	x := &b.run.expect
	want, rng := x.state.text, x.state.rng
	if want == "" {
		want, rng = string(run.Succeeded), x.rng
		if x.err.text != "" {
			want, rng = string(run.Failed), x.err.rng
		}
	}
	got, text := string(s.Status), errorOf(s)
	if !s.Status.Ended() {
		got, text = string(run.Paused), waits(s)
	}
	if got != want {
		found.add(rng, Failure{What: "the run's state", Want: want, Got: got, Detail: text})
		return false
	}
	if x.err.text != "" && !strings.Contains(text, x.err.text) {
		found.add(x.err.rng, Failure{What: "the run's error", Want: asText(x.err.text), Got: cut(text)})
	}
	return true
}

func errorOf(s *run.State) string {
	switch {
	case s.Error != nil:
		return s.Error.Error()
	case s.Status == run.Cancelled:
		return s.Reason
	}
	return ""
}

func (b *block) compareNode(s *run.State, address string, want expected, found *tally) {
	at, err := parseSteps(address)
	if err != nil {
		return // Parse has said so
	}
	step := at.last()
	n := s.Find(run.Path(at[:len(at)-1]), run.IDOf(step))
	if n == nil {
		found.add(want.rng, Failure{What: "the run has no " + address, Detail: "a module has no nodes before it begins; its rounds, where it repeats, are numbered: module.x~1/node.y"})
		return
	}
	got, failure := n.State, n.Error
	if !step.Key.IsZero() || !n.Each && len(n.Instances) == 1 {
		i := n.Instance(step.Key)
		if i == nil {
			var keys []string
			for _, k := range n.Keys {
				keys = append(keys, k.String())
			}
			found.add(want.rng, Failure{What: "there is no " + address, Detail: at.whole().String() + " is " + string(n.State) + "; its instances: " + list(keys)})
			return
		}
		got, failure = i.State, i.Error
	}
	if string(got) == want.text {
		return
	}
	f := Failure{What: address, Want: want.text, Got: string(got), Detail: n.Reason}
	if failure != nil {
		f.Detail = failure.Error()
	}
	found.add(want.rng, f)
}

// types is what is known, before a run, of the names that expectations see.
func (b *block) types() *scope {
	c := b.suite.newScope(nil)
	vars, outputs := map[string]cty.Value{}, map[string]cty.Value{}
	for _, v := range b.pipe.Variables {
		vars[v.Name] = cty.UnknownVal(expr.Type(&v.Schema))
	}
	for _, o := range b.pipe.Outputs {
		outputs[o.Name] = cty.UnknownVal(expr.Type(&o.Schema))
	}
	c.names["var"], c.names["output"] = cty.ObjectVal(vars), cty.ObjectVal(outputs)
	c.vertices(b.pipe, func(n *pipeline.Node) cty.Value {
		if n.ForEach {
			return cty.DynamicVal
		}
		return cty.UnknownVal(expr.Type(n.Outputs()))
	})
	c.names["run"] = cty.UnknownVal(cty.Object(map[string]cty.Type{"state": cty.String, "error": cty.String}))
	return c
}

// vertices sets node, gate and module.
func (c *scope) vertices(p *pipeline.Pipeline, value func(*pipeline.Node) cty.Value) {
	by := map[pipeline.Kind]map[string]cty.Value{pipeline.KindNode: {}, pipeline.KindGate: {}, pipeline.KindModule: {}}
	for _, n := range p.Nodes {
		by[n.Kind][n.Name] = value(n)
	}
	for kind, members := range by {
		if c.names[string(kind)] = cty.ObjectVal(members); len(members) == 0 && kind != pipeline.KindNode {
			delete(c.names, string(kind)) // for what may be referred to
		}
	}
}

// names is what expectations see of a run that has ended.
func (b *block) names(ctx context.Context, s *run.State, inputs sdk.Values) (*scope, error) {
	c := b.suite.newScope(b.bench.taker(ctx))
	var err error
	value := func(name string, schema *sdk.Schema, v any) cty.Value {
		value, e := c.artifacts.In(schema, v)
		if e != nil {
			value, err = cty.DynamicVal, fmt.Errorf("%s: %w", name, e)
		}
		return value
	}
	vars, outputs := map[string]cty.Value{}, map[string]cty.Value{}
	for _, v := range b.pipe.Variables {
		vars[v.Name] = value(v.Name, &v.Schema, inputs[v.Name])
	}
	for _, o := range b.pipe.Outputs {
		outputs[o.Name] = value(o.Name, nil, b.plain(s.Outputs[o.Name]))
	}
	c.names["var"], c.names["output"] = cty.ObjectVal(vars), cty.ObjectVal(outputs)
	c.vertices(b.pipe, func(n *pipeline.Node) cty.Value {
		v, schema := resultOf(s.Node(n.ID), n.Outputs())
		return value(n.ID, schema, b.plain(v))
	})
	c.names["run"] = cty.ObjectVal(map[string]cty.Value{"state": cty.StringVal(string(s.Status)), "error": cty.StringVal(errorOf(s))})
	return c, err
}

// plain opens what a run has sealed: a test compares sensitive values like any other.
func (b *block) plain(x any) any {
	if y, _, err := expr.Open(x, b.bench.vault); err == nil {
		return y
	}
	return x
}

// resultOf is a node's outputs as a pipeline sees them: those of its instance, or a list or an object of them.
func resultOf(n *run.Node, outputs *sdk.Schema) (any, *sdk.Schema) {
	value := func(i *run.Instance) any {
		if v := i.Values(); v != nil {
			return map[string]any(v)
		}
		return nil
	}
	switch {
	case n == nil || len(n.Instances) == 0 && !n.Each:
		return nil, outputs
	case !n.Each:
		return value(n.Instances[0]), outputs
	case n.Map:
		members := map[string]any{}
		for k, i := range n.Instances {
			members[n.Keys[k].Text()] = value(i)
		}
		return members, &sdk.Schema{Type: "object", Additional: outputs}
	}
	all := make([]any, len(n.Instances))
	for k, i := range n.Instances {
		all[k] = value(i)
	}
	return all, &sdk.Schema{Type: "array", Items: outputs}
}

// cannot reports an expression that has no value.
func cannot(found *tally, what string, diags hcl.Diagnostics, rng hcl.Range) {
	if diags[0].Subject != nil {
		rng = *diags[0].Subject
	}
	found.add(rng, Failure{What: what + ": " + lowerFirst(strings.TrimSuffix(diags[0].Summary, ".")), Detail: diags[0].Detail})
}

func (b *block) compareOutputs(c *scope, s *run.State, found *tally) {
	e := b.run.expect.outputs
	if e == nil {
		return
	}
	want, diags := c.value(e)
	if diags.HasErrors() {
		cannot(found, "outputs", diags, e.Range())
		return
	}
	got, _ := b.plain(map[string]any(s.Outputs)).(map[string]any)
	for _, d := range match(want, got) {
		found.add(locate(e, d.steps), Failure{What: strings.TrimSuffix("output."+spell(d.steps), "."), Want: d.want, Got: d.got})
	}
}

func (c *scope) compareCondition(k *condition, found *tally) {
	v, diags := expr.Eval(k.check, &hcl.EvalContext{Variables: c.names, Functions: c.functions})
	if diags.HasErrors() {
		cannot(found, "check", diags, k.check.Range())
		return
	}
	ok, err := expr.ToBool(v)
	if err != nil {
		found.add(k.check.Range(), Failure{What: "check " + err.Error()})
		return
	}
	if ok {
		return
	}
	f := Failure{What: "the condition is false", Detail: c.saw(k.check)}
	if k.message != nil {
		if text, diags := c.value(k.message); !diags.HasErrors() {
			f.What = fmt.Sprint(text)
		}
	}
	found.add(k.check.Range(), f)
}

// saw tells what the names in an expression stand for.
func (c *scope) saw(e hclsyntax.Expression) string {
	var out []string
	for _, t := range e.Variables() {
		v, diags := t.TraverseAbs(&hcl.EvalContext{Variables: c.names})
		if diags.HasErrors() {
			continue
		}
		x, err := c.artifacts.Out(v)
		if line := expr.Spell(t) + " is " + asText(x); err == nil && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func (b *block) compareArtifact(ctx context.Context, c *scope, a *artifactExpect, found *tally) {
	v, diags := c.value(a.value)
	if diags.HasErrors() {
		cannot(found, a.name, diags, a.rng)
		return
	}
	got, ok := v.(sdk.Artifact)
	if !ok {
		found.add(a.rng, Failure{What: a.name, Want: "an artifact", Got: asText(v)})
		return
	}
	differ := func(attribute, want, is string) {
		found.add(a.ranges[attribute], Failure{What: a.name + " " + attribute, Want: want, Got: is})
	}
	if ok, err := path.Match(a.mediaType, got.MediaType); a.mediaType != "" && (!ok || err != nil) {
		differ("media_type", a.mediaType, got.MediaType)
	}
	if a.minSize > 0 && got.Size < a.minSize {
		differ("min_size", "at least "+sdk.FormatSize(a.minSize), sdk.FormatSize(got.Size))
	}
	if a.maxSize > 0 && got.Size > a.maxSize {
		differ("max_size", "at most "+sdk.FormatSize(a.maxSize), sdk.FormatSize(got.Size))
	}
	if a.width == 0 && a.height == 0 && !a.timed && a.contains == "" {
		return
	}
	r, err := b.bench.artifacts.Open(ctx, got.Digest)
	if err != nil {
		found.add(a.rng, Failure{What: a.name + ": its bytes are not there", Detail: "of " + asText(got) + " only the reference was recorded;\nrecord with a higher --copy, or expect media_type and size only"})
		return
	}
	defer r.Close()
	a.compareBytes(r, got, differ, found)
}

// maxContains is how much of a text is searched, in bytes.
const maxContains = 16 << 20

func (a *artifactExpect) compareBytes(r io.ReadSeeker, got sdk.Artifact, differ func(attribute, want, is string), found *tally) {
	if a.contains != "" {
		raw, err := io.ReadAll(io.LimitReader(r, maxContains))
		if err != nil || !strings.Contains(string(raw), a.contains) {
			is := asText(string(raw))
			if !utf8.Valid(raw) {
				is = "bytes that are no text"
			}
			differ("contains", asText(a.contains), is)
		}
	}
	if a.width == 0 && a.height == 0 && !a.timed {
		return
	}
	f, err := media.Read(r, got.MediaType)
	if err != nil {
		found.add(a.rng, Failure{What: a.name + " (" + got.MediaType + ")", Detail: err.Error()})
		return
	}
	for _, side := range []struct {
		name      string
		want, got int
	}{{"width", a.width, f.Width}, {"height", a.height, f.Height}} {
		if side.want > 0 && side.want != side.got {
			differ(side.name, fmt.Sprint(side.want), fmt.Sprint(side.got))
		}
	}
	if a.timed && (f.Duration-a.duration).Abs() > a.tolerance {
		want := a.duration.String()
		if a.tolerance > 0 {
			want += " ± " + a.tolerance.String()
		}
		differ("duration", want, f.Duration.String())
	}
}

// says whether text appears in any diagnostic.
func says(diags pipeline.Diagnostics, text string) bool {
	return slices.ContainsFunc(diags, func(d pipeline.Diagnostic) bool {
		return strings.Contains(d.Summary, text) || strings.Contains(d.Detail, text) || strings.Contains(d.Summary+": "+d.Detail, text)
	})
}

// lines writes diagnostics for the detail of a failure.
func lines(diags pipeline.Diagnostics) string {
	out := make([]string, len(diags))
	for i, d := range diags {
		d.Range = pipeline.Range{}
		out[i] = d.String()
	}
	return strings.Join(out, "\n")
}
