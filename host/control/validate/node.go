// Package validate is control.validate: a value against a JSON Schema.
package validate

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/myspinbot/spinbot/sdk"
)

type inputs struct {
	Schema any    `doc:"The JSON Schema, 2020-12 or draft 7: an object, or its text"`
	Value  any    `spin:",optional" doc:"What to check; or give text"`
	Text   string `spin:",optional" doc:"JSON to check"`
	Mode   string `default:"report" enum:"report|fail" doc:"What to do with a value that does not fit: say so, or fail"`
}

type outputs struct {
	Valid  bool     `doc:"Whether the value fits"`
	Errors []string `doc:"Where it does not, and why"`
	Value  any      `spin:",optional" doc:"The value, read from text where it was text"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.validate",
		Description: "Checks a value, or a JSON text such as a model's answer, against a JSON Schema",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "Only answers with a title",
			HCL: `node "control.validate" "answer" {
  text   = "{\"title\": \"Rain\"}"
  schema = { type = "object", required = ["title"], properties = { title = { type = "string", minLength = 3 } } }
  mode   = "fail"
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	schema, err := resolve(in.Schema)
	if err != nil {
		return outputs{}, err
	}
	out := outputs{Errors: []string{}, Value: in.Value}
	if in.Text != "" {
		if in.Value != nil {
			return outputs{}, sdk.Refuse("both value and text are given", "leave one of them out")
		}
		if out.Value, err = read(in.Text); err != nil {
			out.Errors = append(out.Errors, "it is no JSON: "+err.Error())
		}
	}
	if len(out.Errors) == 0 {
		if err := schema.Validate(plain(out.Value)); err != nil {
			out.Errors = append(out.Errors, readable(err))
		}
	}
	if out.Valid = len(out.Errors) == 0; !out.Valid && in.Mode == "fail" {
		return outputs{}, sdk.Fail("the value does not fit its schema: "+strings.Join(out.Errors, "; "), "what made it can be tried again, or the schema is too strict")
	}
	return out, nil
}

// read reads one JSON value.
func read(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err = d.Decode(&v); err != nil {
		return nil, err
	}
	if _, more := d.Token(); more != io.EOF {
		return nil, errors.New("more stands after it")
	}
	return v, nil
}

// resolve reads a schema; it loads nothing that the schema refers to.
func resolve(given any) (*jsonschema.Resolved, error) {
	text, isText := given.(string)
	if !isText {
		b, err := json.Marshal(given) // not as values: their keys that begin with $ get one more
		if err != nil {
			return nil, sdk.Refuse("schema: "+err.Error(), "")
		}
		text = string(b)
	}
	var s jsonschema.Schema
	err := json.Unmarshal([]byte(text), &s)
	var r *jsonschema.Resolved
	if err == nil {
		r, err = s.Resolve(&jsonschema.ResolveOptions{Loader: func(uri *url.URL) (*jsonschema.Schema, error) {
			return nil, errors.New(uri.String() + " lies elsewhere, and nothing is loaded")
		}})
	}
	if err != nil {
		return nil, sdk.Refuse("schema: "+err.Error(), "give a JSON Schema")
	}
	return r, nil
}

// plain gives a copy with the numbers that the library takes.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // infinite when too large: no schema takes it for an integer
		return f
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	case sdk.Artifact:
		return map[string]any{"name": v.Name, "media_type": v.MediaType, "size": v.Size, "digest": v.Digest}
	}
	return v
}

// readable is the library's error without the names of its parts.
func readable(err error) string {
	text := strings.ReplaceAll(err.Error(), "validating root: ", "")
	return strings.ReplaceAll(text, "validating /properties/", "")
}
