// Package written is what stands in a configuration: its expressions, evaluated where nothing can be referred to, and what is wrong
// with them.
package written

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// FileName is what a configuration is called.
const FileName = "spinbot.hcl"

// Finder gathers what is wrong with a file.
type Finder struct{ Found diagnostic.Diagnostics }

// Fail says what is wrong, where, and what to do.
func (f *Finder) Fail(rng hcl.Range, detail, format string, args ...any) {
	f.Found = append(f.Found, diagnostic.Diagnostic{Severity: diagnostic.Error, Summary: fmt.Sprintf(format, args...), Detail: detail, Range: RangeOf(rng)})
}

// Warn is Fail for what may be wrong.
func (f *Finder) Warn(rng hcl.Range, detail, format string, args ...any) {
	f.Fail(rng, detail, format, args...)
	f.Found[len(f.Found)-1].Severity = diagnostic.Warning
}

// Veil takes the source out of what was found last: its line holds what must not be shown.
func (f *Finder) Veil() { f.Found[len(f.Found)-1].Range.Start.Byte = -1 }

// HCL takes over what HCL found, in our manner of writing.
func (f *Finder) HCL(list hcl.Diagnostics) {
	for _, d := range list {
		var rng hcl.Range
		if d.Subject != nil {
			rng = *d.Subject
		}
		summary, detail := lowerFirst(strings.TrimSuffix(d.Summary, ".")), d.Detail
		if _, why, ok := strings.Cut(detail, "\" failed: "); ok && summary == "error in function call" {
			summary, detail = strings.TrimSuffix(why, "."), ""
		}
		f.Fail(rng, detail, "%s", summary)
	}
}

// Sorted gives what was found in the order of the file, each once.
func (f *Finder) Sorted() diagnostic.Diagnostics {
	slices.SortStableFunc(f.Found, func(a, b diagnostic.Diagnostic) int {
		x, y := a.Range.Start, b.Range.Start
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column), cmp.Compare(a.Summary, b.Summary))
	})
	return slices.Compact(f.Found)
}

// RangeOf is a place as diagnostics have it.
func RangeOf(r hcl.Range) diagnostic.Range {
	return diagnostic.Range{File: r.Filename, Start: posOf(r.Start), End: posOf(r.End)}
}

func posOf(p hcl.Pos) diagnostic.Pos {
	return diagnostic.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte}
}

// lowerFirst leaves a word of capitals, such as HCL, as it is.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if n == 0 || unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}
