package sdk

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the manifest as JSON. It uses neither encoding/json nor fmt, which double the size of a WASM
// guest.
func (m Manifest) AppendJSON(dst []byte) []byte {
	o := object{buf: append(dst, '{')}
	o.text("name", m.Name, true)
	o.text("version", m.Version, true)
	o.text("description", m.Description, true)
	o.key("node_types")
	o.buf = append(o.buf, '[')
	for i, t := range m.NodeTypes {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = t.AppendJSON(o.buf)
	}
	o.buf = append(o.buf, ']')
	o.schema("config_schema", m.ConfigSchema)
	o.flag("resident", m.Resident)
	o.flag("unload", m.Unload)
	o.flag("installed", m.Installed)
	return o.end()
}

// AppendJSON appends the node type as JSON, as encoding/json would write it.
func (t NodeType) AppendJSON(dst []byte) []byte {
	o := object{buf: append(dst, '{')}
	o.text("name", t.Name, true)
	o.text("description", t.Description, true)
	o.schema("inputs", &t.Inputs)
	o.schema("outputs", &t.Outputs)
	o.device(t.Device)
	if len(t.Cases) > 0 {
		o.key("cases")
		o.buf = appendList(o.buf, len(t.Cases), func(dst []byte, i int) []byte { return t.Cases[i].appendJSON(dst) })
	}
	o.text("revision", t.Revision, false)
	o.value("idempotent", t.Idempotent)
	if t.Concurrency != 0 {
		o.value("concurrency", t.Concurrency)
	}
	o.flag("elastic", t.Elastic)
	o.flag("parks", t.Parks)
	o.flag("generates", t.Generates)
	o.texts("grants", t.Grants)
	o.text("workflow", t.Workflow, false)
	if len(t.Examples) > 0 {
		o.key("examples")
		o.buf = append(o.buf, '[')
		for i, e := range t.Examples {
			if i > 0 {
				o.buf = append(o.buf, ',')
			}
			n := object{buf: append(o.buf, '{')}
			n.text("title", e.Title, true)
			n.text("hcl", e.HCL, true)
			o.buf = n.end()
		}
		o.buf = append(o.buf, ']')
	}
	return o.end()
}

func (c *Case) appendJSON(dst []byte) []byte {
	o := object{buf: append(dst, '{')}
	o.key("when")
	o.buf = appendList(o.buf, len(c.When), func(dst []byte, i int) []byte {
		w := object{buf: append(dst, '{')}
		w.text("input", c.When[i].Input, true)
		w.text("value", c.When[i].Value, true)
		return w.end()
	})
	o.device(c.Device)
	if p := c.Pace; p != nil {
		o.key("pace")
		n := object{buf: append(o.buf, '{')}
		n.value("seconds", p.Seconds)
		n.text("per", p.Per, true)
		n.text("made", p.Made, true)
		o.buf = n.end()
	}
	o.text("note", c.Note, false)
	o.text("instead", c.Instead, false)
	return o.end()
}

func (o *object) device(d *DeviceNeed) {
	if d == nil {
		return
	}
	o.key("device")
	n := object{buf: append(o.buf, '{')}
	if d.Memory != 0 {
		n.value("memory", d.Memory)
	}
	if d.Count != 0 {
		n.value("count", d.Count)
	}
	if len(d.Traits) > 0 {
		n.value("traits", d.Traits)
	}
	n.text("model_input", d.ModelInput, false)
	n.texts("size_inputs", d.SizeInputs)
	n.flag("exclusive", d.Exclusive)
	o.buf = n.end()
}

