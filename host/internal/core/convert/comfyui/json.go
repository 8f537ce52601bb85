package comfyui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what is read: a workflow of a thousand nodes has 1 MiB, 40 levels of JSON and 100,000 values.
const (
	// MaxJSON is the size limit of a workflow or of node definitions, in bytes.
	MaxJSON   = 32 << 20
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

func (o *Object) has(key string) bool {
	if o == nil {
		return false
	}
	_, ok := o.Values[key]
	return ok
}

func (o *Object) size() int {
	if o == nil {
		return 0
	}
	return len(o.Keys)
}

// Set changes a member, or adds it at the end.
func (o *Object) Set(key string, v any) {
	if !o.has(key) {
		o.Keys = append(o.Keys, key)
	}
	o.Values[key] = v
}

func newObject() *Object { return &Object{Values: map[string]any{}} }

// object, list and text give a member of that type, or nothing.
func (o *Object) object(key string) *Object { x, _ := o.Get(key).(*Object); return x }
func (o *Object) list(key string) []any     { x, _ := o.Get(key).([]any); return x }
func (o *Object) text(key string) string    { x, _ := o.Get(key).(string); return x }

// id gives a member that names something: text, or a number as text.
func (o *Object) id(key string) string { return idOf(o.Get(key)) }

func idOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	}
	return ""
}

// parse reads JSON as ComfyUI writes it: Python also writes NaN and Infinity, which become null.
func parse(data []byte) (any, error) {
	if len(data) > MaxJSON {
		return nil, fmt.Errorf("it has more than %d MiB, which no workflow has", MaxJSON>>20)
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
	offset = min(max(offset, 0), int64(len(data)))
	line := 1 + bytes.Count(data[:offset], []byte("\n"))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
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
	o := newObject()
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

// write adds a value as JSON: members in their order, each on its line.
func write(b *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case *Object:
		writeMembers(b, v, indent)
	case []any:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, x, indent+"  ")
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
		write(b, o.Values[k], indent+"  ")
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
