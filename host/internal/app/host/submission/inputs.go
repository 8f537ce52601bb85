package submission

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// inputs brings typed values and values that were typed in as text together, text converted as its variable wants it.
func inputs(p *pipeline.Pipeline, sub client.Submission) (sdk.Values, error) {
	given := sdk.Values{}
	for name, v := range sub.Inputs {
		if _, file := v.(sdk.Artifact); file {
			if at, known := p.Variable(name); known && at.Schema.Type == "array" { // one file was given, of as many as there may be
				v = []any{v}
			}
		}
		given[name] = v
	}
	for name, text := range sub.Text {
		given[name] = text
		v, known := p.Variable(name)
		if !known {
			continue // Inputs says so, and which was meant
		}
		switch {
		case v.Schema.IsArtifact():
			return nil, &client.Problem{Code: client.CodeInvalidInput, Detail: "variable " + strconv.Quote(name) + " is an artifact, not text",
				Fix: "give a file: --artifact " + name + "=" + text}
		case v.Schema.Type == "array", v.Schema.Type == "object", v.Schema.Type == "":
			if value, ok := parseJSON(text); ok {
				given[name] = value
			}
		}
	}
	values, found := eval.Inputs(p, given)
	if found.HasErrors() {
		return nil, shape.Invalid(client.CodeInvalidInput, found)
	}
	return values, nil
}

func parseJSON(text string) (any, bool) {
	var v sdk.Values
	if err := json.Unmarshal(bytes.Join([][]byte{[]byte(`{"v":`), []byte(text), []byte(`}`)}, nil), &v); err != nil || len(v) != 1 {
		return nil, false
	}
	return v["v"], true
}
