// Package dedupe is control.dedupe: a list without what stands in it twice, or nearly so. What is compared with what
// depends on the list's order only, never on chance.
package dedupe

import (
	"context"
	"math"
	"strconv"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

type inputs struct {
	Items     []any   `max:"20000" doc:"What may hold duplicates"`
	By        string  `spin:",optional" doc:"The part that is compared: url, title, tags[0]; left out, the whole item. Items that lack it are kept"`
	Mode      string  `default:"exact" enum:"exact|text|similar" doc:"exact compares values; text compares letters and digits only, without capitals, spaces and punctuation; similar compares how many runs of three characters two such texts share"`
	Threshold float64 `default:"0.8" min:"0.3" max:"1" doc:"From which similarity on similar takes two texts for one; 1 is the same, 0.8 a word changed in a sentence"`
	Keep      string  `default:"first" enum:"first|last" doc:"Which of several is kept"`
}

type outputs struct {
	Items   []any     `doc:"What is left, in its order"`
	Removed []removed `doc:"What was taken out, in its order"`
	Count   int       `doc:"How many are left"`
}

type removed struct {
	Index      int     `doc:"Where it stood, from 0"`
	Of         int     `doc:"Where the one stands that was kept instead"`
	Similarity float64 `doc:"How alike they are, up to 1"`
	Value      any     `doc:"What was taken out"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.dedupe",
		Description: "Takes duplicates out of a list: equal values, equal texts, or texts that are nearly the same",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "Headlines that say the same",
			HCL: `node "control.dedupe" "news" {
  items     = var.headlines
  by        = "title"
  mode      = "similar"
  threshold = 0.7
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	path, err := value.ParsePath(in.By)
	if err != nil {
		return outputs{}, err
	}
	var seen finder = equals{}
	if in.Mode == "similar" {
		seen = &similar{threshold: in.Threshold, holders: map[gram][]int{}}
	}
	taken := make(map[int]removed)
	for n := range in.Items {
		i := n
		if in.Keep == "last" {
			i = len(in.Items) - 1 - n
		}
		part, ok := path.Of(in.Items[i])
		if !ok {
			continue
		}
		key, err := in.key(part, i)
		if err != nil {
			return outputs{}, err
		}
		of, alike, err := seen.find(key, i)
		if err != nil {
			return outputs{}, err
		}
		if of >= 0 {
			taken[i] = removed{i, of, math.Floor(alike*1e4) / 1e4, in.Items[i]}
		}
	}
	return result(in.Items, taken), nil
}

// key is what an item is compared by.
func (in inputs) key(part any, i int) (string, error) {
	if in.Mode == "exact" {
		return value.Key(part), nil
	}
	text, ok := part.(string)
	if !ok {
		return "", sdk.Refuse("items["+strconv.Itoa(i)+"]: "+value.Kind(part)+" is no text to compare", `name a text in by, or write mode = "exact"`)
	}
	return normal(text), nil
}

func result(items []any, taken map[int]removed) outputs {
	out := outputs{Items: []any{}, Removed: []removed{}}
	for i, x := range items {
		if r, ok := taken[i]; ok {
			out.Removed = append(out.Removed, r)
		} else {
			out.Items = append(out.Items, x)
		}
	}
	out.Count = len(out.Items)
	return out
}
