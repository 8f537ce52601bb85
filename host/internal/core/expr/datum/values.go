// Package datum is values as expressions have them: made of sdk.Values and back, with exact numbers, artifacts that cannot be
// forged, and marks on what is sensitive.
package datum

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/myspinbot/spinbot/sdk"
)

// MaxDigits is how long the text of a number may be.
const MaxDigits = 1000

// ArtifactType is what an artifact looks like to expressions. Only a value that equals an artifact the Artifacts in
// use have seen becomes one again: an object written by hand does not.
var ArtifactType = cty.Object(map[string]cty.Type{
	"digest": cty.String, "media_type": cty.String, "size": cty.Number, "name": cty.String,
})

// Artifacts are the artifacts that went into expressions. They are looked up when values come out again. The zero value
// is ready to use.
type Artifacts struct {
	// Sealer opens what is sealed in values; nil: such values are refused.
	Sealer Sealer
	seen   map[sdk.Artifact]sdk.Artifact
}

func (a *Artifacts) add(x sdk.Artifact) {
	if a.seen == nil {
		a.seen = map[sdk.Artifact]sdk.Artifact{}
	}
	plain := x
	plain.Path = ""
	a.seen[plain] = x
}

// In turns a value of a run into one for expressions, and remembers its artifacts. Properties that the schema names
// and the value lacks become nulls of their type, so that expressions may ask for them. What is sealed is opened and
// marked.
func (a *Artifacts) In(schema *sdk.Schema, v any) (cty.Value, error) {
	switch v := v.(type) {
	case nil:
		return cty.NullVal(Type(schema)), nil
	case bool:
		return cty.BoolVal(v), nil
	case string:
		return cty.StringVal(v), nil
	case json.Number:
		return NumberIn(string(v))
	case int:
		return cty.NumberIntVal(int64(v)), nil
	case sdk.Sealed:
		return a.sealedIn(schema, v)
	case sdk.Artifact:
		a.add(v)
		return cty.ObjectVal(map[string]cty.Value{
			"digest": cty.StringVal(v.Digest), "media_type": cty.StringVal(v.MediaType),
			"size": cty.NumberIntVal(v.Size), "name": cty.StringVal(v.Name),
		}), nil
	case []any:
		return a.listIn(schema, v)
	case sdk.Values:
		return a.objectIn(schema, v)
	case map[string]any:
		return a.objectIn(schema, v)
	}
	return cty.NilVal, fmt.Errorf("a %T is no value that a run can hold", v)
}

func (a *Artifacts) sealedIn(schema *sdk.Schema, s sdk.Sealed) (cty.Value, error) {
	x, marks, err := Open(s, a.Sealer)
	if err != nil {
		return cty.NilVal, err
	}
	v, err := a.In(schema, x)
	if err != nil {
		return cty.NilVal, err
	}
	return v.Mark(gravest(marks)), nil
}

// NumberIn reads an exact number.
func NumberIn(s string) (cty.Value, error) {
	if len(s) > MaxDigits {
		return cty.NilVal, fmt.Errorf("the number %.40s… has more than %d digits", s, MaxDigits)
	}
	if !json.Valid([]byte(s)) {
		return cty.NilVal, fmt.Errorf("%q is not a number", s)
	}
	n, err := cty.ParseNumberVal(s)
	if err != nil || OutOfRange(n.AsBigFloat()) {
		return cty.NilVal, fmt.Errorf("the number %.40s is out of range: at most 1e1000, at least 1e-1000", s)
	}
	return n, nil
}

func (a *Artifacts) listIn(schema *sdk.Schema, list []any) (cty.Value, error) {
	items := &anything
	if schema != nil && schema.Items != nil {
		items = schema.Items
	}
	out := make([]cty.Value, len(list))
	for i := range list {
		v, err := a.In(items, list[i])
		if err != nil {
			return cty.NilVal, fmt.Errorf("[%d]: %w", i, err)
		}
		out[i] = v
	}
	return cty.TupleVal(out), nil
}

