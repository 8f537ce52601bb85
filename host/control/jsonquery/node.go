// Package jsonquery is control.json_query: a part of a value, or something made of its parts, by a JMESPath expression.
package jsonquery

import (
	"context"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// Bounds: what a value of this size takes in memory, twice, fits a control node.
const (
	maxText   = 4 << 20 // bytes of JSON
	maxValues = 200_000
	maxDepth  = 100
)

type inputs struct {
	Expression string        `min:"1" max:"8192" doc:"What is wanted, in JMESPath: scenes[?seconds > '5'].text, or {title: title, n: length(scenes)}; see jmespath.site"`
	Value      any           `doc:"What is asked"`
	JSON       string        `spin:"json,optional" doc:"JSON text to ask, instead of value"`
	File       *sdk.Artifact `accept:"application/json|application/*+json|text/*" doc:"A file of JSON to ask, instead of value"`
	As         *sdk.Schema   `doc:"The result's type, written as one: list(string). What does not fit fails"`
	Required   bool          `default:"false" doc:"Whether it fails when nothing is found"`
}

type outputs struct {
	Result any  `type_from:"as" doc:"What was found; null when there is nothing"`
	Found  bool `doc:"Whether anything was found"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.json_query",
		Description: "Asks a value or JSON text a JMESPath expression; numbers and artifacts that are passed on stay exact",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "The long scenes' texts",
			HCL:   "node \"control.json_query\" \"long\" {\n  value      = var.plan\n  expression = \"scenes[?seconds > `5`].text\"\n  as         = list(string)\n}",
		}, {
			Title: "A part of a file",
			HCL: `node "control.json_query" "title" {
  file       = var.answer
  expression = "items[0].{title: title, by: authors[*].name}"
  required   = true
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	x, err := in.asked()
	if err != nil {
		return outputs{}, err
	}
	result, err := search(in.Expression, x)
	if err != nil {
		return outputs{}, err
	}
	if result == nil && in.Required {
		return outputs{}, sdk.Refuse("the expression "+quoted(in.Expression)+" finds nothing in "+value.Kind(x), "look at names and positions in it, or leave required out")
	}
	if in.As != nil && result != nil {
		if err := fits(*in.As, result); err != nil {
			return outputs{}, err
		}
	}
	return outputs{Result: result, Found: result != nil}, nil
}

func fits(s sdk.Schema, result any) error {
	bad := s.Check(result)
	if len(bad) == 0 {
		return nil
	}
	var all []string
	for _, v := range bad[:min(len(bad), 5)] {
		all = append(all, v.String())
	}
	return sdk.Refuse("the result does not fit the type in as: "+strings.Join(all, "; "), "change the expression or the type")
}

// asked gives the one value that is given.
func (in inputs) asked() (any, error) {
	source := value.Source{Name: "json", Text: in.JSON, File: in.File, Max: maxText}
	if !source.Given() {
		return in.Value, nil // a null is asked like any other
	}
	if in.Value != nil {
		return nil, sdk.Refuse("both value and json or file are given", "leave one of them out")
	}
	text, what, err := source.Read()
	if err != nil {
		return nil, err
	}
	return decode(text, what)
}

func quoted(s string) string {
	if r := []rune(s); len(r) > 80 {
		s = string(r[:79]) + "…"
	}
	return strconv.Quote(s)
}
