package main

import (
	"context"
	"fmt"
	"os"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk/client"
)

// checkTest checks a test file and its pipelines without running them, as validate does with a pipeline.
func (p *program) checkTest(ctx context.Context, file string) (client.Checked, error) {
	bench, done, err := p.bench(ctx)
	if err != nil {
		return client.Checked{}, err
	}
	defer done()
	suite, diags := testfile.Read(file)
	if suite != nil {
		_, more := bench.Check(suite, nil)
		diags = append(diags, more...)
	}
	out := client.Checked{Version: client.ShapeVersion, Valid: !diags.HasErrors(), Diagnostics: []client.Diagnostic{}}
	for _, d := range diags {
		out.Diagnostics = append(out.Diagnostics, client.Diagnostic{Severity: string(d.Severity), Summary: d.Summary, Detail: d.Detail,
			Range: client.Range{File: d.Range.File, Start: position(d.Range.Start), End: position(d.Range.End)}})
	}
	if p.json {
		return out, nil
	}
	diags.Write(os.Stderr, testfile.Source, styleOf(os.Stderr).Colour)
	if out.Valid {
		fmt.Printf("%s: valid (%s)\n", file, counted(len(suite.Runs), "run block", "run blocks"))
	}
	return out, nil
}

func position(p diagnostic.Pos) client.Position {
	return client.Position{Line: p.Line, Column: p.Column, Byte: p.Byte}
}