func (a *Artifacts) objectIn(schema *sdk.Schema, m map[string]any) (cty.Value, error) {
	out := make(map[string]cty.Value, len(m))
	if schema != nil {
		for i := range schema.Properties {
			if p := &schema.Properties[i]; m[p.Name] == nil {
				out[p.Name] = cty.NullVal(Type(&p.Schema))
			}
		}
	}
	for k, x := range m {
		if _, filled := out[k]; filled {
			continue
		}
		v, err := a.In(property(schema, k), x)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", k, err)
		}
		out[k] = v
	}
	return cty.ObjectVal(out), nil
}

var anything sdk.Schema

// property is the schema of one member of an object; any when the schema does not say.
func property(schema *sdk.Schema, name string) *sdk.Schema {
	if schema == nil {
		return &anything
	}
	for i := range schema.Properties {
		if p := &schema.Properties[i]; p.Name == name {
			return &p.Schema
		}
	}
	if schema.Additional != nil {
		return schema.Additional
	}
	return &anything
}

// Out turns a value of an expression into one of a run. Objects that equal a remembered artifact become it. A value that
// is sensitive is ErrSensitive: see Split.
func (a Artifacts) Out(v cty.Value) (any, error) {
	x, marks, err := a.Split(v)
	if err == nil && len(marks) > 0 {
		return nil, ErrSensitive
	}
	return x, err
}

// Split is Out for values that may be sensitive: it gives the plain value, and says which parts of it are.
func (a Artifacts) Split(v cty.Value) (x any, marks []Mark, err error) {
	v, own := v.Unmark()
	t := v.Type()
	switch {
	case v.IsNull():
	case !v.IsKnown():
		return nil, nil, fmt.Errorf("is not known yet")
	case t == cty.Bool:
		x = v.True()
	case t == cty.String:
		x = v.AsString()
	case t == cty.Number:
		x, err = NumberOut(v.AsBigFloat())
	case t.IsTupleType(), t.IsListType(), t.IsSetType():
		x, marks, err = a.listOut(v)
	case t.IsObjectType(), t.IsMapType():
		x, marks, err = a.objectOut(v)
	default:
		return nil, nil, fmt.Errorf("a %s is no value that a run can hold", t.FriendlyName())
	}
	if len(own) > 0 && x != nil {
		marks = append(marks, Mark{nil, WorstOf(own)})
	}
	return x, marks, err
}

// digits beyond which the traces of binary arithmetic are rounded off: 0.1 + 0.2 is 0.3. Whole numbers keep all.
const digits = 100

// NumberOut writes a number as short as it can be: 0.1 stays 0.1 and 18446744073709551615 itself.
func NumberOut(f *big.Float) (json.Number, error) {
	if OutOfRange(f) {
		return "", fmt.Errorf("is a number out of range: at most 1e1000, at least 1e-1000")
	}
	if f.Sign() == 0 {
		return "0", nil
	}
	exponent := f.MantExp(nil)
	if f.IsInt() && exponent <= 512 {
		return json.Number(f.Text('f', 0)), nil
	}
	if n, ok := short(f); ok {
		return n, nil
	}
	s := f.Text('e', -1)
	mantissa, _, _ := strings.Cut(s, "e")
	if len(strings.TrimLeft(mantissa, "-")) > digits+1 {
		s = f.Text('e', digits-1)
		if rounded, _, err := big.ParseFloat(s, 10, 512, big.ToNearestEven); err == nil {
			f = rounded
		}
	}
	if exponent > 512 || exponent < -200 {
		mantissa, power, _ := strings.Cut(f.Text('e', -1), "e")
		return json.Number(mantissa + "e" + strings.TrimPrefix(power, "+")), nil
	}
	return json.Number(f.Text('f', -1)), nil
}

// Rounded gives what arithmetic has made as people would compute it: 45 * 2.4 is 108, though no binary number is 2.4. What needs
// all the digits there are, as a third does, stays as it is; so does what is no number.
func Rounded(v cty.Value) cty.Value {
	n, marks := v.Unmark()
	if n.Type() != cty.Number || !n.IsKnown() || n.IsNull() {
		return v
	}
	f := n.AsBigFloat()
	if f.IsInt() || OutOfRange(f) {
		return v
	}
	mantissa, power, _ := strings.Cut(f.Text('e', digits-1), "e")
	short := strings.TrimRight(mantissa, "0")
	if len(short) == len(mantissa) {
		return v
	}
	r, _, err := big.ParseFloat(short+"e"+power, 10, 512, big.ToNearestEven)
	if err != nil {
		return v
	}
	return cty.NumberVal(r).WithMarks(marks)
}

