package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// Clock is a time of day, in minutes after midnight: 0 to 1440.
type Clock int

// String gives HH:MM.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// MarshalText gives HH:MM.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// reader reads one file.
type reader struct {
	finder
	src  []byte
	opts Options
	ctx  *hcl.EvalContext
	c    *Config
	// first is where each block stands that may stand once, by type and labels.
	first map[string]hcl.Range
	told  []told
}

// given are the values of one block, by word; a word that was wrong or left out without a default is not there.
type given struct {
	block *hclsyntax.Block
	at    map[string]hcl.Range // of values, and of the block for defaults
	v     map[string]any
}

func get[T any](g given, word string) T {
	x, _ := g.v[word].(T)
	return x
}

// where is the place of a word's value, or the block's beginning.
func (g given) where(word string) hcl.Range {
	if rng, ok := g.at[word]; ok {
		return rng
	}
	return g.block.DefRange()
}

// has says whether a word was written, and is right.
func (g given) has(word string) bool { return g.written(word) && g.v[word] != nil }

func (g given) written(word string) bool { _, ok := g.at[word]; return ok }

// read reads a block as its description says.
func (r *reader) read(b *hclsyntax.Block, spec pipeline.Block, path string) given {
	g := given{block: b, at: map[string]hcl.Range{}, v: map[string]any{}}
	names := make([]string, len(spec.Words))
	for i, w := range spec.Words {
		names[i] = w.Name
	}
	inner := make([]string, len(spec.Blocks))
	for i, s := range spec.Blocks {
		inner[i] = s.Name
	}
	for _, a := range b.Body.Attributes {
		if !slices.Contains(names, a.Name) {
			detail := known(names)
			if len(names) == 0 {
				detail = known(inner)
			}
			r.fail(a.NameRange, detail, "unknown attribute %q in %s%s", a.Name, spec.Name, expr.DidYouMean(a.Name, names))
		}
	}
	for _, x := range b.Body.Blocks {
		if !slices.Contains(inner, x.Type) {
			r.fail(x.DefRange(), known(append(names, inner...)), "unknown block %q in %s%s", x.Type, spec.Name, expr.DidYouMean(x.Type, inner))
		}
	}
	for _, w := range spec.Words {
		r.word(&g, w, path)
	}
	return g
}

func known(names []string) string { return "known: " + strings.Join(names, ", ") }

func (r *reader) word(g *given, w pipeline.Word, path string) {
	a, written := g.block.Body.Attributes[w.Name]
	if !written {
		if w.Required {
			r.fail(g.block.DefRange(), w.Doc, "%s has no %s", g.block.Type, w.Name)
		} else if x, ok := fallback(w); ok {
			g.v[w.Name] = x
			r.c.Entries = append(r.c.Entries, Entry{Key: path + "." + w.Name, Value: x})
		}
		return
	}
	g.at[w.Name] = a.Expr.Range()
	x, ok := r.plain(a.Expr, r.ctx)
	if !ok {
		return
	}
	v, want := convert(w, x)
	if want != "" {
		r.fail(a.Expr.Range(), "", "%s: %s", w.Name, want)
		return
	}
	g.v[w.Name] = v
	r.c.Entries = append(r.c.Entries, Entry{Key: path + "." + w.Name, Value: v, Range: rangeOf(a.Range())})
}

// fallback gives the default of a word.
func fallback(w pipeline.Word) (any, bool) {
	if w.Default == "" {
		return nil, false
	}
	e, _ := expr.ParseExpression([]byte(w.Default), "", hcl.InitialPos)
	var f finder
	x, ok := f.plain(e, nil)
	if !ok {
		return nil, false
	}
	v, _ := convert(w, x)
	return v, v != nil
}

// convert makes a value what its word says, or says what is wanted.
func convert(w pipeline.Word, x any) (v any, want string) {
	s, isText := x.(string)
	switch w.Type {
	case texts:
		return textList(w, x)
	case whole:
		return wholeNumber(x)
	case yes:
		if _, ok := x.(bool); !ok {
			return nil, "want true or false, got " + kindOf(x)
		}
		return x, ""
	case size:
		if n, ok := x.(json.Number); ok {
			s, isText = string(n), true
		}
	}
	if !isText {
		return nil, fmt.Sprintf("want a %s, got %s", w.Type, kindOf(x))
	}
	var err error
	switch w.Type {
	case size:
		v, err = sdk.ParseBytes(s)
	case duration:
		v, err = sdk.ParseDuration(s)
	case clock:
		v, err = parseClock(s)
	default:
		if len(w.Options) > 0 && !slices.Contains(w.Options, s) {
			return nil, notOneOf(w, s)
		}
		return s, ""
	}
	if err != nil {
		return nil, err.Error()
	}
	return v, ""
}

func notOneOf(w pipeline.Word, s string) string {
	return fmt.Sprintf("want one of %s, got %q%s", strings.Join(w.Options, ", "), s, expr.DidYouMean(s, w.Options))
}

func textList(w pipeline.Word, x any) (any, string) {
	list, ok := x.([]any)
	if !ok {
		return nil, "want a list of texts, got " + kindOf(x)
	}
	out := make([]string, len(list))
	for i, y := range list {
		s, ok := y.(string)
		switch {
		case !ok:
			return nil, "want a list of texts; one of them is " + kindOf(y)
		case len(w.Options) > 0 && !slices.Contains(w.Options, s):
			return nil, notOneOf(w, s)
		}
		out[i] = s
	}
	return out, ""
}

func wholeNumber(x any) (any, string) {
	n, ok := x.(json.Number)
	if !ok {
		return nil, "want a whole number, got " + kindOf(x)
	}
	i, err := strconv.ParseInt(string(n), 10, 32)
	if err != nil || i < 0 {
		return nil, "want a whole number from 0 on, got " + string(n)
	}
	return int(i), ""
}

func parseClock(s string) (Clock, error) {
	var h, m int
	if len(s) != 5 || s[2] != ':' {
		return 0, badClock(s)
	}
	h, err1 := strconv.Atoi(s[:2])
	m, err2 := strconv.Atoi(s[3:])
	c := Clock(60*h + m)
	if err1 != nil || err2 != nil || h < 0 || m < 0 || m > 59 || c > endOfDay || s != c.String() {
		return 0, badClock(s)
	}
	return c, nil
}

func badClock(s string) error {
	return fmt.Errorf("%q is no time of day (write it like \"22:00\")", s)
}

func kindOf(x any) string {
	switch x := x.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(x)
	case string:
		return "the text " + expr.Quote(shortened(x))
	case json.Number:
		return "the number " + string(x)
	case []any:
		return "a list"
	}
	return "an object"
}

func shortened(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return s
}

// Show writes a value of an Entry as it could stand in the file.
func Show(v any) string {
	switch v := v.(type) {
	case string:
		return expr.Quote(v)
	case []string:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = expr.Quote(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case int64:
		short := sdk.FormatSize(v)
		if n, err := sdk.ParseBytes(short); err != nil || n != v {
			short = fmt.Sprintf("%d B", v)
		}
		return expr.Quote(strings.ReplaceAll(short, " ", ""))
	case time.Duration:
		return expr.Quote(ShowDuration(v))
	case Clock:
		return expr.Quote(v.String())
	case nil, Hidden, int:
		return fmt.Sprint(v)
	}
	return expr.JSONText(v)
}

// ShowDuration writes 1m, where Go would write 1m0s.
func ShowDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
