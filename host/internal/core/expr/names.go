package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// KeyName gives the constant key of an object's item.
func KeyName(e hclsyntax.Expression) (string, bool) {
	v, diags := Eval(e, nil)
	if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

// DidYouMean gives `; did you mean "x"?` for the known name nearest to what was written, or nothing when none is near.
func DidYouMean(written string, known []string) string {
	if best := Nearest(written, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return ""
}

// Nearest gives the known name that was probably meant, or nothing.
func Nearest(written string, known []string) string {
	best, least := "", 1+max(1, len(written)/3)
	for _, name := range known {
		d := distance(strings.ToLower(written), strings.ToLower(name), least)
		if d < least && name != written {
			best, least = name, d
		}
	}
	return best
}

// distance is the edit distance, a swap of neighbours counted as one; anything from limit on is given as limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		if slices.Min(row) >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
