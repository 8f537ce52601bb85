package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/pipetest"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk/client"
)

// testReport tells how test files went: results on standard output, mistakes in the files on standard error.
type testReport struct {
	style progress.Style
	quiet bool // only gather

	files                   []pipetest.FileResult
	names                   []string // of all run blocks, chosen or not
	passed, failed, invalid int
}

func (t *testReport) add(f pipetest.FileResult) {
	passed, failed := f.Count()
	t.passed, t.failed = t.passed+passed, t.failed+failed
	t.names = append(t.names, f.Names...)
	if !f.Valid() {
		t.invalid++
	}
	if f.Valid() && len(f.Runs) == 0 {
		return // none of its blocks was chosen
	}
	t.files = append(t.files, f)
	if t.quiet {
		return
	}
	f.Diagnostics.Write(os.Stderr, testfile.Source, styleOf(os.Stderr).Colour)
	if !f.Valid() {
		fmt.Printf("%s\n  %s\n", t.style.Bold(f.File), t.style.Bad(t.style.Mark("failed")+" not valid"))
		return
	}
	fmt.Println(t.style.Bold(f.File))
	width := 0
	for _, r := range f.Runs {
		width = max(width, runewidth.StringWidth(r.Name))
	}
	for _, r := range f.Runs {
		t.run(r, width)
	}
}

func (t *testReport) run(r pipetest.Result, width int) {
	state := "succeeded"
	if !r.Passed {
		state = "failed"
	}
	pad := strings.Repeat(" ", width-runewidth.StringWidth(r.Name))
	fmt.Printf("  %s %s%s  %s\n", t.style.Mark(state), r.Name, pad, t.style.Dim(short(time.Duration(r.Seconds*float64(time.Second)))))
	if r.Passed {
		return
	}
	var list diagnostic.Diagnostics
	for _, f := range r.Failures {
		list = append(list, f.Diagnostic())
	}
	var b bytes.Buffer
	list.Write(&b, testfile.Source, t.style.Colour)
	for line := range strings.Lines(b.String()) {
		if strings.TrimSpace(line) != "" {
			line = "    " + line
		}
		fmt.Print(line)
	}
}

// short writes how long something took; what is mocked takes milliseconds.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return progress.Elapsed(d)
}

// summary is the last line.
func (t *testReport) summary(took time.Duration) {
	var parts []string
	if t.passed > 0 || t.failed+t.invalid == 0 {
		parts = append(parts, t.style.Good(fmt.Sprintf("%d passed", t.passed)))
	}
	if t.failed > 0 {
		parts = append(parts, t.style.Bad(fmt.Sprintf("%d failed", t.failed)))
	}
	if t.invalid > 0 {
		parts = append(parts, t.style.Bad(fmt.Sprintf("%d not valid", t.invalid)))
	}
	fmt.Printf("\n%s  %s\n", strings.Join(parts, ", "), t.style.Dim("in "+short(took)))
}

func (t *testReport) json() error {
	files := t.files
	if files == nil {
		files = []pipetest.FileResult{}
	}
	return printJSON(map[string]any{"version": client.ShapeVersion, "passed": t.passed, "failed": t.failed, "invalid": t.invalid, "files": files})
}
