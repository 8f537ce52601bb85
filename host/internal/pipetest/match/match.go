// Package match compares values with what was expected of them, and writes them for people. It knows nothing of runs.
package match

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// Difference is one place where a value is not what was expected.
type Difference struct {
	Steps     []any // names and positions that lead to it
	Want, Got string
}

// Values compares a value with what was expected of it. An object may have more members than were named; lists have the
// same length; numbers are equal as decimals; null stands for what is not there.
func Values(want, got any) []Difference { return matchAt(nil, want, got) }

func matchAt(at []any, want, got any) []Difference {
	differ := func() []Difference { return []Difference{{slices.Clone(at), Text(want), Text(got)}} }
	switch want := want.(type) {
	case map[string]any:
		return matchObject(at, want, got, differ)
	case []any:
		list, ok := got.([]any)
		if !ok {
			return differ()
		}
		if len(list) != len(want) {
			return []Difference{{slices.Clone(at), elements(len(want)), elements(len(list)) + ": " + Text(got)}}
		}
		var out []Difference
		for i := range want {
			out = append(out, matchAt(append(at, i), want[i], list[i])...)
		}
		return out
	case json.Number:
		if n, ok := got.(json.Number); ok && equalNumbers(want, n) {
			return nil
		}
		return differ()
	case sdk.Artifact:
		if a, ok := got.(sdk.Artifact); ok && a.Digest == want.Digest {
			return nil
		}
		return differ()
	}
	if plain(got) && want == got {
		return nil
	}
	return differ()
}

func matchObject(at []any, want map[string]any, got any, differ func() []Difference) (out []Difference) {
	if v, ok := got.(sdk.Values); ok {
		got = map[string]any(v)
	}
	members, ok := got.(map[string]any)
	if !ok {
		return differ()
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value, there := members[name]
		if !there && want[name] != nil {
			has := "nothing of that name"
			if len(members) > 0 {
				has += "; there is " + List(slices.Sorted(maps.Keys(members)))
			}
			out = append(out, Difference{append(slices.Clone(at), name), Text(want[name]), has})
			continue
		}
		out = append(out, matchAt(append(at, name), want[name], value)...)
	}
	return out
}

// plain values can be compared with ==.
func plain(v any) bool {
	switch v.(type) {
	case nil, string, bool:
		return true
	}
	return false
}

func equalNumbers(a, b json.Number) bool {
	x, _, err1 := big.ParseFloat(a.String(), 10, 512, big.ToNearestEven)
	y, _, err2 := big.ParseFloat(b.String(), 10, 512, big.ToNearestEven)
	return err1 == nil && err2 == nil && x.Cmp(y) == 0
}

func elements(n int) string {
	if n == 1 {
		return "a list of 1 element"
	}
	return fmt.Sprintf("a list of %d elements", n)
}

// Spell writes the steps to a part of a value: seconds, words[2].text.
func Spell(steps []any) string {
	var b strings.Builder
	for _, s := range steps {
		switch s := s.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		case string:
			if !sdk.IsName(s) {
				fmt.Fprintf(&b, "[%q]", s)
				continue
			}
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s)
		}
	}
	return b.String()
}

// longest value that is shown whole, in bytes.
const longest = 200

// Text writes a value on one line as JSON, cut where it is long; an artifact by what is known of it.
func Text(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case sdk.Artifact:
		return strings.TrimSpace(fmt.Sprintf("the artifact %s (%s, %s, %.19s…)", v.Name, v.MediaType, sdk.FormatSize(v.Size), v.Digest))
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return Cut(strings.TrimSpace(b.String()))
}

// Cut shortens a text for one line.
func Cut(text string) string {
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// List writes names for a sentence, not too many.
func List(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if rest := len(names) - 8; rest > 1 {
		return strings.Join(names[:8], ", ") + " and " + strconv.Itoa(rest) + " more"
	}
	return strings.Join(names, ", ")
}
