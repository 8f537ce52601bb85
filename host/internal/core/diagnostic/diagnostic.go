// Package diagnostic is what is wrong with a file or with the values given to it, each with the place where it stands, and how that
// is shown to people.
package diagnostic

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// Severity says whether a diagnostic keeps the pipeline from running.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Pos is a place in a file: line and column count from 1, Byte from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Range is a stretch of a file, its end excluded. The zero Range points nowhere.
type Range struct {
	File  string `json:"file"`
	Start Pos    `json:"start"`
	End   Pos    `json:"end"`
}

// String gives file:line:column.
func (r Range) String() string {
	if r.Start.Line == 0 {
		return r.File
	}
	return fmt.Sprintf("%s:%d:%d", r.File, r.Start.Line, r.Start.Column)
}

// Diagnostic is one thing that is wrong with a pipeline or with the values given to it.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// Summary is one line, lower case, no trailing stop.
	Summary string `json:"summary"`
	// Detail says more, what is known instead and what to do; may have several lines.
	Detail string `json:"detail,omitempty"`
	Range  Range  `json:"range"`
}

// String gives the place, the summary and the detail in one line.
func (d Diagnostic) String() string {
	s := d.Summary
	if at := d.Range.String(); at != "" {
		s = at + ": " + s
	}
	if d.Severity == Warning {
		s = "warning: " + s
	}
	if d.Detail != "" {
		s += ": " + strings.ReplaceAll(d.Detail, "\n", "; ")
	}
	return s
}

// Diagnostics are all that was found, in the order of the file, each once.
type Diagnostics []Diagnostic

// HasErrors says whether any is an error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Error gives one line for each; Diagnostics can be returned as an error where there is no terminal.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i := range ds {
		lines[i] = ds[i].String()
	}
	return strings.Join(lines, "\n")
}

// Sorted puts the diagnostics into the order of the file and drops doubles.
func (ds Diagnostics) Sorted() Diagnostics {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Range.File, b.Range.File), a.Range.Start.Byte-b.Range.Start.Byte)
	})
	seen := map[Diagnostic]bool{}
	return slices.DeleteFunc(ds, func(d Diagnostic) bool {
		twice := seen[d]
		seen[d] = true
		return twice
	})
}

// RangeOf takes a range of HCL over.
func RangeOf(r hcl.Range) Range {
	return Range{File: r.Filename, Start: posOf(r.Start), End: posOf(r.End)}
}

func posOf(p hcl.Pos) Pos { return Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// FromHCL takes over what HCL found, in our manner of writing.
func FromHCL(found hcl.Diagnostics) Diagnostics {
	var ds Diagnostics
	for _, f := range found {
		d := Diagnostic{Severity: Error, Summary: lowerFirst(strings.TrimSuffix(f.Summary, ".")), Detail: f.Detail}
		if f.Severity == hcl.DiagWarning {
			d.Severity = Warning
		}
		if f.Subject != nil {
			d.Range = RangeOf(*f.Subject)
		}
		ds = append(ds, d)
	}
	return ds
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// Write shows the diagnostics as a compiler would: place, source line, carets, help. sources gives a file's bytes, or
// nil when it has none; it may be nil itself.
func (ds Diagnostics) Write(w io.Writer, sources func(file string) []byte, colour bool) {
	p := printer{paint: func(_, s string) string { return s }}
	if colour {
		p.paint = func(code, s string) string { return "\x1b[" + code + "m" + s + "\x1b[0m" }
	}
	for i, d := range ds {
		if i > 0 {
			p.buf.WriteByte('\n')
		}
		var src []byte
		if sources != nil && d.Range.Start.Line > 0 {
			src = sources(d.Range.File)
		}
		p.print(d, src)
	}
	_, _ = w.Write(p.buf.Bytes()) // a terminal that is gone cannot be told
}

// Codes of the colours used.
const (
	red    = "1;31"
	yellow = "1;33"
	blue   = "1;34"
	bold   = "1"
)

type printer struct {
	buf   bytes.Buffer
	paint func(code, s string) string
}

func (p *printer) print(d Diagnostic, src []byte) {
	code := red
	if d.Severity == Warning {
		code = yellow
	}
	fmt.Fprintf(&p.buf, "%s%s\n", p.paint(code, string(d.Severity)), p.paint(bold, ": "+d.Summary))
	number := fmt.Sprint(d.Range.Start.Line)
	margin := strings.Repeat(" ", len(number))
	if at := d.Range.String(); at != "" {
		fmt.Fprintf(&p.buf, "%s%s %s\n", margin, p.paint(blue, "-->"), at)
	}
	if line, before, width, ok := snippet(src, d.Range); ok {
		bar := p.paint(blue, "|")
		fmt.Fprintf(&p.buf, "%s %s\n%s %s %s\n", margin, bar, p.paint(blue, number), bar, line)
		fmt.Fprintf(&p.buf, "%s %s %s%s\n", margin, bar, before, p.paint(code, strings.Repeat("^", width)))
	}
	for i, line := range strings.Split(d.Detail, "\n") {
		switch {
		case line == "":
		case i == 0:
			fmt.Fprintf(&p.buf, "%s %s %s\n", margin, p.paint(blue, "="), line)
		default:
			fmt.Fprintf(&p.buf, "%s   %s\n", margin, line)
		}
	}
}

// longest line shown whole; of a longer one the part around the place is shown.
const longestLine = 160

// snippet cuts out the source line, the white space that leads to the place, and how many carets to draw.
func snippet(src []byte, r Range) (line, before string, width int, ok bool) {
	at := r.Start.Byte
	if r.Start.Line == 0 || at < 0 || at > len(src) || src == nil {
		return "", "", 0, false
	}
	from := bytes.LastIndexByte(src[:at], '\n') + 1
	to := len(src)
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		to = at + i
	}
	end := min(max(r.End.Byte, at), to)
	lead := ""
	if at-from > longestLine/2 {
		from, lead = at-longestLine/4, "…"
	}
	tail := ""
	if to-from > longestLine {
		to, tail = from+longestLine, "…"
	}
	end = min(end, to)
	text := strings.TrimRightFunc(printable(src[from:to]), unicode.IsSpace)
	return lead + text + tail, padding(lead + printable(src[from:at])), max(1, columns(printable(src[at:end]))), true
}

// printable replaces what would disturb a terminal; tabs become two spaces.
func printable(b []byte) string {
	s := strings.ReplaceAll(string(b), "\t", "  ")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '·'
		}
		return r
	}, s)
}

func padding(s string) string { return strings.Repeat(" ", columns(s)) }

// columns counts terminal cells: wide East Asian characters and pictures take two, combining marks none.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
			r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
			r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
			n += 2
		default:
			n++
		}
	}
	return n
}

// ShortList lists names for a detail, at most twelve of them.
func ShortList(names []string) string {
	if len(names) > 12 {
		return strings.Join(names[:12], ", ") + fmt.Sprintf(" and %d more", len(names)-12)
	}
	return strings.Join(names, ", ")
}

// One is an error by itself.
func One(rng Range, detail, format string, args ...any) Diagnostics {
	return Diagnostics{{Severity: Error, Summary: fmt.Sprintf(format, args...), Detail: detail, Range: rng}}
}

// In puts an instance's address before every summary.
func (ds Diagnostics) In(address string) Diagnostics {
	for i := range ds {
		ds[i].Summary = address + ": " + ds[i].Summary
	}
	return ds
}
