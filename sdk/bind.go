package sdk

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"time"
)

// Bind fills a struct from values, by the same tags as SchemaOf: a missing value takes its default, else its zero
// when optional, else is an error. Values that the struct does not name are passed over. Errors are permanent
// failures that name the value.
func Bind[T any](v Values, into *T) error {
	return bindTo(recordOf[T](), v, into)
}

func bindTo[T any](of record, v Values, into *T) error {
	if err := of.err; err != nil {
		return Refuse(err.Error(), "this is a mistake in the node's code")
	}
	if err := of.shape.bindRecord(reflect.ValueOf(into).Elem(), v); err != nil {
		return Refuse("input "+err.Error(), "")
	}
	return nil
}

func (s *shape) bindRecord(dst reflect.Value, m map[string]any) error {
	for i := range s.fields {
		f := &s.fields[i]
		x := m[f.name]
		if x == nil {
			x = f.fallback
		}
		if x == nil {
			if f.optional || f.shape.kind == kindAny {
				continue
			}
			return at(f.name, errors.New("is required"))
		}
		if err := f.shape.bind(dst.FieldByIndex(f.index), x); err != nil {
			return at(f.name, err)
		}
	}
	return nil
}

// bind sets dst from one value that is not nil; a big switch over the kinds there are.
func (s *shape) bind(dst reflect.Value, x any) error {
	if v, ok := x.(Values); ok {
		x = map[string]any(v)
	}
	switch s.kind {
	case kindAny:
		dst.Set(reflect.ValueOf(x))
		return nil
	case kindString:
		if t, ok := x.(string); ok {
			dst.SetString(t)
			return nil
		}
	case kindBool:
		if b, ok := x.(bool); ok {
			dst.SetBool(b)
			return nil
		}
	case kindInt, kindUint, kindFloat, kindNumber:
		return s.bindNumber(dst, x)
	case kindDuration:
		return bindDuration(dst, x)
	case kindArtifact:
		if a, ok := x.(Artifact); ok {
			dst.Set(reflect.ValueOf(a))
			return nil
		}
	case kindSchema:
		return bindSchema(dst, x)
	case kindList:
		if list, ok := x.([]any); ok {
			return s.bindList(dst, list)
		}
	case kindMapping:
		if m, ok := x.(map[string]any); ok {
			return s.bindMapping(dst, m)
		}
	case kindRecord:
		if m, ok := x.(map[string]any); ok {
			return s.bindRecord(dst, m)
		}
	case kindPointer:
		p := reflect.New(s.elem.typ)
		dst.Set(p)
		return s.elem.bind(p.Elem(), x)
	}
	return errors.New("want " + s.kind.String() + ", got " + kindOf(x))
}

func (s *shape) bindNumber(dst reflect.Value, x any) error {
	if t, ok := x.(string); ok && s.kind != kindFloat {
		if n, err := ParseBytes(t); err == nil {
			x = json.Number(strconv.FormatInt(n, 10))
		}
	}
	text, ok := numberOf(x)
	if !ok {
		return errors.New("want a number, got " + kindOf(x))
	}
	switch s.kind {
	case kindNumber:
		dst.SetString(text)
		return nil
	case kindFloat:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || dst.OverflowFloat(f) {
			return errors.New("the number " + text + " is too large")
		}
		dst.SetFloat(f)
		return nil
	default: // a whole number
	}
	if digits(text) != len(text) { // perhaps 3.0 or 1e3
		whole, ok := parseDecimal(text).integerText()
		if !ok {
			return errors.New("want a whole number, got " + text)
		}
		text = whole
	}
	if s.kind == kindUint {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || dst.OverflowUint(n) {
			return errors.New("the number " + text + " is out of range")
		}
		dst.SetUint(n)
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || dst.OverflowInt(n) {
		return errors.New("the number " + text + " is out of range")
	}
	dst.SetInt(n)
	return nil
}

// bindDuration takes "90s", or a number of seconds.
func bindDuration(dst reflect.Value, x any) error {
	if t, ok := x.(string); ok {
		d, err := ParseDuration(t)
		dst.SetInt(int64(d))
		return err
	}
	text, ok := numberOf(x)
	if !ok {
		return errors.New("want a duration, got " + kindOf(x))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 1e9 {
		return errors.New("the number " + text + " is no duration in seconds")
	}
	dst.SetInt(int64(f * float64(time.Second)))
	return nil
}

func (s *shape) bindList(dst reflect.Value, list []any) error {
	out := reflect.MakeSlice(s.typ, len(list), len(list))
	for i, x := range list {
		if x == nil {
			continue
		}
		if err := s.elem.bind(out.Index(i), x); err != nil {
			return at("["+strconv.Itoa(i)+"]", err)
		}
	}
	dst.Set(out)
	return nil
}

func (s *shape) bindMapping(dst reflect.Value, m map[string]any) error {
	out := reflect.MakeMapWithSize(s.typ, len(m))
	for k, x := range m {
		e := reflect.New(s.elem.typ).Elem()
		if x != nil {
			if err := s.elem.bind(e, x); err != nil {
				return at(k, err)
			}
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(s.typ.Key()), e)
	}
	dst.Set(out)
	return nil
}

// String names the kind in a message.
func (k kind) String() string {
	return [...]string{"anything", "text", "true or false", "a whole number", "a whole number", "a number", "a number",
		"a duration", "an artifact", "a type", "a list", "an object", "an object", "a value"}[k]
}
