// Package value is values of a configuration as they are read, by the types of words, and as people are shown them.
package value

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/myspinbot/spinbot/host/internal/config/hours"
	"github.com/myspinbot/spinbot/host/internal/config/written"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/sdk"
)

// The types of words: how a value is written.
const (
	Text     = "string"
	Whole    = "whole number"
	Number   = "number"
	Size     = "size"
	Duration = "duration"
	Clock    = "time of day"
	Texts    = "list(string)"
	Yes      = "bool"
	Part     = "number from 0 to 1"
	Headers  = "object"
)

// Default gives the default of a word.
func Default(w language.Word) (any, bool) {
	if w.Default == "" {
		return nil, false
	}
	e, _ := expr.ParseExpression([]byte(w.Default), "", hcl.InitialPos)
	var f written.Finder
	x, ok := f.Plain(e, nil)
	if !ok {
		return nil, false
	}
	v, _ := Convert(w, x)
	return v, v != nil
}

// Convert makes a value what its word says, or says what is wanted.
func Convert(w language.Word, x any) (v any, want string) {
	s, isText := x.(string)
	switch w.Type {
	case Texts:
		return textList(w, x)
	case Whole:
		return wholeNumber(x)
	case Part:
		return partOf(x)
	case Number:
		return price(x)
	case Yes:
		if _, ok := x.(bool); !ok {
			return nil, "want true or false, got " + KindOf(x)
		}
		return x, ""
	case Size:
		if n, ok := x.(json.Number); ok {
			s, isText = string(n), true
		}
	}
	if !isText {
		return nil, fmt.Sprintf("want a %s, got %s", w.Type, KindOf(x))
	}
	var err error
	switch w.Type {
	case Size:
		v, err = sdk.ParseBytes(s)
	case Duration:
		v, err = sdk.ParseDuration(s)
	case Clock:
		v, err = hours.ParseClock(s)
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

// price reads a number that is not below zero.
func price(x any) (any, string) {
	n, ok := x.(json.Number)
	if !ok {
		return nil, "want a number, got " + KindOf(x)
	}
	f, err := n.Float64()
	if err != nil || f < 0 || f > 1e9 {
		return nil, "want a number from 0 to 1000000000, got " + n.String()
	}
	return f, ""
}

func notOneOf(w language.Word, s string) string {
	return fmt.Sprintf("want one of %s, got %q%s", strings.Join(w.Options, ", "), s, expr.DidYouMean(s, w.Options))
}

func textList(w language.Word, x any) (any, string) {
	list, ok := x.([]any)
	if !ok {
		return nil, "want a list of texts, got " + KindOf(x)
	}
	out := make([]string, len(list))
	for i, y := range list {
		s, ok := y.(string)
		switch {
		case !ok:
			return nil, "want a list of texts; one of them is " + KindOf(y)
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
		return nil, "want a whole number, got " + KindOf(x)
	}
	i, err := strconv.ParseInt(string(n), 10, 32)
	if err != nil || i < 0 {
		return nil, "want a whole number from 0 on, got " + string(n)
	}
	return int(i), ""
}

// KindOf says what a value is, for people.
func KindOf(x any) string {
	switch x := x.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(x)
	case string:
		return "the text " + datum.Quote(shortened(x))
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
		return datum.Quote(v)
	case []string:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = datum.Quote(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case int64:
		short := sdk.FormatSize(v)
		if n, err := sdk.ParseBytes(short); err != nil || n != v {
			short = fmt.Sprintf("%d B", v)
		}
		return datum.Quote(strings.ReplaceAll(short, " ", ""))
	case time.Duration:
		return datum.Quote(ShowDuration(v))
	case hours.Clock:
		return datum.Quote(v.String())
	case nil, Hidden, int, float64:
		return fmt.Sprint(v)
	}
	return typeexpr.JSONText(v)
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
func partOf(x any) (any, string) {
	n, ok := x.(json.Number)
	if !ok {
		return nil, "want a number from 0 to 1, got " + KindOf(x)
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || f < 0 || f > 1 {
		return nil, "want a number from 0 to 1, got " + string(n)
	}
	return f, ""
}
