// Package dedupe is control.dedupe: a list without what it has already.
package dedupe

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/myspinbot/spinbot/host/control/rules"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	// mostNear is how many items are compared with each other.
	mostNear = 1000
	// longest is how many characters of a text are compared.
	longest = 400
)

type inputs struct {
	Items     []any   `max:"1000000" doc:"The list"`
	By        string  `spin:",optional" doc:"What makes two items the same: words and numbers with dots between, such as meta.title; empty is the whole item"`
	Mode      string  `default:"exact" enum:"exact|text|near" doc:"exact compares values; text leaves case, white space and punctuation out of account; near takes texts that are alike for the same (up to 1,000 items, by their first 400 characters)"`
	Alike     float64 `default:"0.8" min:"0.1" max:"1" doc:"For near: how alike, from 0 to 1"`
	KeepEmpty bool    `spin:",optional" doc:"Keeps every item that has nothing there; else such items are the same, too"`
}

type outputs struct {
	Items   []any       `doc:"The list without duplicates, in its order: the first of each stays"`
	Removed []duplicate `doc:"What was left out"`
}

type duplicate struct {
	Index  int `doc:"Position in the list that was given, from 0"`
	SameAs int `doc:"Position of the item that stays"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.dedupe",
		Description: "Removes duplicates from a list: the same, the same but for case and punctuation, or nearly the same",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "Headlines of several feeds",
			HCL: `node "control.dedupe" "news" {
  items = [{ title = "It rains" }, { title = "It rains!" }, { title = "The sun is out" }]
  by    = "title"
  mode  = "text"
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	if in.Mode == "near" && len(in.Items) > mostNear {
		return outputs{}, sdk.Refuse(fmt.Sprintf("%d items are too many to be compared with each other", len(in.Items)),
			fmt.Sprintf("give at most %d, or use mode = \"text\"", mostNear))
	}
	out := outputs{Items: []any{}, Removed: []duplicate{}}
	seen := map[string]int{}
	var kept []grams
	for i, item := range in.Items {
		v, there := rules.At(item, in.By)
		if (!there || v == nil) && in.KeepEmpty {
			out.Items = append(out.Items, item)
			continue
		}
		key, text, err := keyOf(v, in.Mode)
		if err != nil {
			return outputs{}, sdk.Refuse(fmt.Sprintf("item %d: %s", i, err), "compare by something else, or with mode = \"exact\"")
		}
		same, found := seen[key]
		var g grams
		if !found && in.Mode == "near" {
			g = gramsOf(i, text)
			same, found = nearest(kept, g, in.Alike)
		}
		if found {
			out.Removed = append(out.Removed, duplicate{i, same})
			continue
		}
		seen[key] = i
		kept = append(kept, g)
		out.Items = append(out.Items, item)
	}
	return out, nil
}

// keyOf is what is equal for items that are the same, and the text for those that may be alike.
func keyOf(v any, mode string) (key, text string, err error) {
	if mode == "exact" {
		b, err := sdk.Values{"v": v}.MarshalJSON()
		sum := sha256.Sum256(b)
		return string(sum[:]), "", err
	}
	switch v := v.(type) {
	case nil:
	case string:
		text = normal(v)
	default:
		return "", "", fmt.Errorf("it is no text")
	}
	return text, text, nil
}

// normal is a text in lower case with single spaces and without punctuation.
func normal(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	return strings.Join(words, " ")
}

// grams are the pieces of three characters of an item's text, as sorted numbers.
type grams struct {
	index int
	set   []uint32
}

func gramsOf(index int, text string) grams {
	r := []rune(" " + text + " ")
	r = r[:min(len(r), longest)]
	g := grams{index: index}
	for i := 0; i+3 <= len(r); i++ {
		g.set = append(g.set, (uint32(r[i])*2654435761^uint32(r[i+1]))*2654435761^uint32(r[i+2]))
	}
	slices.Sort(g.set)
	g.set = slices.Compact(g.set)
	return g
}

// nearest finds the first that is alike: they share as much of what both have.
func nearest(kept []grams, g grams, alike float64) (int, bool) {
	for _, k := range kept {
		least, most := min(len(k.set), len(g.set)), max(len(k.set), len(g.set))
		if float64(least) < alike*float64(most) { // they cannot share enough
			continue
		}
		shared := common(k.set, g.set)
		if all := len(k.set) + len(g.set) - shared; all > 0 && float64(shared) >= alike*float64(all) {
			return k.index, true
		}
	}
	return 0, false
}

// common is how many numbers two sorted lists share.
func common(a, b []uint32) (n int) {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			a, b, n = a[1:], b[1:], n+1
		}
	}
	return n
}
