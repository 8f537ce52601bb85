package store

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
)

// gram is how many bytes in a row an index of texts is made of.
const gram = 3

// Text is what Query.Text is looked for in: the head's texts, a line each, ASCII letters small.
func (h *Head) Text() string {
	return Lower(strings.Join([]string{h.Run, h.Pipeline, h.Owner, h.Error}, "\n"))
}

// Grams gives every three bytes in a row that stand in the head's Text, in hexadecimal and once each; what begins at
// one of its last two bytes is shorter.
func (h *Head) Grams() []string {
	text := h.Text()
	out := make([]string, len(text))
	for i := range len(text) {
		out[i] = hex.EncodeToString([]byte(text[i:min(i+gram, len(text))]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mostGrams of a query are looked up. What they lead to is looked at anyway.
const mostGrams = 24

// Grams gives what a head's Grams hold if the query's Text stands in it: all of them, or, when begin, one that begins so.
func (q Query) Grams() (grams []string, begin bool) {
	text := Lower(q.Text)
	if len(text) < gram {
		return []string{hex.EncodeToString([]byte(text))}, true
	}
	for i := range min(len(text)-gram+1, mostGrams) {
		grams = append(grams, hex.EncodeToString([]byte(text[i:i+gram])))
	}
	return grams, false
}

// Texts is an Index whose adapter keeps Grams beside the runs.
type Texts interface {
	// Scan lists what the query selects by looking at one run after another.
	Scan(ctx context.Context, q Query) ([]Head, error)
	// Edge gives the id of the n-th newest run that the query selects, whatever its text; empty: there are fewer.
	Edge(ctx context.Context, q Query, n int) (string, error)
	// Lookup lists what the query selects by the grams of its Text; !ok: they lead to more than most runs.
	Lookup(ctx context.Context, q Query, most int) (heads []Head, ok bool, err error)
}

const (
	newest   = 1000 // runs that are looked at before the grams are
	mostHits = 1000 // runs that grams may lead to
)

// Search lists what the query selects, by its Text. What many runs have stands in one of the newest; what few have, their
// grams lead to. What many runs have and none of the newest is looked for in one run after another.
func Search(ctx context.Context, t Texts, q Query) ([]Head, error) {
	var found []Head
	if q.Limit > 0 {
		edge, err := t.Edge(ctx, q, newest)
		if err != nil {
			return nil, err
		}
		near := q
		near.From = max(q.From, edge)
		if found, err = t.Scan(ctx, near); err != nil || edge == "" || len(found) == q.Limit {
			return found, err
		}
		q.Before, q.Limit = edge, q.Limit-len(found)
	}
	older, ok, err := t.Lookup(ctx, q, mostHits)
	if err == nil && !ok {
		older, err = t.Scan(ctx, q)
	}
	return append(found, older...), err
}
