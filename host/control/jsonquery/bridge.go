package jsonquery

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// bridge carries values to the library, which knows float64 only and no artifacts, and back. What the expression
// passes on comes back as it went in: a number that float64 cannot hold goes in as the nearest float64 that no other
// number of the value has, and an artifact as a map that is known again by its address.
type bridge struct {
	odd       map[float64]json.Number // numbers that float64 cannot hold
	plain     map[float64]bool        // numbers that it can; filled only when there are odd ones
	stands    map[string]float64      // what stands for an odd number, by its canonical text
	next      map[float64]float64     // the last one given out from there on: a search goes on, and does not begin anew
	artifacts map[uintptr]sdk.Artifact
	values    int // how many went through
	any       bool
}

func newBridge() *bridge {
	return &bridge{
		odd: map[float64]json.Number{}, plain: map[float64]bool{0: true}, artifacts: map[uintptr]sdk.Artifact{},
		stands: map[string]float64{}, next: map[float64]float64{},
	}
}

func (b *bridge) enter(x any) (any, error) {
	if err := b.look(x, 0); err != nil {
		return nil, err
	}
	if b.any {
		b.gather(x)
	}
	return b.inside(x), nil
}

// look refuses what is too large, and finds out whether there are odd numbers.
func (b *bridge) look(x any, depth int) error {
	if b.values++; b.values > maxValues {
		return sdk.Refuse("the value holds more than "+strconv.Itoa(maxValues)+" values", "cut it up before")
	}
	if depth > maxDepth {
		return tooDeep("the value")
	}
	switch x := x.(type) {
	case json.Number:
		f, ok := float(x)
		b.any = b.any || !ok
		if math.IsInf(f, 0) {
			return sdk.Refuse("the value holds the number "+clip(string(x))+", which is too large to be asked", "take it out before")
		}
	case []any:
		for _, y := range x {
			if err := b.look(y, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, y := range x {
			if err := b.look(y, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func tooDeep(what string) error {
	return sdk.Refuse(what+" nests deeper than "+strconv.Itoa(maxDepth), "take a part of it before")
}

// float says whether float64 holds a number exactly as it is written.
func float(n json.Number) (float64, bool) {
	f, _ := strconv.ParseFloat(string(n), 64) // out of range: infinite
	if math.IsInf(f, 0) {
		return f, false
	}
	if len(n) <= 15 && !strings.ContainsAny(string(n), "eE") { // up to 15 digits always come back
		return f, true
	}
	return f, sdk.CompareNumbers(written(f), n) == 0
}

func written(f float64) json.Number {
	format := byte('f')
	if a := math.Abs(f); a >= 1e21 || a != 0 && a < 1e-6 {
		format = 'e'
	}
	return json.Number(strconv.FormatFloat(f+0, format, -1, 64)) // +0: there is no -0
}

func (b *bridge) gather(x any) {
	switch x := x.(type) {
	case json.Number:
		if f, ok := float(x); ok {
			b.plain[f] = true
		}
	case []any:
		for _, y := range x {
			b.gather(y)
		}
	case map[string]any:
		for _, y := range x {
			b.gather(y)
		}
	}
}

func (b *bridge) inside(x any) any {
	switch x := x.(type) {
	case json.Number:
		return b.number(x)
	case sdk.Artifact:
		m := value.Fields(x)
		m["size"] = float64(x.Size)
		b.artifacts[reflect.ValueOf(m).Pointer()] = x
		return m
	case []any:
		out := make([]any, len(x))
		for i, y := range x {
			out[i] = b.inside(y)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for _, k := range b.order(x) {
			out[k] = b.inside(x[k])
		}
		return out
	}
	return x
}

// order is that of the names when it counts: which of two odd numbers comes first decides what stands for it.
func (b *bridge) order(m map[string]any) []string {
	keys := slices.Collect(maps.Keys(m))
	if b.any {
		slices.Sort(keys)
	}
	return keys
}

// number finds a float64 that stands for n and for no other number.
func (b *bridge) number(n json.Number) float64 {
	f, ok := float(n)
	if ok {
		return f
	}
	text := sdk.CanonicalNumber(n)
	if g, known := b.stands[text]; known {
		return g
	}
	g, begun := b.next[f]
	if !begun {
		g = f
	}
	for _, taken := b.odd[g]; taken || b.plain[g]; _, taken = b.odd[g] {
		g = math.Nextafter(g, math.Inf(1))
	}
	b.odd[g], b.stands[text], b.next[f] = n, g, g
	return g
}

// leave turns what was found into a value again.
func (b *bridge) leave(x any, depth int) (any, error) {
	if depth == 0 {
		b.values = 0
	}
	if b.values++; b.values > maxValues {
		return nil, sdk.Refuse("the result holds more than "+strconv.Itoa(maxValues)+" values", "ask for less")
	}
	if depth > maxDepth {
		return nil, tooDeep("the result")
	}
	switch x := x.(type) {
	case nil, bool, string:
		return x, nil
	case float64:
		if n, ok := b.odd[x]; ok {
			return n, nil
		}
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return nil, sdk.Refuse("the result is no number: something was divided by zero, or grew too large", "look at the divisions in the expression")
		}
		return written(x), nil
	case int:
		return json.Number(strconv.Itoa(x)), nil
	case map[string]any:
		if a, ok := b.artifacts[reflect.ValueOf(x).Pointer()]; ok {
			return a, nil
		}
		out := make(map[string]any, len(x))
		for k, y := range x {
			z, err := b.leave(y, depth+1)
			if err != nil {
				return nil, err
			}
			out[k] = z
		}
		return out, nil
	}
	return b.leaveList(reflect.ValueOf(x), depth)
}

// leaveList takes the library's lists of any kind; some functions give []string.
func (b *bridge) leaveList(v reflect.Value, depth int) (any, error) {
	if v.Kind() != reflect.Slice {
		return nil, sdk.Refuse("the result is an expression, not a value", "use & within calls of functions only, such as sort_by(items, &price)")
	}
	out := make([]any, v.Len())
	for i := range out {
		y, err := b.leave(v.Index(i).Interface(), depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = y
	}
	return out, nil
}
