package shape

import (
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Diagnostics are shown one by one.
func Diagnostics(list diagnostic.Diagnostics) []client.Diagnostic {
	out := []client.Diagnostic{}
	for _, d := range list {
		out = append(out, client.Diagnostic{Severity: string(d.Severity), Summary: d.Summary, Detail: d.Detail, Range: Range(d.Range)})
	}
	return out
}

// Range is a place in a file.
func Range(r diagnostic.Range) client.Range {
	position := func(p diagnostic.Pos) client.Position {
		return client.Position{Line: p.Line, Column: p.Column, Byte: p.Byte}
	}
	return client.Range{File: r.File, Start: position(r.Start), End: position(r.End)}
}

// Invalid is a problem with what is wrong with a file or with inputs.
func Invalid(code string, list diagnostic.Diagnostics) error {
	return &client.Problem{Code: code, Detail: list.Error(), Diagnostics: Diagnostics(list)}
}
