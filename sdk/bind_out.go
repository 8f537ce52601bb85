package sdk

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"time"
)

// ValuesOf turns a struct into values, by the same tags as SchemaOf. Nil pointers and interfaces are left out; so are
// optional lists, maps and artifacts that are empty.
func ValuesOf[T any](from T) (Values, error) { return valuesOf(recordOf[T](), from) }

func valuesOf[T any](of record, from T) (Values, error) {
	if err := of.err; err != nil {
		return nil, Refuse(err.Error(), "this is a mistake in the node's code")
	}
	m, err := of.shape.record(reflect.ValueOf(&from).Elem())
	if err != nil {
		return nil, Refuse("output "+err.Error(), "this is a mistake in the node's code")
	}
	return m, nil
}

func (s *shape) record(v reflect.Value) (map[string]any, error) {
	m := make(map[string]any, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		x := v.FieldByIndex(f.index)
		if f.optional && isAbsent(f.shape.kind, x) {
			continue
		}
		y, err := f.shape.value(x)
		if err != nil {
			return nil, at(f.name, err)
		}
		if y != nil {
			m[f.name] = y
		}
	}
	return m, nil
}

func isAbsent(k kind, x reflect.Value) bool {
	switch k {
	case kindList, kindMapping:
		return x.Len() == 0
	case kindArtifact, kindPointer, kindAny, kindNumber:
		return x.IsZero()
	default:
		return false
	}
}

// value turns one Go value into one of Values' kinds; a big switch over the kinds there are.
func (s *shape) value(v reflect.Value) (any, error) {
	switch s.kind {
	case kindAny:
		return anyValue(v)
	case kindString:
		return v.String(), nil
	case kindBool:
		return v.Bool(), nil
	case kindInt:
		return json.Number(strconv.FormatInt(v.Int(), 10)), nil
	case kindUint:
		return json.Number(strconv.FormatUint(v.Uint(), 10)), nil
	case kindFloat:
		return floatValue(v.Float())
	case kindNumber:
		if !isNumber(v.String()) {
			return nil, errors.New(strconv.Quote(v.String()) + " is not a number")
		}
		return json.Number(v.String()), nil
	case kindDuration:
		return time.Duration(v.Int()).String(), nil
	case kindArtifact:
		return v.Interface(), nil
	case kindSchema:
		return schemaValues(v.Interface().(Schema)), nil
	case kindList:
		out := make([]any, v.Len())
		for i := range out {
			x, err := s.elem.value(v.Index(i))
			if err != nil {
				return nil, at("["+strconv.Itoa(i)+"]", err)
			}
			out[i] = x
		}
		return out, nil
	case kindMapping:
		out := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			x, err := s.elem.value(it.Value())
			if err != nil {
				return nil, at(it.Key().String(), err)
			}
			out[it.Key().String()] = x
		}
		return out, nil
	case kindRecord:
		return recordValue(s.record(v))
	case kindPointer:
		if v.IsNil() {
			return nil, nil
		}
		return s.elem.value(v.Elem())
	}
	return nil, errors.New(s.typ.String() + " is no value")
}

// recordValue keeps a nil map from becoming an any that is not nil.
func recordValue(m map[string]any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}

func floatValue(f float64) (any, error) {
	n, err := floatNumber(f)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// anyValue passes what is already a value, and turns anything else by its own shape.
func anyValue(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	switch x := v.Interface().(type) {
	case bool, string, json.Number, Artifact, []any, map[string]any, Values:
		return x, nil
	}
	s, err := shapeOf(v.Elem().Type())
	if err != nil {
		return nil, err
	}
	return s.value(v.Elem())
}
