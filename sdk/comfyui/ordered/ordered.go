// Package ordered reads and writes JSON in which order counts: the inputs of a node, the widgets of a node type. Numbers
// keep all their digits. What is too large, too deep or has too many values is refused.
package ordered

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what is read: a workflow of a thousand nodes has 1 MiB, 40 levels and 100,000 values.
const (
	// Max is the size limit of a text, in bytes.
	Max       = 32 << 20
	maxDepth  = 100
	maxValues = 2 << 20
)

// Object is a JSON object that keeps its order. Values are nil, bool, string, json.Number, []any or *Object.
type Object struct {
	Keys   []string
	Values map[string]any
}

// Get gives a member, nil when there is none; o may be nil.
func (o *Object) Get(key string) any {
	if o == nil {
		return nil
	}
	return o.Values[key]
}

// Has says whether there is a member of that name; it may be null.
func (o *Object) Has(key string) bool {
	if o == nil {
		return false
	}
	_, ok := o.Values[key]
	return ok
}

// Len counts the members.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.Keys)
}

// Set changes a member, or adds it at the end.
func (o *Object) Set(key string, v any) {
	if !o.Has(key) {
		o.Keys = append(o.Keys, key)
	}
	o.Values[key] = v
}

// New makes an object without members.
func New() *Object { return &Object{Values: map[string]any{}} }

// Object gives a member that is an object, nil when it is none.
func (o *Object) Object(key string) *Object { x, _ := o.Get(key).(*Object); return x }

// List gives a member that is a list, nil when it is none.
func (o *Object) List(key string) []any { x, _ := o.Get(key).([]any); return x }

// Text gives a member that is text, empty when it is none.
func (o *Object) Text(key string) string { x, _ := o.Get(key).(string); return x }

// ID gives a member that names something: text, or a number as text.
func (o *Object) ID(key string) string { return ID(o.Get(key)) }

// ID is text as it is, and a number as text; all else names nothing.
func ID(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	}
	return ""
}

// Parse reads JSON as ComfyUI writes it: Python also writes NaN and Infinity, which become null.
func Parse(data []byte) (any, error) {
	if len(data) > Max {
		return nil, fmt.Errorf("it has more than %d MiB, which no workflow has", Max>>20)
	}
	data = finite(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	r := reader{d: d}
	v, err := r.value(0)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more text after its end")
		}
	}
	if err != nil {
		return nil, notJSON(data, d.InputOffset(), err)
	}
	return v, nil
}

// notJSON says at which line reading stopped.
func notJSON(data []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, err = int64(len(data)), errors.New("it ends too early")
	}
	offset = min(max(offset, 0), int64(len(data)))
	line := 1 + bytes.Count(data[:offset], []byte("\n"))
	return fmt.Errorf("line %d: %w", line, err)
}

type reader struct {
	d      *json.Decoder
	values int
}

func (r *reader) value(depth int) (any, error) {
	t, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	if r.values++; r.values > maxValues {
		return nil, errors.New("it has more values than any workflow has")
	}
	switch t {
	case json.Delim('{'), json.Delim('['):
		if depth >= maxDepth {
			return nil, fmt.Errorf("it is nested more than %d levels deep", maxDepth)
		}
		if t == json.Delim('{') {
			return r.object(depth + 1)
		}
		return r.list(depth + 1)
	}
	return t, nil
}

func (r *reader) object(depth int) (any, error) {
	o := New()
	for r.d.More() {
		key, err := r.d.Token()
		if err != nil {
			return nil, err
		}
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		o.Set(key.(string), v)
	}
	_, err := r.d.Token()
	return o, err
}

func (r *reader) list(depth int) (any, error) {
	l := []any{}
	for r.d.More() {
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	_, err := r.d.Token()
	return l, err
}

var nonFinite = [][]byte{[]byte("-Infinity"), []byte("Infinity"), []byte("NaN")}

// finite puts null where Python wrote a number that JSON does not have; strings stay as they are.
func finite(data []byte) []byte {
	if !bytes.Contains(data, nonFinite[1]) && !bytes.Contains(data, nonFinite[2]) {
		return data
	}
	out := make([]byte, 0, len(data))
	inside := false
	for i := 0; i < len(data); i++ {
		c := data[i]
		if inside && c == '\\' && i+1 < len(data) {
			out = append(out, c, data[i+1])
			i++
			continue
		}
		if c == '"' {
			inside = !inside
		}
		if word := wordAt(data[i:]); !inside && word > 0 {
			out = append(out, "null"...)
			i += word - 1
			continue
		}
		out = append(out, c)
	}
	return out
}

func wordAt(data []byte) int {
	for _, w := range nonFinite {
		if bytes.HasPrefix(data, w) {
			return len(w)
		}
	}
	return 0
}

// Write adds a value as JSON: members in their order, each on its line.
func Write(b *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case *Object:
		writeMembers(b, v, indent)
	case []any:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			Write(b, x, indent+"  ")
		}
		b.WriteByte(']')
	case json.Number:
		b.WriteString(string(v))
	case string:
		writeText(b, v)
	case bool:
		fmt.Fprint(b, v)
	default:
		b.WriteString("null")
	}
}

func writeMembers(b *strings.Builder, o *Object, indent string) {
	if len(o.Keys) == 0 {
		b.WriteString("{}")
		return
	}
	b.WriteString("{\n")
	for i, k := range o.Keys {
		b.WriteString(indent + "  ")
		writeText(b, k)
		b.WriteString(": ")
		Write(b, o.Values[k], indent+"  ")
		if i < len(o.Keys)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString(indent + "}")
}

func writeText(b *strings.Builder, s string) {
	var line strings.Builder
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text always encodes
	b.WriteString(strings.TrimSuffix(line.String(), "\n"))
}
