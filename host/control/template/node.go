// Package template is control.template: text from a template and values. Templates of the pipeline's own belong in HCL;
// this one is for templates that come as files or from other nodes. The syntax is Mustache's without partials, lambdas
// and other delimiters; nothing in a template can do more than look values up.
package template

import (
	"context"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// Bounds of what is read and written, in bytes.
const (
	maxTemplate = 1 << 20
	maxOutput   = 4 << 20
)

type inputs struct {
	Template string         `spin:",optional" doc:"The template itself; or give a file. {{name}} is a value, {{#name}}…{{/name}} is there for each element of a list, or once when the value is there, {{^name}}…{{/name}} when it is not, {{.}} the element, {{! a comment }}"`
	File     *sdk.Artifact  `accept:"text/*" doc:"A text file with the template, instead of template"`
	Values   map[string]any `spin:",optional" doc:"What the names stand for; names may be paths: speaker.name, words[0]"`
	Missing  string         `default:"fail" enum:"fail|empty" doc:"What a value that is missing or null means: fail, or nothing is written. {{#name}} and {{^name}} ask whether it is there and never fail"`
	Escape   string         `default:"none" enum:"none|html|json" doc:"How values are written: as they are, for HTML, or for the inside of a JSON string; {{{name}}} is always as it is"`
}

type outputs struct {
	Text string `doc:"The template with the values in it"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.template",
		Description: "Fills values into a Mustache template that comes from a file or another node",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "A prompt from a file",
			HCL: `node "control.template" "prompt" {
  file   = var.prompt
  values = { topic = var.topic, scenes = ["hook", "title", "end"] }
}`,
		}, {
			Title: "A list, and a line that may be left out",
			HCL: `node "control.template" "description" {
  template = <<-EOT
    {{title}}
    {{#subtitle}}
    {{.}}
    {{/subtitle}}
    {{#chapters}}
    {{start}} {{name}}
    {{/chapters}}
  EOT
  values = { title = var.title, chapters = [{ start = "0:00", name = "Hello" }] }
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	source := value.Source{Name: "template", Text: in.Template, File: in.File, Max: maxTemplate}
	if !source.Given() {
		return outputs{}, sdk.Refuse("there is no template", "give one as template or as file")
	}
	text, what, err := source.Read()
	if err != nil {
		return outputs{}, err
	}
	parts, err := parse(text, what)
	if err != nil {
		return outputs{}, err
	}
	w := writer{what: what, empty: in.Missing == "empty", escape: escapes[in.Escape]}
	if err := w.write(parts, []any{in.Values}); err != nil {
		return outputs{}, err
	}
	return outputs{Text: w.out.String()}, nil
}
