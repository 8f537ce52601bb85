// Package choose is control.choose: the first case whose conditions hold.
package choose

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/control/condition"
	"github.com/myspinbot/spinbot/sdk"
)

type inputs struct {
	On     any    `doc:"The value that conditions look at"`
	Cases  []kase `min:"1" max:"1000" doc:"What may be chosen, in order"`
	OnNone string `default:"fail" enum:"fail|default" doc:"What it means that no case holds: fail, or give the default"`
	// The default may be null, so its presence cannot say what on_none says.
	Default any `doc:"What is given when no case holds and on_none is default"`
}

type kase struct {
	Name       string `min:"1" max:"100" doc:"What the case is called in the output"`
	When       *bool  `doc:"Must be true for the case to be chosen; an expression of the pipeline"`
	Conditions []test `spin:",optional" max:"100" doc:"Must all hold of the value on"`
	Value      any    `doc:"What is given when the case is chosen; left out, the value on"`
}

type test struct {
	Path       string       `spin:",optional" doc:"The part of the value that is looked at: state, scenes[0].text; left out, all of it"`
	Test       string       `default:"equals" enum:"equals|not_equals|one_of|contains|matches|between|length|present|absent" doc:"What must hold: contains looks in a text or a list, matches for a regular expression, between at a number, length at characters or elements"`
	Value      any          `doc:"What equals, not_equals, one_of (a list), contains and matches compare with"`
	Min        *json.Number `doc:"Least of between and length"`
	Max        *json.Number `doc:"Most of between and length"`
	IgnoreCase bool         `default:"false" doc:"Whether capitals do not matter in equals, one_of, contains and matches"`
}

type outputs struct {
	Name    string `doc:"The chosen case's name; default when none held"`
	Value   any    `doc:"Its value"`
	Index   int    `doc:"Its position, from 0; -1 when none held"`
	Matched bool   `doc:"Whether a case held"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.choose",
		Description: "Chooses the first case whose conditions hold, else a default",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "A voice for the language",
			HCL: `node "control.choose" "voice" {
  on = var.article
  cases = [
    { name = "german", conditions = [{ path = "language", value = "de" }], value = "anna" },
    { name = "short", conditions = [{ path = "text", test = "length", max = 200 }], value = "brisk" },
    { name = "urgent", when = var.urgent, value = "alert" },
  ]
  on_none = "default"
  default = "otto"
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	if in.OnNone == "fail" && in.Default != nil {
		return outputs{}, sdk.Refuse("a default is given, and on_none says fail", `write on_none = "default", or leave the default out`)
	}
	ready, err := check(in.Cases)
	if err != nil {
		return outputs{}, err
	}
	var whys []string
	for i, c := range in.Cases {
		why := holds(c, ready[i], in.On)
		if why == "" {
			if c.Value == nil {
				c.Value = in.On
			}
			return outputs{c.Name, c.Value, i, true}, nil
		}
		whys = append(whys, c.Name+": "+why)
	}
	if in.OnNone == "default" {
		return outputs{"default", in.Default, -1, false}, nil
	}
	return outputs{}, &sdk.Error{
		Cause: sdk.CauseFailed, Permanent: true, Message: "no case holds: " + summary(whys),
		Hint: `add a case, or write on_none = "default" and a default`,
	}
}

// summary names a few of the reasons.
func summary(whys []string) string {
	const most = 5
	if len(whys) > most {
		return strings.Join(whys[:most], "; ") + "; and " + strconv.Itoa(len(whys)-most) + " more"
	}
	return strings.Join(whys, "; ")
}

func check(cases []kase) ([][]condition.Ready, error) {
	out := make([][]condition.Ready, len(cases))
	for i, c := range cases {
		where := "case " + strconv.Quote(c.Name)
		if c.When == nil && len(c.Conditions) == 0 {
			return nil, sdk.Refuse(where+" has neither when nor conditions: it would always hold", "give one of them, or make it the default")
		}
		for j, t := range c.Conditions {
			r, err := condition.Condition(t).Check()
			if err != nil {
				e := sdk.AsError(err)
				return nil, sdk.Refuse(where+", conditions["+strconv.Itoa(j)+"]: "+e.Message, e.Hint)
			}
			out[i] = append(out[i], r)
		}
	}
	return out, nil
}

// holds gives why a case does not hold; empty when it does.
func holds(c kase, conditions []condition.Ready, on any) string {
	if c.When != nil && !*c.When {
		return "its when is false"
	}
	for i := range conditions {
		if ok, why := conditions[i].Holds(on); !ok {
			return why
		}
	}
	return ""
}