// AppendJSON appends the schema as JSON, members in the order of the struct's fields.
func (s Schema) AppendJSON(dst []byte) []byte {
	o := object{buf: append(dst, '{')}
	o.text("type", s.Type, false)
	o.text("description", s.Description, false)
	if len(s.Properties) > 0 {
		o.key("properties")
		o.buf = appendProperties(o.buf, s.Properties)
	}
	o.texts("required", s.Required)
	o.schema("additionalProperties", s.Additional)
	o.schema("items", s.Items)
	if len(s.Enum) > 0 {
		o.value("enum", s.Enum)
	}
	if s.Default != nil {
		o.value("default", s.Default)
	}
	o.number("minimum", s.Minimum)
	o.number("maximum", s.Maximum)
	o.count("minLength", s.MinLength)
	o.count("maxLength", s.MaxLength)
	o.count("minItems", s.MinItems)
	o.count("maxItems", s.MaxItems)
	o.text("pattern", s.Pattern, false)
	o.text("format", s.Format, false)
	o.text("x-type", s.XType, false)
	o.texts("x-accept", s.Accept)
	o.text("x-type-from", s.TypeFrom, false)
	o.flag("x-sensitive", s.Sensitive)
	o.text("x-model", s.ModelFile, false)
	o.text("x-setting", s.Setting, false)
	return o.end()
}

func appendProperties(dst []byte, p Properties) []byte {
	o := object{buf: append(dst, '{')}
	for i := range p {
		o.schema(p[i].Name, &p[i].Schema)
	}
	return o.end()
}

// object writes one JSON object, member by member.
type object struct {
	buf  []byte
	more bool
}

func (o *object) end() []byte { return append(o.buf, '}') }

func (o *object) key(k string) {
	if o.more {
		o.buf = append(o.buf, ',')
	}
	o.more = true
	o.buf = append(appendQuoted(o.buf, k), ':')
}

func (o *object) text(k, s string, always bool) {
	if s != "" || always {
		o.key(k)
		o.buf = appendQuoted(o.buf, s)
	}
}

func (o *object) texts(k string, list []string) {
	if len(list) > 0 {
		o.value(k, list)
	}
}

func (o *object) flag(k string, b bool) {
	if b {
		o.value(k, b)
	}
}

func (o *object) number(k string, n *json.Number) {
	if n != nil {
		o.value(k, *n)
	}
}

func (o *object) count(k string, n *int) {
	if n != nil {
		o.value(k, *n)
	}
}

func (o *object) schema(k string, s *Schema) {
	if s != nil {
		o.key(k)
		o.buf = s.AppendJSON(o.buf)
	}
}

func (o *object) value(k string, x any) {
	o.key(k)
	o.buf = appendJSON(o.buf, x)
}

// appendJSON writes a schema's default or one of its enum; what is no value becomes null, which Validate refuses.
func appendJSON(dst []byte, x any) []byte {
	switch x := x.(type) {
	case bool:
		return strconv.AppendBool(dst, x)
	case string:
		return appendQuoted(dst, x)
	case int:
		return strconv.AppendInt(dst, int64(x), 10)
	case int64:
		return strconv.AppendInt(dst, x, 10)
	case float64:
		if n, err := floatNumber(x); err == nil {
			return append(dst, n...)
		}
	case json.Number:
		if isNumber(string(x)) {
			return append(dst, x...)
		}
	case []string:
		return appendList(dst, len(x), func(dst []byte, i int) []byte { return appendQuoted(dst, x[i]) })
	case []any:
		return appendList(dst, len(x), func(dst []byte, i int) []byte { return appendJSON(dst, x[i]) })
	case map[string]string:
		return appendMap(dst, x)
	case map[string]any:
		return appendMap(dst, x)
	case Values:
		return appendMap(dst, x)
	}
	return append(dst, "null"...)
}

func appendList(dst []byte, n int, item func([]byte, int) []byte) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item(dst, i)
	}
	return append(dst, ']')
}

func appendMap[V any](dst []byte, m map[string]V) []byte {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	o := object{buf: append(dst, '{')}
	for _, k := range keys {
		o.value(k, m[k])
	}
	return o.end()
}

// appendQuoted writes a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
