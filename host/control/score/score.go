// Package score is control.score: candidates ranked by rules.
package score

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"

	"github.com/myspinbot/spinbot/host/control/rules"
	"github.com/myspinbot/spinbot/sdk"
)

type inputs struct {
	Items []any    `min:"1" max:"100000" doc:"The candidates"`
	Rules []weight `min:"1" max:"1000" doc:"What counts, and how much"`
	Least float64  `spin:",optional" doc:"Candidates below this score are left out of ranked"`
}

type weight struct {
	Name   string  `spin:",optional" doc:"Shown among the reasons"`
	Path   string  `spin:",optional" doc:"Where to look: words and numbers with dots between; empty is the candidate itself"`
	Is     string  `default:"number" enum:"number|==|!=|<|<=|>|>=|in|contains|matches|exists|missing|longer|shorter" doc:"number adds the number found there, times weight; any other test adds weight when it holds"`
	Value  any     `spin:",optional" doc:"What to compare with"`
	Weight float64 `default:"1" doc:"How much it counts; below 0 it counts against"`
}

type ranked struct {
	Item    any      `doc:"The candidate"`
	Index   int      `doc:"Its position among items, from 0"`
	Score   float64  `doc:"The sum of what its rules gave"`
	Reasons []string `doc:"What each rule that counted gave"`
}

type outputs struct {
	Ranked    []ranked `doc:"Best first; of equal ones the earlier first"`
	Best      any      `spin:",optional" doc:"The best candidate"`
	BestIndex int      `doc:"Its position among items; -1 when all are below least"`
	BestScore float64  `doc:"Its score; 0 when all are below least"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.score",
		Description: "Ranks candidates by weighted rules, and says why",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "The best of several takes",
			HCL: `node "control.score" "takes" {
  items = [
    { text = "First try", loudness = 0.4 },
    { text = "Second try, better", loudness = 0.7 },
  ]
  rules = [
    { name = "loud", path = "loudness", weight = 10 },
    { name = "too long", path = "text", is = "longer", value = 200, weight = -5 },
  ]
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	out := outputs{Ranked: make([]ranked, 0, len(in.Items)), BestIndex: -1}
	for i, item := range in.Items {
		r := ranked{Item: item, Index: i, Reasons: []string{}}
		for k, w := range in.Rules {
			got, err := w.score(item)
			if err != nil {
				return outputs{}, sdk.Refuse(fmt.Sprintf("item %d, rule %s: %s", i, w.name(k), sdk.AsError(err).Message), sdk.AsError(err).Hint)
			}
			if r.Score += got; got != 0 {
				r.Reasons = append(r.Reasons, w.name(k)+" "+strconv.FormatFloat(got, 'g', 6, 64))
			}
		}
		if math.IsInf(r.Score, 0) || math.IsNaN(r.Score) {
			return outputs{}, sdk.Refuse(fmt.Sprintf("item %d: its score is too large", i), "use smaller weights")
		}
		if r.Score >= in.Least || in.Least == 0 {
			out.Ranked = append(out.Ranked, r)
		}
	}
	sort.SliceStable(out.Ranked, func(a, b int) bool { return out.Ranked[a].Score > out.Ranked[b].Score })
	if len(out.Ranked) > 0 {
		best := out.Ranked[0]
		out.Best, out.BestIndex, out.BestScore = best.Item, best.Index, best.Score
	}
	return out, nil
}

func (w weight) name(k int) string {
	if w.Name != "" {
		return w.Name
	}
	if w.Is == "number" {
		return strconv.Itoa(k) + " (" + w.Path + ")"
	}
	return strconv.Itoa(k) + " (" + rules.Rule{Path: w.Path, Is: w.Is, Value: w.Value}.String() + ")"
}

func (w weight) score(item any) (float64, error) {
	if w.Is != "number" {
		ok, err := rules.Rule{Path: w.Path, Is: w.Is, Value: w.Value}.Holds(item)
		if !ok || err != nil {
			return 0, err
		}
		return w.Weight, nil
	}
	got, there := rules.At(item, w.Path)
	if !there || got == nil {
		return 0, nil
	}
	n, ok := got.(json.Number)
	if !ok {
		return 0, sdk.Refuse(strconv.Quote(w.Path)+" is no number", "use another test, or look elsewhere")
	}
	f, err := n.Float64()
	if err != nil {
		return 0, sdk.Refuse(n.String()+" is too large to be scored", "")
	}
	return f * w.Weight, nil
}
