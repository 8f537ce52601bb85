// Package testfile owns the language of test files: x.test.hcl beside x.hcl says what nodes give instead of working, and what the
// run must come to. It reads them and checks them against their pipelines; package pipetest runs them. Its words beside
// those of the house: a suite is a test file, a run block one run in it, a mock what stands in for a node.
package testfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
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

	// Mocks stand in for nodes in all its run blocks.
	Mocks []*Mock

	types []sdk.NodeType // from recorded files, for machines that lack them
	files *library.Files // what file() reads
}

// Run is one run block: a run of a pipeline with mocks, and what it must come to.
type Run struct {
	Name  string
	Range diagnostic.Range

	File        string // of the pipeline, as it can be opened
	FileRange   hcl.Range
	Inputs      hclsyntax.Expression // nil: none
	Mocks       []*Mock
	Answers     []*Answer
	Expect      Expect
	Diagnostics []Expected // not nil: the pipeline or its inputs must be refused
}

// Expected is text that has to appear, and where the test file says so.
type Expected struct {
	Text  string
	Range hcl.Range
}

// Read reads a test file and the recorded files that it names. The suite is nil when there are errors.
func Read(file string) (*Suite, diagnostic.Diagnostics) {
	var f finder
	at := diagnostic.Range{File: file}
	src, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.at(at, "a test file is called after its pipeline: x.test.hcl beside x.hcl", "there is no file %s", file)
	case err != nil:
		f.at(at, "", "%s", err)
	default:
		return Parse(file, src)
	}
	return nil, f.found
}

// Parse is Read for a text that may not be saved yet.
func Parse(file string, src []byte) (*Suite, diagnostic.Diagnostics) {
	d := &decoder{suite: &Suite{File: file, files: &library.Files{}}, dir: filepath.Dir(file), recorded: map[string]*recording.Recording{}}
	if len(src) > maxFile {
		d.at(diagnostic.Range{File: file}, "give large data as artifact(\"…\")", "%s is larger than %s", file, sdk.FormatSize(maxFile))
	} else {
		d.file(src)
	}
	if d.found.HasErrors() {
		return nil, d.found
	}
	return d.suite, d.found
}

// Pipeline is the pipeline that a test file stands beside.
func Pipeline(file string) string { return strings.TrimSuffix(file, Extension) + ".hcl" }

// Source gives a file's bytes for the snippets of diagnostics; nil when it cannot be read.
func Source(file string) []byte {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return src
}
