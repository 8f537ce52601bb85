package testfile

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// finder gathers what is wrong with a test file.
type finder struct{ found diagnostic.Diagnostics }

func (f *finder) at(rng diagnostic.Range, detail, format string, args ...any) {
	f.found = append(f.found, diagnostic.Diagnostic{Severity: diagnostic.Error, Summary: fmt.Sprintf(format, args...), Detail: detail, Range: rng})
}

func (f *finder) fail(rng hcl.Range, detail, format string, args ...any) {
	f.at(RangeOf(rng), detail, format, args...)
}

func (f *finder) warn(rng hcl.Range, detail, format string, args ...any) {
	f.fail(rng, detail, format, args...)
	f.found[len(f.found)-1].Severity = diagnostic.Warning
}

func (f *finder) hcl(list hcl.Diagnostics) {
	for _, d := range list {
		var rng hcl.Range
		if d.Subject != nil {
			rng = *d.Subject
		}
		f.fail(rng, d.Detail, "%s", lowerFirst(strings.TrimSuffix(d.Summary, ".")))
		if d.Severity == hcl.DiagWarning {
			f.found[len(f.found)-1].Severity = diagnostic.Warning
		}
	}
}

// RangeOf gives a range of HCL as diagnostics have it.
func RangeOf(r hcl.Range) diagnostic.Range {
	return diagnostic.Range{File: r.Filename, Start: posOf(r.Start), End: posOf(r.End)}
}

func posOf(p hcl.Pos) diagnostic.Pos {
	return diagnostic.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte}
}

// lowerFirst leaves a word of capitals, such as HCL, as it is.
func lowerFirst(s string) string {
	r := []rune(s)
	if len(r) > 0 && (len(r) == 1 || !unicode.IsUpper(r[1])) {
		r[0] = unicode.ToLower(r[0])
	}
	return string(r)
}

// Diagnostics gives what HCL found as diagnostics of a test file.
func Diagnostics(list hcl.Diagnostics) diagnostic.Diagnostics {
	var f finder
	f.hcl(list)
	return f.found
}
