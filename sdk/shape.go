package sdk

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A shape is what reflection found out about a Go type, once: how its values look from outside.
type shape struct {
	kind   kind
	elem   *shape  // of list, mapping, pointer
	fields []field // of record
	typ    reflect.Type
}

type kind uint8

const (
	kindAny kind = iota
	kindString
	kindBool
	kindInt
	kindUint
	kindFloat
	kindNumber   // json.Number
	kindDuration // time.Duration
	kindArtifact
	kindSchema // Schema: an input written as a type
	kindList
	kindMapping
	kindRecord
	kindPointer
)

// field is one exported field of a struct that stands for inputs or outputs.
type field struct {
	name      string
	index     []int
	shape     *shape
	optional  bool
	sensitive bool
	fallback  any // the default; nil when there is none
	tag       reflect.StructTag
}

var (
	numberType   = reflect.TypeFor[json.Number]()
	durationType = reflect.TypeFor[time.Duration]()
	artifactType = reflect.TypeFor[Artifact]()
	schemaType   = reflect.TypeFor[Schema]()
	toolsType    = reflect.TypeFor[[]Tool]()
)

// record is the shape of a struct, or why there is none.
type record struct {
	shape *shape
	err   error
}

func recordOf[T any]() record {
	s, err := shapeOf(reflect.TypeFor[T]())
	if err == nil && s.kind != kindRecord {
		err = errors.New(s.typ.String() + " is not a struct")
	}
	return record{s, err}
}

var shapes sync.Map // reflect.Type -> *shape

// shapeOf gives the shape of a type, or says which field cannot be one.
func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	s, err := newShape(t, 1)
	if err != nil {
		return nil, err
	}
	shapes.Store(t, s)
	return s, nil
}

func newShape(t reflect.Type, depth int) (*shape, error) {
	if depth > 32 {
		return nil, errors.New(t.String() + " is recursive; use any")
	}
	s := &shape{typ: t}
	if k, ok := namedKinds(t); ok {
		s.kind = k
		return s, nil
	}
	switch t.Kind() {
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return nil, errors.New(t.String() + " is an interface with methods")
		}
		s.kind = kindAny
	case reflect.String:
		s.kind = kindString
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind = kindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.kind = kindUint
	case reflect.Float32, reflect.Float64:
		s.kind = kindFloat
	case reflect.Slice:
		s.kind = kindList
		return s.of(t.Elem(), depth)
	case reflect.Pointer:
		s.kind = kindPointer
		return s.of(t.Elem(), depth)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, errors.New(t.String() + ": the keys of a map must be strings")
		}
		s.kind = kindMapping
		return s.of(t.Elem(), depth)
	case reflect.Struct:
		s.kind = kindRecord
		return s, s.addFields(t, nil, depth)
	default:
		return nil, errors.New(t.String() + " cannot stand for a value; use string, bool, a number, a list, a map or a struct")
	}
	return s, nil
}

func namedKinds(t reflect.Type) (kind, bool) {
	switch t {
	case numberType:
		return kindNumber, true
	case durationType:
		return kindDuration, true
	case artifactType:
		return kindArtifact, true
	case schemaType:
		return kindSchema, true
	}
	return 0, false
}

func (s *shape) of(elem reflect.Type, depth int) (*shape, error) {
	var err error
	s.elem, err = newShape(elem, depth+1)
	return s, err
}

// addFields reads the struct's tags; fields of an embedded struct count as the struct's own.
func (s *shape) addFields(t reflect.Type, index []int, depth int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		path := append(append([]int(nil), index...), i)
		tag := f.Tag.Get("spin")
		if tag == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if f.Anonymous && tag == "" && f.Type.Kind() == reflect.Struct {
			if err := s.addFields(f.Type, path, depth); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		fd, err := newField(f, tag, depth)
		if err != nil {
			return at(t.String()+"."+f.Name, err)
		}
		for _, other := range s.fields {
			if other.name == fd.name {
				return at(t.String()+"."+f.Name, errors.New("the name "+strconv.Quote(fd.name)+" stands twice"))
			}
		}
		fd.index = path
		s.fields = append(s.fields, fd)
	}
	return nil
}

func newField(f reflect.StructField, tag string, depth int) (field, error) {
	name, options, _ := strings.Cut(tag, ",")
	if name == "" {
		name = snake(f.Name)
	}
	fd := field{name: name, tag: f.Tag}
	for _, o := range strings.Split(options, ",") {
		switch o {
		case "":
		case "optional":
			fd.optional = true
		case "sensitive":
			fd.sensitive = true
		default:
			return fd, errors.New("unknown option " + strconv.Quote(o) + ` in the spin tag (known: optional, sensitive)`)
		}
	}
	var err error
	if fd.shape, err = newShape(f.Type, depth+1); err != nil {
		return fd, err
	}
	if fd.shape.kind == kindPointer {
		fd.optional = true
	}
	if text, ok := f.Tag.Lookup("default"); ok {
		fd.optional = true
		fd.fallback, err = tagValue(fd.shape, text)
	}
	return fd, err
}

// tagValue reads a default, an enum or a bound as written in a struct tag.
func tagValue(s *shape, text string) (any, error) {
	switch s.kind {
	case kindPointer:
		return tagValue(s.elem, text)
	case kindString, kindAny, kindDuration:
		return text, nil
	case kindBool:
		return strconv.ParseBool(text)
	case kindInt, kindUint, kindFloat, kindNumber:
		if !isNumber(text) {
			if _, err := ParseBytes(text); err == nil && s.kind != kindFloat {
				return text, nil
			}
			return nil, errors.New(strconv.Quote(text) + " is not a number")
		}
		return json.Number(text), nil
	default:
		return nil, errors.New("a value of this type cannot be written in a tag")
	}
}

// snake turns MediaType into media_type.
func snake(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			lower := i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'
			if i > 0 && (lower || name[i-1] < 'A' || name[i-1] > 'Z') {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
