package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/net/http/httpguts"

	"github.com/myspinbot/spinbot/host/internal/config/written"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
)

// Tracing says where the traces of runs go. What is empty or nil, the environment says.
type Tracing struct {
	Endpoint string
	Sample   *float64 // from 0 to 1
	Service  string

	headers *headersOf
}

// headersOf is the value of headers: it is made when it is asked for, with the secrets of then.
type headersOf struct {
	expr   hclsyntax.Expression
	getenv func(string) (string, bool)
}

func (r *reader) tracing(g given) {
	t := &Tracing{Endpoint: get[string](g, "endpoint"), Service: get[string](g, "service")}
	r.webWord(g, "endpoint", "write headers = { authorization = secret(\"name\") }")
	if part, ok := g.v["sample"].(float64); ok {
		t.Sample = &part
	}
	t.headers, _ = g.v["headers"].(*headersOf)
	r.c.Tracing = t
}

// headers reads header fields, whose secrets nobody has asked for yet.
func (r *reader) headers(a *hclsyntax.Attribute) *headersOf {
	v, ok := r.Eval(a.Expr, written.Scope(r.opts.Getenv, written.LaterSecret))
	if !ok {
		return nil
	}
	if !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		r.Fail(a.Expr.Range(), "", "%s: want an object of texts, such as { authorization = secret(\"otlp\") }", a.Name)
		return nil
	}
	for name, x := range v.AsValueMap() {
		at := written.Locate(a.Expr, "."+name)
		if !httpguts.ValidHeaderFieldName(name) {
			r.Fail(at, "", "%s: %q is no name of a header field", a.Name, name)
		}
		if x.Type() != cty.String && x.IsKnown() {
			r.Fail(at, "", "%s: %s: want a text", a.Name, name)
		}
	}
	return &headersOf{a.Expr, r.opts.Getenv}
}

// Headers are the header fields for the collector. The error is for people, and names no value.
func (t *Tracing) Headers(secret func(name string) (string, error)) (map[string]string, error) {
	if t == nil || t.headers == nil {
		return nil, nil
	}
	var f written.Finder
	v, ok := f.Eval(t.headers.expr, written.Scope(t.headers.getenv, func(name string) (cty.Value, error) {
		value, err := secret(name)
		return cty.StringVal(value), err
	}))
	out := map[string]string{}
	if ok {
		x, err := datum.Artifacts{}.Out(v)
		m, _ := x.(map[string]any)
		if err != nil {
			f.Fail(t.headers.expr.Range(), "", "headers: %v", err)
		}
		for name, y := range m {
			out[name], _ = y.(string)
			if !httpguts.ValidHeaderFieldValue(out[name]) {
				f.Fail(written.Locate(t.headers.expr, "."+name), "", "headers: what %s holds, which is not shown, cannot stand in a header", name)
			}
		}
	}
	if found := f.Sorted(); found.HasErrors() {
		return nil, sdk.Refuse("the headers of tracing: "+found.Error(), "mend the block tracing in "+FileName)
	}
	return out, nil
}
