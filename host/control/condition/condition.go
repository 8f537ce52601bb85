// Package condition says whether something holds of a value, and why not, for the control nodes that judge values. It
// refuses conditions that could never be judged: a pattern that is none, a test without what it compares with.
package condition

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// Condition is one thing that may hold of a value.
type Condition struct {
	Path string // to the part that is looked at; empty: all of it
	// Test is equals, not_equals, one_of, contains, matches, between, length, present or absent.
	Test     string
	Value    any          // what equals, not_equals, one_of, contains and matches compare with
	Min, Max *json.Number // bounds of between and length; nil: none on that side
	// IgnoreCase makes texts equal that differ in capitals only.
	IgnoreCase bool
}

// Ready is a Condition that was checked.
type Ready struct {
	Condition
	path    value.Path
	pattern *regexp.Regexp
}

// Check makes a condition ready, or says what is wrong with it.
func (c Condition) Check() (Ready, error) {
	r := Ready{Condition: c}
	var err error
	if r.path, err = value.ParsePath(c.Path); err != nil {
		return r, err
	}
	switch c.Test {
	case "equals", "not_equals":
		if c.Value == nil {
			return r, sdk.Refuse(c.Test+" has no value to compare with", `give one: value = "…"; or use test = "present" or "absent"`)
		}
	case "contains":
		if c.Value == nil || c.Value == "" {
			return r, sdk.Refuse("contains has no value to look for", `give one: value = "…"`)
		}
	case "one_of":
		if _, ok := c.Value.([]any); !ok {
			return r, sdk.Refuse("one_of wants a list as its value, not "+value.Kind(c.Value), `write value = ["a", "b"]`)
		}
	case "matches":
		return r, r.compile()
	case "between", "length":
		if c.Min == nil && c.Max == nil {
			return r, sdk.Refuse(c.Test+" has neither min nor max", "give one of them, or both")
		}
		if c.Min != nil && c.Max != nil && sdk.CompareNumbers(*c.Min, *c.Max) > 0 {
			return r, sdk.Refuse(c.Test+" has a min of "+string(*c.Min)+" above its max of "+string(*c.Max), "swap them")
		}
	}
	return r, nil
}

func (r *Ready) compile() error {
	text, ok := r.Value.(string)
	if !ok {
		return sdk.Refuse("matches wants a regular expression as its value, not "+value.Kind(r.Value), `write value = "^[a-z]+$"`)
	}
	if r.IgnoreCase {
		text = "(?i)" + text
	}
	var err error
	if r.pattern, err = regexp.Compile(text); err != nil {
		return sdk.Refuse("matches has a pattern that is no regular expression: "+err.Error(), "see https://github.com/google/re2/wiki/Syntax")
	}
	return nil
}

// Of gives the part of x that the condition looks at.
func (r *Ready) Of(x any) (any, bool) { return r.path.Of(x) }

// Holds says whether the condition holds of x; if not, why: a text that begins with the path.
func (r *Ready) Holds(x any) (ok bool, why string) {
	part, there := r.path.Of(x)
	if r.Test == "absent" {
		return !there, r.says("is there")
	}
	if !there {
		return false, r.says("is missing")
	}
	return r.judge(part)
}

func (r *Ready) judge(part any) (bool, string) {
	switch r.Test {
	case "equals":
		return r.equal(part, r.Value), r.says("is " + value.Kind(part) + ", not " + value.Kind(r.Value))
	case "not_equals":
		return !r.equal(part, r.Value), r.says("is " + value.Kind(part))
	case "one_of":
		for _, y := range r.Value.([]any) {
			if r.equal(part, y) {
				return true, ""
			}
		}
		return false, r.says("is " + value.Kind(part) + ", none of those wanted")
	case "contains":
		return r.contains(part), r.says("does not contain " + value.Kind(r.Value))
	case "matches":
		text, ok := part.(string)
		return ok && r.pattern.MatchString(text), r.says("does not match " + strconv.Quote(r.Value.(string)))
	case "between":
		n, ok := part.(json.Number)
		if !ok {
			return false, r.says("is " + value.Kind(part) + ", no number")
		}
		return r.within(n, string(n))
	case "length":
		n, ok := value.Length(part)
		if !ok {
			return false, r.says("is " + value.Kind(part) + " and has no length")
		}
		return r.within(json.Number(strconv.Itoa(n)), "of length "+strconv.Itoa(n))
	}
	return true, "" // present
}

func (r *Ready) within(n json.Number, what string) (bool, string) {
	switch {
	case r.Min != nil && sdk.CompareNumbers(n, *r.Min) < 0:
		return false, r.says("is " + what + ", below " + string(*r.Min))
	case r.Max != nil && sdk.CompareNumbers(n, *r.Max) > 0:
		return false, r.says("is " + what + ", above " + string(*r.Max))
	}
	return true, ""
}

func (r *Ready) equal(a, b any) bool {
	if s, ok := a.(string); ok && r.IgnoreCase {
		t, ok := b.(string)
		return ok && strings.EqualFold(s, t)
	}
	return value.Key(a) == value.Key(b)
}

// contains looks for text in text, and for an element in a list.
func (r *Ready) contains(part any) bool {
	switch part := part.(type) {
	case string:
		text, ok := r.Value.(string)
		if r.IgnoreCase {
			part, text = strings.ToLower(part), strings.ToLower(text)
		}
		return ok && strings.Contains(part, text)
	case []any:
		for _, y := range part {
			if r.equal(y, r.Value) {
				return true
			}
		}
	}
	return false
}

func (r *Ready) says(what string) string {
	if r.Path == "" {
		return "it " + what
	}
	return r.Path + " " + what
}