// short tries the decimal that the nearest float64 is written as, which costs a twentieth of the full search.
func short(f *big.Float) (json.Number, bool) {
	x, _ := f.Float64()
	if size := math.Abs(x); size < 1e-20 || size > 1e20 {
		return "", false
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	back, _, err := big.ParseFloat(s, 10, 512, big.ToNearestEven)
	return json.Number(s), err == nil && back.Cmp(f) == 0
}

func (a Artifacts) listOut(v cty.Value) (any, []Mark, error) {
	out := make([]any, 0, v.LengthInt())
	var marks []Mark
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		x, found, err := a.Split(e)
		if err != nil {
			return nil, nil, fmt.Errorf("[%d]: %w", len(out), err)
		}
		if len(found) > 0 {
			marks = append(marks, Under(len(out), found)...)
		}
		out = append(out, x)
	}
	return out, marks, nil
}

func (a Artifacts) objectOut(v cty.Value) (any, []Mark, error) {
	out := make(map[string]any, v.LengthInt())
	var marks []Mark
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		x, found, err := a.Split(e)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", k.AsString(), err)
		}
		if len(found) > 0 {
			marks = append(marks, Under(k.AsString(), found)...)
		}
		out[k.AsString()] = x
	}
	if x, ok := a.find(out); ok {
		if len(marks) > 0 {
			marks = []Mark{{nil, gravest(marks)}}
		}
		return x, marks, nil
	}
	return out, marks, nil
}

func (a Artifacts) find(m map[string]any) (sdk.Artifact, bool) {
	if len(a.seen) == 0 || len(m) != 4 {
		return sdk.Artifact{}, false
	}
	digest, ok1 := m["digest"].(string)
	mediaType, ok2 := m["media_type"].(string)
	name, ok3 := m["name"].(string)
	size, ok4 := m["size"].(json.Number)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return sdk.Artifact{}, false
	}
	n, err := size.Int64()
	x, known := a.seen[sdk.Artifact{Digest: digest, MediaType: mediaType, Size: n, Name: name}]
	return x, known && err == nil
}

// ToText turns text, a number or a bool into text.
func ToText(v cty.Value) (cty.Value, error) {
	if v.IsMarked() {
		return v, ErrSensitive
	}
	if v.IsNull() || !v.IsKnown() {
		return v, fmt.Errorf("is null or unknown")
	}
	switch v.Type() {
	case cty.String:
		return v, nil
	case cty.Number:
		n, err := NumberOut(v.AsBigFloat())
		return cty.StringVal(string(n)), err
	case cty.Bool:
		return cty.StringVal(fmt.Sprint(v.True())), nil
	}
	return v, fmt.Errorf("want text, got %s", Describe(v.Type()))
}

// Describe names a type for people: text, a number, a list of text.
func Describe(t cty.Type) string {
	switch {
	case t == cty.DynamicPseudoType:
		return "anything"
	case t == cty.String:
		return "text"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.Equals(ArtifactType):
		return "an artifact"
	case t.IsTupleType(), t.IsListType():
		return "a list"
	case t.IsSetType():
		return "a set"
	case t.IsMapType():
		return "a map"
	case t.IsObjectType():
		return "an object"
	}
	return t.FriendlyName()
}

// SortedNames gives the attribute names of an object type in order.
func SortedNames(t cty.Type) []string {
	names := make([]string, 0, len(t.AttributeTypes()))
	for n := range t.AttributeTypes() {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// ToBool takes true and false, also as text; a null is an error.
func ToBool(v cty.Value) (bool, error) {
	switch {
	case v.IsMarked():
		return false, ErrSensitive
	case v.IsNull():
		return false, fmt.Errorf("is null; want true or false")
	case v.Type() == cty.Bool:
		return v.True(), nil
	case v.Type() == cty.String && v.AsString() == "true":
		return true, nil
	case v.Type() == cty.String && v.AsString() == "false":
		return false, nil
	}
	return false, fmt.Errorf("wants true or false, got %s", Describe(v.Type()))
}

// ToSet makes a set of a list whose elements have one type.
func ToSet(v cty.Value) (cty.Value, error) {
	return convert.Convert(v, cty.Set(cty.DynamicPseudoType))
}
