// Package syntax is what a pipeline file is made of: its text, blocks and labels, attributes that are constants, the files that it
// names, and its canonical form. What blocks mean is decided elsewhere.
package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// MaxFile is the size limit of a pipeline file in bytes: 10,000 nodes take a quarter of it.
const MaxFile = 16 << 20

// Reader reads one file: its text, and what stands in its blocks. It gathers what is wrong.
type Reader struct {
	FS        fs.FS
	File      string
	Src       []byte
	Pipeline  *pipeline.Pipeline // that the file becomes
	Assets    *pipeline.Assets   // shared with the readers of modules
	Diags     diagnostic.Diagnostics
	constants map[string]inferred // of locals
	Subject   string              // what a constant is read for
}

// New begins to read a file. assets are those of the pipeline that is run.
func New(fsys fs.FS, file string, assets *pipeline.Assets) *Reader {
	r := &Reader{FS: fsys, File: file, Pipeline: pipeline.New(), Assets: assets, constants: map[string]inferred{}}
	r.Pipeline.Functions = library.Table(&r.Pipeline.Files)
	r.Pipeline.Functions["asset"] = library.AssetFunction(assets.Value)
	r.Pipeline.Used = assets
	return r
}

// Add notes one thing that is wrong. format is the summary's.
func (l *Reader) Add(severity diagnostic.Severity, rng diagnostic.Range, detail, format string, args ...any) {
	l.Diags = append(l.Diags, diagnostic.Diagnostic{Severity: severity, Summary: fmt.Sprintf(format, args...), Detail: detail, Range: rng})
}

// Fail notes an error.
func (l *Reader) Fail(rng hcl.Range, detail, format string, args ...any) {
	l.Add(diagnostic.Error, diagnostic.RangeOf(rng), detail, format, args...)
}

// HCL takes over what HCL has found.
func (l *Reader) HCL(found hcl.Diagnostics) { l.Diags = append(l.Diags, diagnostic.FromHCL(found)...) }

// Body reads the file; nil when there is nothing of it to go on with.
func (l *Reader) Body() *hclsyntax.Body {
	if !l.source() {
		return nil
	}
	return l.parse()
}

// source takes the file in and refuses what cannot be a pipeline, each case in its own words.
func (l *Reader) source() bool {
	at := diagnostic.Range{File: l.File}
	if !fs.ValidPath(l.File) {
		l.Add(diagnostic.Error, at, "give the path of an .hcl file", "%q is no path within the folder", l.File)
		return false
	}
	data, err := readFile(l.FS, l.File)
	first := diagnostic.Range{File: l.File, Start: diagnostic.Pos{Line: 1, Column: 1}, End: diagnostic.Pos{Line: 1, Column: 1}}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.Add(diagnostic.Error, at, "check the path; a pipeline is a file that ends in .hcl", "there is no file %s", l.File)
	case err != nil:
		l.Add(diagnostic.Error, at, err.Error(), "%s cannot be read", l.File)
	case len(data) > MaxFile:
		l.Add(diagnostic.Error, at, fmt.Sprintf("a pipeline file has at most %d MiB; give large data to a run as artifacts", MaxFile>>20), "%s is too large", l.File)
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		l.Add(diagnostic.Error, first, "save the file as UTF-8 without it", "the file begins with a byte order mark")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		l.Add(diagnostic.Error, first, "save the file as UTF-8", "the file is written in UTF-16")
	case !utf8.Valid(data), bytes.IndexByte(data, 0) >= 0:
		l.Add(diagnostic.Error, at, "a pipeline is a text file in UTF-8; give binary files to a run as artifacts", "%s is not a text file", l.File)
	case len(bytes.TrimSpace(data)) == 0:
		l.Add(diagnostic.Error, first, "a pipeline begins with a block such as: pipeline \"film\" {}", "the file is empty")
	default:
		l.Src = data
		return true
	}
	return false
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.New("it is a folder, not a file")
	}
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// parse gives the file's body. After a syntax error nothing else is checked: what follows from it would only confuse.
func (l *Reader) parse() *hclsyntax.Body {
	f, found := expr.ParseConfig(l.Src, l.File)
	body, _ := f.Body.(*hclsyntax.Body)
	if body != nil && !found.HasErrors() {
		found = expr.CheckNumbers(body)
		if !found.HasErrors() {
			return body
		}
		body = nil
	}
	if body == nil {
		l.HCL(found)
		return nil
	}
	if !slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool { return slices.Contains(BlockNames, b.Type) }) {
		d := diagnostic.FromHCL(found)[0]
		l.Add(diagnostic.Error, d.Range, fmt.Sprintf("%s\na pipeline begins with a block such as: pipeline \"film\" {}", l.guess(d)), "%s is not a pipeline in HCL", path.Base(l.File))
		return nil
	}
	lines, summaries := map[int]bool{}, map[string]bool{}
	for _, d := range diagnostic.FromHCL(found) {
		if !lines[d.Range.Start.Line] && !summaries[d.Summary] { // what follows from an error is not another one
			lines[d.Range.Start.Line], summaries[d.Summary] = true, true
			l.Diags = append(l.Diags, d)
		}
	}
	return nil
}

// guess says what a file that is not HCL looks like.
func (l *Reader) guess(d diagnostic.Diagnostic) string {
	switch text := bytes.TrimSpace(l.Src); {
	case text[0] == '{' || text[0] == '[':
		return "it looks like JSON"
	case text[0] == '<':
		return "it looks like XML or HTML"
	case bytes.HasPrefix(text, []byte("---")):
		return "it looks like YAML"
	}
	return strings.ReplaceAll(d.Detail, "\n", " ")
}
