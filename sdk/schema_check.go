package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Violation is one way in which a value does not fit its schema.
type Violation struct {
	// Path leads to the value: scenes[2].text; empty for the value itself.
	Path string `json:"path"`
	// Message says what is wrong and what would be right; lower case, no trailing stop.
	Message string `json:"message"`
}

// String gives path: message.
func (v Violation) String() string {
	if v.Path == "" {
		return v.Message
	}
	return v.Path + ": " + v.Message
}

// maxViolations is where Check stops: no one reads more.
const maxViolations = 100

// Check gives every way in which v does not fit, in a stable order; none when it fits. A null stands for an absent
// property.
func (s Schema) Check(v any) []Violation {
	c := checker{}
	c.check("", &s, v)
	return c.found
}

type checker struct{ found []Violation }

func (c *checker) add(path, format string, args ...any) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, Violation{path, fmt.Sprintf(format, args...)})
	}
}

// check tries one value against one schema, by the kind of schema.
func (c *checker) check(path string, s *Schema, v any) {
	if w, ok := v.(Values); ok {
		v = map[string]any(w)
	}
	switch {
	case s.XType == XArtifact:
		c.artifact(path, s, v)
		return
	case s.XType == XTypeSchema:
		if _, ok := v.(map[string]any); !ok {
			c.add(path, "want a type, got %s", kindOf(v))
		}
		return
	case s.XType == XTools:
		c.array(path, toolsSchema, v)
		return
	case s.Type == "object":
		c.object(path, s, v)
	case s.Type == "array":
		c.array(path, s, v)
	case s.Type == "string":
		c.text(path, s, v)
	case s.Type == "number", s.Type == "integer":
		c.number(path, s, v)
	case s.Type == "boolean":
		if _, ok := v.(bool); !ok {
			c.add(path, "want true or false, got %s", kindOf(v))
			return
		}
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(x any) bool { return equalValues(x, v) }) {
		c.add(path, "want one of %s, got %s", enumText(s.Enum), short(v))
	}
}

func (c *checker) artifact(path string, s *Schema, v any) {
	a, ok := v.(Artifact)
	switch {
	case !ok:
		c.add(path, "want an artifact, got %s", kindOf(v))
	case len(s.Accept) > 0 && !s.Accepts(a.MediaType):
		got := a.MediaType
		if got == "" {
			got = "of no media type"
		}
		name := a.Name
		if name == "" {
			name = "the artifact"
		}
		c.add(path, "want an artifact of media type %s; %s is %s", strings.Join(s.Accept, " or "), name, got)
	}
}

// Accepts says whether an artifact schema takes the media type; "image/*" and "*/*" match as one expects, and
// parameters such as charset do not count.
func (s Schema) Accepts(mediaType string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	for _, want := range s.Accept {
		want = strings.ToLower(want)
		family, wild := strings.CutSuffix(want, "*")
		if want == mediaType || want == "*/*" || wild && strings.HasPrefix(mediaType, family) {
			return true
		}
	}
	return len(s.Accept) == 0
}

func (c *checker) object(path string, s *Schema, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.add(path, "want an object, got %s", kindOf(v))
		return
	}
	for _, name := range s.Required {
		if m[name] == nil {
			c.add(join(path, name), "is required")
		}
	}
	for i := range s.Properties {
		p := &s.Properties[i]
		if x, ok := m[p.Name]; ok && x != nil {
			c.check(join(path, p.Name), &p.Schema, x)
		}
	}
	rest := make([]string, 0, len(m))
	for k := range m {
		if _, known := s.Properties.Get(k); !known {
			rest = append(rest, k)
		}
	}
	slices.Sort(rest)
	for _, k := range rest {
		switch {
		case s.Additional == nil:
			c.add(join(path, k), "is unknown here%s", knownNames(s.Properties))
		case m[k] != nil:
			c.check(join(path, k), s.Additional, m[k])
		}
	}
}

func knownNames(p Properties) string {
	if len(p) == 0 {
		return "; nothing may be given"
	}
	return "; known: " + strings.Join(p.Names(), ", ")
}

