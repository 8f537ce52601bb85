package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/sdk/client"
)

// diagnosed shows the diagnostics of an invalid pipeline with their source, and marks the error as told.
func diagnosed(err error, file string, src client.Source) error {
	var p *client.Problem
	if !errors.As(err, &p) || len(p.Diagnostics) == 0 {
		return err
	}
	writeDiagnostics(p.Diagnostics, file, src)
	return errInvalid
}

// writeDiagnostics shows diagnostics whose files are relative to the folder of the pipeline file, with their lines.
func writeDiagnostics(list []client.Diagnostic, file string, src client.Source) {
	dir := filepath.Dir(file)
	if file == "-" {
		dir = "."
	}
	var out diagnostic.Diagnostics
	for _, d := range list {
		r := diagnostic.Range{
			File:  d.Range.File,
			Start: diagnostic.Pos{Line: d.Range.Start.Line, Column: d.Range.Start.Column, Byte: d.Range.Start.Byte},
			End:   diagnostic.Pos{Line: d.Range.End.Line, Column: d.Range.End.Column, Byte: d.Range.End.Byte},
		}
		if r.File != "" && file != "-" {
			r.File = filepath.Join(dir, r.File)
		}
		severity := diagnostic.Error
		if d.Severity == "warning" {
			severity = diagnostic.Warning
		}
		out = append(out, diagnostic.Diagnostic{Severity: severity, Summary: d.Summary, Detail: d.Detail, Range: r})
	}
	out.Write(os.Stderr, func(name string) []byte {
		if src.Text != "" && name == src.Name {
			return []byte(src.Text)
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		return raw
	}, styleOf(os.Stderr).Colour)
}
