package pipeline

import (
	"fmt"
	"maps"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
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
func (p *Pipeline) TriggerInputs(name string, e TriggerEvent) (sdk.Values, Diagnostics) {
	t, ok := p.Trigger(name)
	switch {
	case !ok:
		return nil, one(Range{File: p.bundle.File}, "", "the pipeline has no trigger %q", name)
	case t.inputs == nil:
		return sdk.Values{}, nil
	}
	own := *p
	s := own.NewScope(nil)
	own.functions = maps.Clone(p.functions)
	own.functions["artifact"] = expr.ArtifactFunction(func(file string) (cty.Value, error) {
		a, ok := e.Files[file]
		if !ok {
			return cty.NilVal, fmt.Errorf("%q was not read for this run", file)
		}
		return s.artifacts.In(nil, a)
	})
	names := s.names(refs{locals: t.locals})
	event, err := s.triggerValue(t, e)
	if err != nil {
		return nil, one(t.Range, "", "trigger.%s: %s", name, err)
	}
	names["trigger"] = event
	given, ds := s.object(t.inputs, names, "inputs")
	if ds.HasErrors() {
		return nil, ds.in("trigger." + name)
	}
	maps.DeleteFunc(given, func(_ string, x any) bool { return x == nil }) // null: the variable's default
	return given, nil
}

func (s *Scope) triggerValue(t *Trigger, e TriggerEvent) (cty.Value, error) {
	if t.Kind == Cron {
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
	for _, name := range triggerNames[t.Kind] {
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
