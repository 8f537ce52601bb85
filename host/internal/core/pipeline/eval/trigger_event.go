package eval

import (
	"fmt"
	"maps"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// TriggerEvent is what set a trigger off.
type TriggerEvent struct {
	// Time that a Cron came due, or at which a Webhook was asked.
	Time time.Time
	// Body of a Webhook's request: plain values of JSON with exact numbers, or nil.
	Body any
	// Headers and Query of a Webhook's request; names of headers in lower case.
	Headers, Query map[string]string
	// Files are the artifacts made of Trigger.Files, by these names.
	Files map[string]sdk.Artifact
}

// TriggerInputs evaluates what a trigger gives to a run. Pipeline.Inputs has to check it, as if a person had given it.
func TriggerInputs(p *pipeline.Pipeline, name string, e TriggerEvent) (sdk.Values, diagnostic.Diagnostics) {
	t, ok := p.Trigger(name)
	switch {
	case !ok:
		return nil, diagnostic.One(diagnostic.Range{File: p.Bundle().File}, "", "the pipeline has no trigger %q", name)
	case t.Inputs == nil:
		return sdk.Values{}, nil
	}
	own := *p
	s := NewScope(&own, nil)
	own.Functions = maps.Clone(p.Functions)
	own.Functions["artifact"] = library.ArtifactFunction(func(file string) (cty.Value, error) {
		a, ok := e.Files[file]
		if !ok {
			return cty.NilVal, fmt.Errorf("%q was not read for this run", file)
		}
		return s.artifacts.In(nil, a)
	})
	names := s.names(pipeline.Refs{Locals: t.Locals})
	event, err := s.triggerValue(t, e)
	if err != nil {
		return nil, diagnostic.One(t.Range, "", "trigger.%s: %s", name, err)
	}
	names["trigger"] = event
	given, marks, ds := s.object(t.Inputs, names, "inputs")
	if len(marks) > 0 { // whoever fires a trigger is not asked what it may know
		ds = append(ds, diagnostic.One(diagnostic.RangeOf(t.Inputs.Range()), "leave it to a variable with sensitive = true", "inputs: something in them is sensitive")...)
	}
	if ds.HasErrors() {
		return nil, ds.In("trigger." + name)
	}
	maps.DeleteFunc(given, func(_ string, x any) bool { return x == nil }) // null: the variable's default
	return given, nil
}

func (s *Scope) triggerValue(t *pipeline.Trigger, e TriggerEvent) (cty.Value, error) {
	if t.Kind == pipeline.Cron {
		e.Time = e.Time.In(t.Schedule.Location())
	}
	body, err := s.artifacts.In(nil, e.Body)
	if err != nil {
		return cty.NilVal, err
	}
	all := map[string]cty.Value{
		"time": cty.StringVal(e.Time.Format(time.RFC3339)), "name": cty.StringVal(t.Name),
		"body": body, "headers": textMap(e.Headers), "query": textMap(e.Query),
	}
	out := map[string]cty.Value{}
	for _, name := range t.Kind.Parts() {
		out[name] = all[name]
	}
	return cty.ObjectVal(out), nil
}

func textMap(m map[string]string) cty.Value {
	out := make(map[string]cty.Value, len(m))
	for k, v := range m {
		out[k] = cty.StringVal(v)
	}
	if len(out) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	return cty.MapVal(out)
}