func (c *checker) array(path string, s *Schema, v any) {
	list, ok := v.([]any)
	if !ok {
		c.add(path, "want a list, got %s", kindOf(v))
		return
	}
	c.length(path, len(list), s.MinItems, s.MaxItems, "items")
	for i := range list {
		if s.Items != nil {
			c.check(path+"["+strconv.Itoa(i)+"]", s.Items, list[i])
		}
	}
}

func (c *checker) text(path string, s *Schema, v any) {
	t, ok := v.(string)
	if !ok {
		c.add(path, "want text, got %s", kindOf(v))
		return
	}
	c.length(path, utf8.RuneCountInString(t), s.MinLength, s.MaxLength, "characters")
	if s.Pattern != "" {
		if re, err := compiled(s.Pattern); err != nil || !re.MatchString(t) {
			c.add(path, "want text that matches %s, got %s", s.Pattern, short(t))
		}
	}
	c.format(path, s, t)
}

func (c *checker) format(path string, s *Schema, t string) {
	var err error
	switch s.Format {
	case FormatDuration:
		_, err = ParseDuration(t)
	case FormatBytes:
		_, err = ParseBytes(t)
	}
	if err != nil {
		c.add(path, "%s", err)
	}
}

func (c *checker) length(path string, n int, least, most *int, what string) {
	if least != nil && n < *least {
		c.add(path, "want at least %d %s, got %d", *least, what, n)
	}
	if most != nil && n > *most {
		c.add(path, "want at most %d %s, got %d", *most, what, n)
	}
}

// number takes numbers, and text where the format gives it a meaning: "5m", "6GiB".
func (c *checker) number(path string, s *Schema, v any) {
	if t, ok := v.(string); ok && (s.Format == FormatDuration || s.Format == FormatBytes) {
		c.format(path, s, t)
		return
	}
	n, ok := numberOf(v)
	if !ok {
		c.add(path, "want a number, got %s", kindOf(v))
		return
	}
	if s.Type == "integer" && !parseDecimal(n).isInteger() {
		c.add(path, "want a whole number, got %s", n)
	}
	if s.Minimum != nil && compareNumbers(n, string(*s.Minimum)) < 0 {
		c.add(path, "want at least %s, got %s", *s.Minimum, n)
	}
	if s.Maximum != nil && compareNumbers(n, string(*s.Maximum)) > 0 {
		c.add(path, "want at most %s, got %s", *s.Maximum, n)
	}
}

// patterns keeps compiled patterns; they come from node types, so there are few.
var patterns sync.Map

func compiled(pattern string) (*regexp.Regexp, error) {
	if re, ok := patterns.Load(pattern); ok {
		return re.(*regexp.Regexp), nil
	}
	re, err := regexp.Compile(pattern)
	if err == nil {
		patterns.Store(pattern, re)
	}
	return re, err
}

// numberOf gives the text of a number, of Go's number types too.
func numberOf(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return string(v), isNumber(string(v))
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		n, err := floatNumber(v)
		return string(n), err == nil
	}
	return "", false
}

// equalValues compares numbers by value and everything else by structure.
func equalValues(a, b any) bool {
	if x, ok := numberOf(a); ok {
		y, ok := numberOf(b)
		return ok && compareNumbers(x, y) == 0
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalValues)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if y, ok := b[k]; !ok || !equalValues(a[k], y) {
				return false
			}
		}
		return true
	case nil, bool, string, Artifact:
		return a == b
	}
	return false
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return "the text " + short(v)
	case Artifact:
		return "an artifact"
	case Sealed:
		return "a sealed value"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	if n, ok := numberOf(v); ok {
		return "the number " + n
	}
	return "a Go " + reflect.TypeOf(v).String()
}

func short(v any) string {
	s, ok := v.(string)
	if !ok {
		return kindOf(v)
	}
	if utf8.RuneCountInString(s) > 40 {
		s = string([]rune(s)[:39]) + "…"
	}
	return strconv.Quote(s)
}

func enumText(enum []any) string {
	parts := make([]string, len(enum))
	for i, x := range enum {
		parts[i] = string(appendJSON(nil, x))
	}
	return strings.Join(parts, ", ")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
