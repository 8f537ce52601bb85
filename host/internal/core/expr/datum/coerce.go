package datum

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/myspinbot/spinbot/sdk"
)

// Coerce brings a value to its schema where that is safe, as Terraform does: "5" to a number, 5 to text, "true" to a
// bool; nulls of named properties are dropped and their defaults filled in. Everything else is left for Schema.Check.
// The value is not changed; what differs is copied.
func Coerce(s *sdk.Schema, v any) any {
	if s == nil || s.XType != "" {
		return v
	}
	switch s.Type {
	case "string":
		switch v := v.(type) {
		case json.Number:
			return string(v)
		case bool:
			return strconv.FormatBool(v)
		}
	case "number", "integer":
		if t, ok := v.(string); ok && s.Format == "" {
			if n, ok := parseNumber(t); ok {
				return n
			}
		}
	case "boolean":
		if t, ok := v.(string); ok && (t == "true" || t == "false") {
			return t == "true"
		}
	case "array":
		return coerceList(s, v)
	case "object":
		return coerceObject(s, v)
	}
	return v
}

func parseNumber(t string) (json.Number, bool) {
	if t == "" || t[0] != '-' && (t[0] < '0' || t[0] > '9') || !json.Valid([]byte(t)) {
		return "", false
	}
	return json.Number(t), true
}

func coerceList(s *sdk.Schema, v any) any {
	list, ok := v.([]any)
	if !ok || s.Items == nil {
		return v
	}
	out := make([]any, len(list))
	for i := range list {
		out[i] = Coerce(s.Items, list[i])
	}
	return out
}

func coerceObject(s *sdk.Schema, v any) any {
	if w, ok := v.(sdk.Values); ok {
		v = map[string]any(w)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for i := range s.Properties {
		p := &s.Properties[i]
		x := m[p.Name]
		if x == nil {
			x = Clone(p.Schema.Default)
		}
		if x != nil {
			out[p.Name] = Coerce(&p.Schema, x)
		}
	}
	for k, x := range m {
		if _, named := s.Properties.Get(k); !named {
			out[k] = Coerce(s.Additional, x)
		}
	}
	return out
}

// Clone copies lists and objects, so that whoever gets a default may change it. Go's own numbers, with which a default
// may be written in Go, become the numbers of a run.
func Clone(x any) any {
	switch x := x.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = Clone(x[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k := range x {
			out[k] = Clone(x[k])
		}
		return out
	case int, int64, uint64:
		return json.Number(fmt.Sprint(x))
	case float64:
		return json.Number(strconv.FormatFloat(x, 'f', -1, 64))
	}
	return x
}
