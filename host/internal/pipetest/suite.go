// Package pipetest tests pipelines without their machines: a file x.test.hcl beside x.hcl says what nodes give instead
// of working, and what the run must come to. It owns the language of test files (Suite), the mocks, and the comparison
// of a run with what was expected; runs go through the real engine, on a journal in memory. Its words beside those of
// the house: a suite is a test file, a run block one run in it, a mock what stands in for a node. It refuses to guess:
// a plugin's node that is not mocked fails the run block, whatever that expected.
package pipetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/recording"
	"github.com/myspinbot/spinbot/sdk"
)

// Extension is how the name of a test file ends; what stands before it, and ".hcl", is the pipeline beside it.
const Extension = ".test.hcl"

// maxFile is the size limit of a test file in bytes.
const maxFile = 4 << 20

// Suite is what one test file declares. It is not changed after Parse.
type Suite struct {
	// File is the test file's path, as it was given to Parse.
	File string
	// Runs stand in the order of the file.
	Runs []*Run

	mocks []*mock
	types []sdk.NodeType // from recorded files, for machines that lack them
	files *expr.Files    // what file() reads
}

// Run is one run block: a run of a pipeline with mocks, and what it must come to.
type Run struct {
	Name  string
	Range pipeline.Range

	file        string // of the pipeline, as it can be opened
	fileRange   hcl.Range
	inputs      hclsyntax.Expression // nil: none
	mocks       []*mock
	answers     []*answer
	expect      expect
	diagnostics []expected // not nil: the pipeline or its inputs must be refused
}

// expected is text that has to appear, and where the test file says so.
type expected struct {
	text string
	rng  hcl.Range
}

// Parse reads a test file and the recorded files that it names. The suite is nil when there are errors.
func Parse(file string) (*Suite, pipeline.Diagnostics) {
	d := &decoder{suite: &Suite{File: file, files: &expr.Files{}}, dir: filepath.Dir(file), recorded: map[string]*recording.Recording{}}
	at := pipeline.Range{File: file}
	src, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.at(at, "a test file is called after its pipeline: x.test.hcl beside x.hcl", "there is no file %s", file)
	case err != nil:
		d.at(at, "", "%s", err)
	case len(src) > maxFile:
		d.at(at, "give large data as artifact(\"…\")", "%s is larger than %s", file, sdk.FormatSize(maxFile))
	default:
		d.file(src)
	}
	if d.found.HasErrors() {
		return nil, d.found
	}
	return d.suite, d.found
}

// pipelineOf is the pipeline that a test file stands beside.
func pipelineOf(file string) string { return strings.TrimSuffix(file, Extension) + ".hcl" }

// Source gives a file's bytes for the snippets of diagnostics; nil when it cannot be read.
func Source(file string) []byte {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return src
}
