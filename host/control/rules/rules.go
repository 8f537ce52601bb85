// Package rules holds what control.choose and control.score ask of values: a path into one, and a test of what is there.
package rules

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// A Rule is a test of one place in a value.
type Rule struct {
	Path  string `spin:",optional" doc:"Where to look: words and numbers with dots between, such as scenes.0.title; empty is the value itself"`
	Is    string `default:"==" enum:"==|!=|<|<=|>|>=|in|contains|matches|exists|missing|longer|shorter" doc:"The test. contains is for texts and lists, matches for a regular expression, longer and shorter for characters or items"`
	Value any    `spin:",optional" doc:"What to compare with"`
}

// String writes the rule for people.
func (r Rule) String() string {
	path := r.Path
	if path == "" {
		path = "it"
	}
	if r.Is == "exists" || r.Is == "missing" {
		return path + " " + r.Is
	}
	value, err := sdk.Values{"": r.Value}.MarshalJSON()
	if err != nil {
		return path + " " + r.Is
	}
	return path + " " + r.Is + " " + strings.TrimSuffix(strings.TrimPrefix(string(value), `{"":`), "}")
}

// At finds a place in a value.
func At(v any, path string) (any, bool) {
	if path == "" {
		return v, true
	}
	for _, step := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[step]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(in) {
				return nil, false
			}
			v = in[n]
		default:
			return nil, false
		}
	}
	return v, true
}

// Holds says whether the rule holds for the value. An error says that it cannot be asked.
func (r Rule) Holds(v any) (bool, error) {
	got, there := At(v, r.Path)
	there = there && got != nil
	switch r.Is {
	case "exists":
		return there, nil
	case "missing":
		return !there, nil
	case "==":
		return equal(got, r.Value), nil
	case "!=":
		return !equal(got, r.Value), nil
	}
	if !there {
		return false, nil
	}
	switch r.Is {
	case "in":
		list, ok := r.Value.([]any)
		if !ok {
			return false, r.wrong("value must be a list")
		}
		return slices.ContainsFunc(list, func(x any) bool { return equal(x, got) }), nil
	case "contains":
		return r.contains(got)
	case "matches":
		return r.matches(got)
	case "longer", "shorter":
		return r.length(got)
	}
	c, ok := Compare(got, r.Value)
	if !ok {
		return false, r.wrong("only two numbers or two texts can be compared, and it is " + kind(got))
	}
	return r.Is[0] == '<' && c < 0 || r.Is[0] == '>' && c > 0 || len(r.Is) == 2 && c == 0, nil
}

func (r Rule) wrong(why string) error {
	return sdk.Refuse(fmt.Sprintf("the rule %s cannot be asked: %s", r, why), "mend the rule, or what it looks at")
}

func (r Rule) contains(got any) (bool, error) {
	switch in := got.(type) {
	case []any:
		return slices.ContainsFunc(in, func(x any) bool { return equal(x, r.Value) }), nil
	case string:
		if part, ok := r.Value.(string); ok {
			return strings.Contains(in, part), nil
		}
		return false, r.wrong("value must be a text")
	}
	return false, r.wrong("it is " + kind(got))
}

func (r Rule) matches(got any) (bool, error) {
	text, isText := got.(string)
	pattern, ok := r.Value.(string)
	if !isText || !ok {
		return false, r.wrong("it and value must be texts")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return false, r.wrong(err.Error())
	}
	return re.MatchString(text), nil
}

func (r Rule) length(got any) (bool, error) {
	n := 0
	switch in := got.(type) {
	case string:
		n = utf8.RuneCountInString(in)
	case []any:
		n = len(in)
	default:
		return false, r.wrong("it is " + kind(got))
	}
	c, ok := Compare(json.Number(strconv.Itoa(n)), r.Value)
	if !ok {
		return false, r.wrong("value must be a number")
	}
	return r.Is == "longer" && c > 0 || r.Is == "shorter" && c < 0, nil
}

// Compare orders two numbers or two texts.
func Compare(a, b any) (int, bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case json.Number:
		b, ok := b.(json.Number)
		if !ok {
			return 0, false
		}
		x, xErr := a.Int64()
		y, yErr := b.Int64()
		if xErr == nil && yErr == nil {
			return cmp(x, y), true
		}
		f, fErr := a.Float64()
		g, gErr := b.Float64()
		return cmp(f, g), fErr == nil && gErr == nil
	}
	return 0, false
}

func cmp[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func equal(a, b any) bool {
	if c, ok := Compare(a, b); ok {
		return c == 0
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, x := range a {
			if y, there := b[k]; !there || !equal(x, y) {
				return false
			}
		}
		return true
	case sdk.Artifact:
		b, ok := b.(sdk.Artifact)
		return ok && a.Digest == b.Digest
	case bool:
		return a == b
	}
	return a == nil && b == nil
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	case sdk.Artifact:
		return "a file"
	}
	return "an object"
}
