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

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/media"
	"github.com/myspinbot/spinbot/host/internal/pipetest/match"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk"
)

// compare adds every way in which the run is not as the block expects.
func (b *block) compare(ctx context.Context, s *progress.State, inputs sdk.Values, found *tally) {
	x := &b.Run.Expect
	if !b.compareState(s, found) {
		return // what follows from it is not another failure
	}
	for _, address := range slices.Sorted(maps.Keys(x.Nodes)) {
		b.compareNode(s, address, x.Nodes[address], found)
	}
	c, err := b.names(ctx, s, inputs)
	if err != nil {
		found.add(x.Range, Failure{What: "what the run gave cannot be read", Detail: err.Error()})
		return
	}
	b.compareOutputs(c, s, found)
	for _, a := range x.Artifacts {
		b.compareArtifact(ctx, c, a, found)
	}
	for _, k := range x.Conditions {
		compareCondition(c, k, found)
	}
}

// compareState compares the run's state and error.
func (b *block) compareState(s *progress.State, found *tally) bool {
	x := &b.Run.Expect
	want, rng := x.State.Text, x.State.Range
	if want == "" {
		want, rng = string(run.Succeeded), x.Range
		if x.Error.Text != "" {
			want, rng = string(run.Failed), x.Error.Range
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
	if x.Error.Text != "" && !strings.Contains(text, x.Error.Text) {
		found.add(x.Error.Range, Failure{What: "the run's error", Want: match.Text(x.Error.Text), Got: match.Cut(text)})
	}
	return true
}

func errorOf(s *progress.State) string {
	switch {
	case s.Error != nil:
		return s.Error.Error()
	case s.Status == run.Cancelled:
		return s.Reason
	}
	return ""
}

func (b *block) compareNode(s *progress.State, address string, want testfile.Expected, found *tally) {
	at, err := testfile.ParseSteps(address)
	if err != nil {
		return // Parse has said so
	}
	step := at.Last()
	n := s.Find(run.Path(at[:len(at)-1]), run.IDOf(step))
	if n == nil {
		found.add(want.Range, Failure{What: "the run has no " + address, Detail: "a module has no nodes before it begins; its rounds, where it repeats, are numbered: module.x~1/node.y"})
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
			found.add(want.Range, Failure{What: "there is no " + address, Detail: at.Whole().String() + " is " + string(n.State) + "; its instances: " + match.List(keys)})
			return
		}
		got, failure = i.State, i.Error
	}
	if string(got) == want.Text {
		return
	}
	f := Failure{What: address, Want: want.Text, Got: string(got), Detail: n.Reason}
	if failure != nil {
		f.Detail = failure.Error()
	}
	found.add(want.Range, f)
}

// names is what expectations see of a run that has ended.
func (b *block) names(ctx context.Context, s *progress.State, inputs sdk.Values) (*testfile.Scope, error) {
	c := b.Suite.NewScope(b.bench.taker(ctx))
	var err error
	value := func(name string, schema *sdk.Schema, v any) cty.Value {
		value, e := c.Artifacts.In(schema, v)
		if e != nil {
			value, err = cty.DynamicVal, fmt.Errorf("%s: %w", name, e)
		}
		return value
	}
	vars, outputs := map[string]cty.Value{}, map[string]cty.Value{}
	for _, v := range b.Pipe.Variables {
		vars[v.Name] = value(v.Name, &v.Schema, inputs[v.Name])
	}
	for _, o := range b.Pipe.Outputs {
		outputs[o.Name] = value(o.Name, nil, b.plain(s.Outputs[o.Name]))
	}
	c.Names["var"], c.Names["output"] = cty.ObjectVal(vars), cty.ObjectVal(outputs)
	c.SetVertices(b.Pipe, func(n *pipeline.Node) cty.Value {
		v, schema := resultOf(s.Node(n.ID), n.Outputs())
		return value(n.ID, schema, b.plain(v))
	})
	c.Names["run"] = cty.ObjectVal(map[string]cty.Value{"state": cty.StringVal(string(s.Status)), "error": cty.StringVal(errorOf(s))})
	return c, err
}

// plain opens what a run has sealed: a test compares sensitive values like any other.
func (b *block) plain(x any) any {
	if y, _, err := datum.Open(x, b.bench.vault); err == nil {
		return y
	}
	return x
}

// resultOf is a node's outputs as a pipeline sees them: those of its instance, or a list or an object of them.
func resultOf(n *progress.Node, outputs *sdk.Schema) (any, *sdk.Schema) {
	value := func(i *progress.Instance) any {
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
	found.add(rng, Failure{What: what + ": " + testfile.Diagnostics(diags)[0].Summary, Detail: diags[0].Detail})
}

func (b *block) compareOutputs(c *testfile.Scope, s *progress.State, found *tally) {
	e := b.Run.Expect.Outputs
	if e == nil {
		return
	}
	want, diags := c.Value(e)
	if diags.HasErrors() {
		cannot(found, "outputs", diags, e.Range())
		return
	}
	got, _ := b.plain(map[string]any(s.Outputs)).(map[string]any)
	for _, d := range match.Values(want, got) {
		found.add(testfile.Locate(e, d.Steps), Failure{What: strings.TrimSuffix("output."+match.Spell(d.Steps), "."), Want: d.Want, Got: d.Got})
	}
}

func compareCondition(c *testfile.Scope, k *testfile.Condition, found *tally) {
	v, diags := expr.Eval(k.Check, &hcl.EvalContext{Variables: c.Names, Functions: c.Functions})
	if diags.HasErrors() {
		cannot(found, "check", diags, k.Check.Range())
		return
	}
	ok, err := datum.ToBool(v)
	if err != nil {
		found.add(k.Check.Range(), Failure{What: "check " + err.Error()})
		return
	}
	if ok {
		return
	}
	f := Failure{What: "the condition is false", Detail: saw(c, k.Check)}
	if k.Message != nil {
		if text, diags := c.Value(k.Message); !diags.HasErrors() {
			f.What = fmt.Sprint(text)
		}
	}
	found.add(k.Check.Range(), f)
}

// saw tells what the names in an expression stand for.
func saw(c *testfile.Scope, e hclsyntax.Expression) string {
	var out []string
	for _, t := range e.Variables() {
		v, diags := t.TraverseAbs(&hcl.EvalContext{Variables: c.Names})
		if diags.HasErrors() {
			continue
		}
		x, err := c.Artifacts.Out(v)
		if line := expr.Spell(t) + " is " + match.Text(x); err == nil && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func (b *block) compareArtifact(ctx context.Context, c *testfile.Scope, a *testfile.Artifact, found *tally) {
	v, diags := c.Value(a.Value)
	if diags.HasErrors() {
		cannot(found, a.Name, diags, a.Range)
		return
	}
	got, ok := v.(sdk.Artifact)
	if !ok {
		found.add(a.Range, Failure{What: a.Name, Want: "an artifact", Got: match.Text(v)})
		return
	}
	differ := func(attribute, want, is string) {
		found.add(a.Ranges[attribute], Failure{What: a.Name + " " + attribute, Want: want, Got: is})
	}
	if ok, err := path.Match(a.MediaType, got.MediaType); a.MediaType != "" && (!ok || err != nil) {
		differ("media_type", a.MediaType, got.MediaType)
	}
	if a.MinSize > 0 && got.Size < a.MinSize {
		differ("min_size", "at least "+sdk.FormatSize(a.MinSize), sdk.FormatSize(got.Size))
	}
	if a.MaxSize > 0 && got.Size > a.MaxSize {
		differ("max_size", "at most "+sdk.FormatSize(a.MaxSize), sdk.FormatSize(got.Size))
	}
	if a.Width == 0 && a.Height == 0 && !a.Timed && a.Contains == "" {
		return
	}
	r, err := b.bench.artifacts.Open(ctx, got.Digest)
	if err != nil {
		found.add(a.Range, Failure{What: a.Name + ": its bytes are not there", Detail: "of " + match.Text(got) + " only the reference was recorded;\nrecord with a higher --copy, or expect media_type and size only"})
		return
	}
	defer r.Close()
	compareBytes(a, r, got, differ, found)
}

// maxContains is how much of a text is searched, in bytes.
const maxContains = 16 << 20

func compareBytes(a *testfile.Artifact, r io.ReadSeeker, got sdk.Artifact, differ func(attribute, want, is string), found *tally) {
	if a.Contains != "" {
		raw, err := io.ReadAll(io.LimitReader(r, maxContains))
		if err != nil || !strings.Contains(string(raw), a.Contains) {
			is := match.Text(string(raw))
			if !utf8.Valid(raw) {
				is = "bytes that are no text"
			}
			differ("contains", match.Text(a.Contains), is)
		}
	}
	if a.Width == 0 && a.Height == 0 && !a.Timed {
		return
	}
	f, err := media.Read(r, got.MediaType)
	if err != nil {
		found.add(a.Range, Failure{What: a.Name + " (" + got.MediaType + ")", Detail: err.Error()})
		return
	}
	for _, side := range []struct {
		name      string
		want, got int
	}{{"width", a.Width, f.Width}, {"height", a.Height, f.Height}} {
		if side.want > 0 && side.want != side.got {
			differ(side.name, fmt.Sprint(side.want), fmt.Sprint(side.got))
		}
	}
	if a.Timed && (f.Duration-a.Duration).Abs() > a.Tolerance {
		want := a.Duration.String()
		if a.Tolerance > 0 {
			want += " ± " + a.Tolerance.String()
		}
		differ("duration", want, f.Duration.String())
	}
}

// says whether text appears in any diagnostic.
func says(diags diagnostic.Diagnostics, text string) bool {
	return slices.ContainsFunc(diags, func(d diagnostic.Diagnostic) bool {
		return strings.Contains(d.Summary, text) || strings.Contains(d.Detail, text) || strings.Contains(d.Summary+": "+d.Detail, text)
	})
}

// lines writes diagnostics for the detail of a failure.
func lines(diags diagnostic.Diagnostics) string {
	out := make([]string, len(diags))
	for i, d := range diags {
		d.Range = diagnostic.Range{}
		out[i] = d.String()
	}
	return strings.Join(out, "\n")
}
