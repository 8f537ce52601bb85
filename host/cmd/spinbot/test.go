package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/pipetest"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
)

// testInput is what the test command was given besides the paths.
type testInput struct {
	run    string
	junit  string
	record string
	out    string
	copied string
}

func (p *program) testCommand() *cobra.Command {
	var in testInput
	c := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Test pipelines with mocks instead of plugins",
		Long: "Runs the run blocks of test files: x.test.hcl stands beside x.hcl. A PATH is a test file, a pipeline that has one,\n" +
			"or a folder; without any, every test file in this folder and below is run. Plugins are mocked, so neither they\n" +
			"nor a GPU are needed; control nodes run for real unless they are mocked too.\n\n" +
			"--record writes what the nodes of a finished run gave, for mocks with recorded = \"FILE\". Outputs in which\n" +
			"something is sensitive are left out; the mock gives them: outputs = { name = … }.",
		Example: "  spinbot test\n  spinbot test pipelines/explainer.hcl --run \"three scenes\"\n  spinbot test --record last --out explainer/recorded.json",
		RunE: func(c *cobra.Command, args []string) error {
			if in.record != "" || in.out != "" {
				return p.record(c.Context(), in, args)
			}
			return p.test(c.Context(), args, in)
		},
	}
	f := c.Flags()
	f.StringVar(&in.run, "run", "", "run only the blocks whose name contains `NAME`")
	f.StringVar(&in.junit, "junit", "", "also write the results to `FILE` as JUnit XML")
	f.StringVar(&in.record, "record", "", "record a finished `RUN` instead of testing")
	f.StringVar(&in.out, "out", "", "the `FILE` to record to; artifacts go into a folder of its name")
	f.StringVar(&in.copied, "copy", "256KiB", "the largest artifact to copy when recording")
	p.jsonFlag(c)
	return c
}

func (p *program) test(ctx context.Context, paths []string, in testInput) error {
	files, err := testFiles(paths)
	if err != nil {
		return err
	}
	bench, done, err := p.bench(ctx)
	if err != nil {
		return err
	}
	defer done()
	began := time.Now()
	places := make(chan struct{}, max(1, p.parallelism()))
	results := make([]chan pipetest.FileResult, len(files))
	for i, file := range files {
		results[i] = make(chan pipetest.FileResult, 1)
		go func() { results[i] <- testFile(ctx, bench, file, in.run, places) }()
	}
	report := &testReport{style: styleOf(os.Stdout), quiet: p.json}
	for _, r := range results {
		if f := <-r; ctx.Err() == nil { // what was broken off did not fail
			report.add(f)
		}
	}
	return p.tested(ctx, report, in, time.Since(began))
}

// tested ends a test: the summary, the files that were asked for, the exit code.
func (p *program) tested(ctx context.Context, report *testReport, in testInput, took time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if in.run != "" && report.passed+report.failed == 0 && report.invalid == 0 {
		return fmt.Errorf("no run block's name contains %q%s", in.run, expr.DidYouMean(in.run, report.names))
	}
	if in.junit != "" {
		if err := writeJUnit(in.junit, report.files, took); err != nil {
			return err
		}
	}
	if p.json {
		if err := report.json(); err != nil {
			return err
		}
	} else {
		report.summary(took)
	}
	switch {
	case report.invalid > 0:
		return errInvalid
	case report.failed > 0:
		return errTested
	}
	return nil
}

func (p *program) parallelism() int {
	if p.parallel > 0 {
		return p.parallel
	}
	return runtime.NumCPU()
}

// bench is what test files are run on; done gives it back.
func (p *program) bench(ctx context.Context) (*pipetest.Bench, func(), error) {
	state, err := local.At(p.stateDir)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := p.hostConfig(state, nil)
	if err != nil {
		return nil, nil, err
	}
	nodes, err := host.OpenNodes(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "spinbot-test-")
	if err != nil {
		return nil, nil, errors.Join(err, nodes.Close())
	}
	done := func() {
		_ = nodes.Close() // what it held goes with the process
		os.RemoveAll(dir)
	}
	b, err := pipetest.New(pipetest.Config{Types: nodes.View, Control: nodes.Control(), IsControl: nodes.IsControl, Dir: dir})
	if err != nil {
		done()
		return nil, nil, err
	}
	return b, done, nil
}

// testFile runs one test file; each run block takes a place.
func testFile(ctx context.Context, b *pipetest.Bench, file, only string, places chan struct{}) pipetest.FileResult {
	out := pipetest.FileResult{File: file}
	suite, diags := testfile.Read(file)
	out.Diagnostics = diags
	if suite == nil {
		return out
	}
	for _, r := range suite.Runs {
		out.Names = append(out.Names, r.Name)
	}
	places <- struct{}{}
	trial, diags := b.Check(suite, func(name string) bool { return strings.Contains(name, only) })
	<-places
	if out.Diagnostics = append(out.Diagnostics, diags...); out.Diagnostics.HasErrors() {
		return out
	}
	out.Runs = make([]pipetest.Result, trial.Runs())
	var blocks sync.WaitGroup
	for i := range out.Runs {
		places <- struct{}{}
		blocks.Go(func() {
			defer func() { <-places }()
			out.Runs[i] = trial.Run(ctx, i)
		})
	}
	blocks.Wait()
	return out
}

// testFiles finds the test files that the paths name.
func testFiles(paths []string) ([]string, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, missing(path)
		case err != nil:
			return nil, err
		case info.IsDir():
			found, err := testFilesIn(path)
			if err != nil {
				return nil, err
			}
			files = append(files, found...)
		case !strings.HasSuffix(path, testfile.Extension):
			beside := strings.TrimSuffix(path, ".hcl") + testfile.Extension
			if _, err := os.Stat(beside); err != nil {
				return nil, fmt.Errorf("%s has no test; write it as %s", path, beside)
			}
			files = append(files, beside)
		default:
			files = append(files, filepath.Clean(path))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no test file (*%s) in %s or below; write one beside a pipeline: film%s beside film.hcl",
			testfile.Extension, strings.Join(paths, ", "), testfile.Extension)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// testFilesIn walks a folder, but for hidden ones and node_modules.
func testFilesIn(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != dir && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules"):
			return filepath.SkipDir
		case !e.IsDir() && strings.HasSuffix(path, testfile.Extension):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}
