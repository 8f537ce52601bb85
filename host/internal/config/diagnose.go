package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// finder gathers what is wrong with a file.
type finder struct{ found pipeline.Diagnostics }

func (f *finder) fail(rng hcl.Range, detail, format string, args ...any) {
	f.found = append(f.found, pipeline.Diagnostic{Severity: pipeline.Error, Summary: fmt.Sprintf(format, args...), Detail: detail, Range: rangeOf(rng)})
}

func (f *finder) warn(rng hcl.Range, detail, format string, args ...any) {
	f.fail(rng, detail, format, args...)
	f.found[len(f.found)-1].Severity = pipeline.Warning
}

// veiled takes the source out of what was found last: its line holds what must not be shown.
func (f *finder) veiled() { f.found[len(f.found)-1].Range.Start.Byte = -1 }

// hcl takes over what HCL found, in our manner of writing.
func (f *finder) hcl(list hcl.Diagnostics) {
	for _, d := range list {
		var rng hcl.Range
		if d.Subject != nil {
			rng = *d.Subject
		}
		summary, detail := lowerFirst(strings.TrimSuffix(d.Summary, ".")), d.Detail
		if _, why, ok := strings.Cut(detail, "\" failed: "); ok && summary == "error in function call" {
			summary, detail = strings.TrimSuffix(why, "."), ""
		}
		f.fail(rng, detail, "%s", summary)
	}
}

// sorted gives what was found in the order of the file, each once.
func (f *finder) sorted() pipeline.Diagnostics {
	slices.SortStableFunc(f.found, func(a, b pipeline.Diagnostic) int {
		x, y := a.Range.Start, b.Range.Start
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column), cmp.Compare(a.Summary, b.Summary))
	})
	return slices.Compact(f.found)
}

func rangeOf(r hcl.Range) pipeline.Range {
	return pipeline.Range{File: r.Filename, Start: posOf(r.Start), End: posOf(r.End)}
}

func posOf(p hcl.Pos) pipeline.Pos { return pipeline.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// lowerFirst leaves a word of capitals, such as HCL, as it is.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if n == 0 || unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}
