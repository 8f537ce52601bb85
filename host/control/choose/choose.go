// Package choose is control.choose: a router.
package choose

import (
	"context"
	"strconv"

	"github.com/myspinbot/spinbot/host/control/rules"
	"github.com/myspinbot/spinbot/sdk"
)

type inputs struct {
	Value   any      `doc:"What the cases look at"`
	Cases   []option `spin:"cases" min:"1" doc:"Tried in order: the first whose rules hold is taken"`
	Default any      `spin:",optional" doc:"The result when no case holds; without it that is an error"`
}

type option struct {
	Name   string       `doc:"What the case is called"`
	All    []rules.Rule `spin:",optional" doc:"Rules that must all hold"`
	Any    []rules.Rule `spin:",optional" doc:"Rules of which one must hold"`
	Result any          `spin:",optional" doc:"What comes out when the case is taken"`
}

type outputs struct {
	Case    string `doc:"The name of the case that was taken; empty for the default"`
	Index   int    `doc:"Its position, from 0; -1 for the default"`
	Result  any    `spin:",optional" doc:"Its result"`
	Matched bool   `doc:"Whether a case was taken"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.choose",
		Description: "Takes the first case whose rules hold, to route work or to pick settings",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "A voice that fits the language",
			HCL: `node "control.choose" "voice" {
  value = { language = var.language, words = 120 }
  cases = [
    { name = "german", all = [{ path = "language", value = "de" }], result = "thorsten" },
    { name = "short", any = [{ path = "words", is = "<", value = 50 }], result = "quick" },
  ]
  default = "amy"
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	for i, c := range in.Cases {
		taken, err := c.holds(in.Value)
		if err != nil {
			return outputs{}, sdk.Refuse("case "+strconv.Quote(c.Name)+": "+sdk.AsError(err).Message, sdk.AsError(err).Hint)
		}
		if taken {
			return outputs{Case: c.Name, Index: i, Result: c.Result, Matched: true}, nil
		}
	}
	if in.Default == nil {
		return outputs{}, sdk.Refuse("none of the "+strconv.Itoa(len(in.Cases))+" cases holds", "add a case, or a default")
	}
	return outputs{Index: -1, Result: in.Default}, nil
}

// holds: a case without rules always does.
func (c option) holds(v any) (bool, error) {
	for _, r := range c.All {
		if ok, err := r.Holds(v); !ok || err != nil {
			return false, err
		}
	}
	if len(c.Any) == 0 {
		return true, nil
	}
	for _, r := range c.Any {
		if ok, err := r.Holds(v); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}
