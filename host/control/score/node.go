// Package score is control.score: candidates ranked by weighted rules, with the reasons.
package score

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/myspinbot/spinbot/host/control/condition"
	"github.com/myspinbot/spinbot/sdk"
)

type inputs struct {
	Candidates []any  `min:"1" max:"10000" doc:"What is ranked: objects, texts, numbers"`
	Rules      []rule `min:"1" max:"100" doc:"What earns points"`
	Top        int    `default:"0" min:"0" max:"10000" doc:"How many of the best are ranked; 0 means all"`
}

type rule struct {
	Name       string       `spin:",optional" max:"100" doc:"What the reasons call it; left out, its path and test"`
	Path       string       `spin:",optional" doc:"The part of a candidate that counts: quality.sharpness, tags[0]; left out, the candidate itself"`
	Test       string       `default:"number" enum:"number|equals|not_equals|one_of|contains|matches|between|length|present|absent" doc:"number adds the number times the weight; the others add the weight when they hold: contains looks in a text or a list, matches for a regular expression, between at a number, length at characters or elements"`
	Weight     float64      `default:"1" min:"-1000000" max:"1000000" doc:"How much it counts; negative takes away"`
	Value      any          `doc:"What equals, not_equals, one_of (a list), contains and matches compare with"`
	Min        *json.Number `doc:"Least of between and length"`
	Max        *json.Number `doc:"Most of between and length"`
	IgnoreCase bool         `default:"false" doc:"Whether capitals do not matter in equals, one_of, contains and matches"`
}

type outputs struct {
	Ranked  []ranked    `doc:"The candidates, best first; of equals the earlier one"`
	Best    any         `doc:"The first of them"`
	Index   int         `doc:"Where the best stands among the candidates, from 0"`
	Score   json.Number `doc:"Its score"`
	Reasons []string    `doc:"What made its score"`
}

type ranked struct {
	Value   any         `doc:"The candidate"`
	Index   int         `doc:"Where it stands among the candidates, from 0"`
	Score   json.Number `doc:"Its points"`
	Reasons []string    `doc:"What each rule gave or took, or why it gave nothing"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.score",
		Description: "Ranks candidates by weighted rules and says why; equal scores keep their order",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "The best of several titles",
			HCL: `node "control.score" "title" {
  candidates = var.titles
  rules = [
    { name = "fits", path = "text", test = "length", max = 60, weight = 2 },
    { name = "names the topic", path = "text", test = "contains", value = "robot", ignore_case = true },
    { name = "liked", path = "likes", weight = 0.01 },
  ]
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	rules := make([]ready, len(in.Rules))
	for i, r := range in.Rules {
		var err error
		if rules[i], err = r.check(); err != nil {
			return outputs{}, sdk.Refuse("rules["+strconv.Itoa(i)+"]: "+sdk.AsError(err).Message, sdk.AsError(err).Hint)
		}
	}
	list, err := rank(in.Candidates, rules)
	if err != nil {
		return outputs{}, err
	}
	best := list[0]
	if in.Top > 0 && in.Top < len(list) {
		list = list[:in.Top]
	}
	return outputs{Ranked: list, Best: best.Value, Index: best.Index, Score: best.Score, Reasons: best.Reasons}, nil
}

func (r rule) check() (ready, error) {
	c := condition.Condition{Path: r.Path, Test: r.Test, Value: r.Value, Min: r.Min, Max: r.Max, IgnoreCase: r.IgnoreCase}
	name := r.Name
	if name == "" {
		name = r.Test
		if r.Path != "" {
			name = r.Path + " " + r.Test
		}
	}
	checked, err := c.Check()
	return ready{Ready: checked, name: name, weight: r.Weight}, err
}
