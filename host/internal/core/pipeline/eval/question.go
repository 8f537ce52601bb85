package eval

import (
	"fmt"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// Question is what a gate asks a person.
type Question struct {
	Message string     `json:"message,omitempty"`
	Show    sdk.Values `json:"show,omitempty"`
	Form    []Entry    `json:"form,omitempty"`
}

// Entry is one field of a question's form.
type Entry struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Type        string `json:"type"` // as written
	Default     any    `json:"default,omitempty"`
	Options     []any  `json:"options,omitempty"`
}

// Question evaluates what a gate instance asks.
func (s *Scope) Question(gate string, key sdk.Key) (Question, diagnostic.Diagnostics) {
	inputs, ds := s.Inputs(gate, key, Turn{})
	if ds.HasErrors() {
		return Question{}, ds
	}
	n := s.p.NodeByID[gate]
	q := Question{}
	q.Message, _ = inputs["message"].(string)
	if show, ok := inputs["show"].(map[string]any); ok {
		q.Show = show
	}
	names, ds := s.instance(n, key)
	for _, f := range n.Gate.Fields {
		entry := Entry{Name: f.Name, Description: f.Description, Type: f.Type, Options: f.Options}
		if f.Fallback != nil && !ds.HasErrors() {
			x, found := s.out(f.Fallback, names, "default of "+f.Name)
			ds = append(ds, found...)
			entry.Default = datum.Coerce(&f.Schema, x)
		}
		q.Form = append(q.Form, entry)
	}
	if ds.HasErrors() {
		return Question{}, ds.In(n.Address() + key.String())
	}
	return q, nil
}

// Answer is what a person says to a gate.
type Answer struct {
	Approved    bool
	Form        sdk.Values // text is read as the field's type says
	By, Comment string
}

// Answer turns a person's answer into the outputs of a gate instance, or says what is wrong with its form. Fields that
// are left out get their defaults; a rejection needs none.
func (s *Scope) Answer(gate string, key sdk.Key, a Answer) (sdk.Values, diagnostic.Diagnostics) {
	q, ds := s.Question(gate, key)
	if ds.HasErrors() {
		return nil, ds
	}
	n := s.p.NodeByID[gate]
	form := map[string]any{}
	known := make([]string, len(n.Gate.Fields))
	for i, f := range n.Gate.Fields {
		known[i] = f.Name
		x, found := s.fill(n, key, f, a.Form[f.Name], q.Form[i].Default, a.Approved)
		form[f.Name] = x
		ds = append(ds, found...)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Form)) {
		if !slices.Contains(known, name) {
			ds = append(ds, diagnostic.One(n.Range, "its fields are "+diagnostic.ShortList(known)+expr.DidYouMean(name, known), "the form has no field %q", name)...)
		}
	}
	if ds.HasErrors() {
		return nil, ds.In(n.Address() + key.String())
	}
	return sdk.Values{"approved": a.Approved, "form": form, "by": a.By, "comment": a.Comment}, nil
}

// fill reads one field of a form.
func (s *Scope) fill(n *pipeline.Node, key sdk.Key, f pipeline.Field, given, fallback any, needed bool) (any, diagnostic.Diagnostics) {
	what := fmt.Sprintf("field %q", f.Name)
	if given == nil {
		given = fallback
	}
	if given == nil {
		if needed {
			return nil, diagnostic.One(f.Range, f.Description, "%s needs a value", what)
		}
		return nil, nil
	}
	v := pipeline.Variable{Name: f.Name, Type: f.Type, Schema: f.Schema}
	x, err := v.FromText(given)
	if err != nil {
		return nil, diagnostic.One(f.Range, err.Error(), "%s: want %s", what, f.Type)
	}
	x = datum.Coerce(&f.Schema, x)
	var ds diagnostic.Diagnostics
	for _, problem := range f.Schema.Check(x) {
		ds = append(ds, diagnostic.One(f.Range, f.Description, "%s: %s", what, problem)...)
	}
	if ds.HasErrors() {
		return nil, ds
	}
	names, ds := s.instance(n, key)
	self, err := s.artifacts.In(&f.Schema, x)
	if err != nil {
		return nil, append(ds, diagnostic.One(f.Range, "", "%s: %s", what, err)...)
	}
	names = maps.Clone(names)
	if names == nil {
		names = map[string]cty.Value{}
	}
	names["self"] = self
	for _, check := range f.Validations {
		ds = append(ds, s.holds(check, names, what, f.Description)...)
	}
	return x, ds
}
