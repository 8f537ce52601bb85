package pipeline

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

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// MaxFile is the size limit of a pipeline file in bytes: 10,000 nodes take a quarter of it.
const MaxFile = 16 << 20

// loader gathers what one Load finds.
type loader struct {
	fsys  fs.FS
	file  string
	src   []byte
	body  *hclsyntax.Body
	types Types
	diags Diagnostics
	p     *Pipeline

	blocks    []*hclsyntax.Block // of nodes, beside p.Nodes
	typeNames []string
	known     map[string]sdk.NodeType // shared with the loaders of modules, as modules are
	modules   map[string]*Pipeline    // by file; nil: it has errors
	assets    *assets                 // shared too
	stack     []string                // the files from the run's pipeline down to this one
	typed     map[string]inferred     // of nodes and locals
	private   bool                    // something in the file may be sensitive
	constants map[string]inferred     // of locals
	guessed   map[string]bool         // node.input, for which another name was written
	subject   string                  // what a constant is read for
}

func (l *loader) add(severity Severity, rng Range, detail, format string, args ...any) {
	l.diags = append(l.diags, Diagnostic{Severity: severity, Summary: fmt.Sprintf(format, args...), Detail: detail, Range: rng})
}

func (l *loader) fail(rng hcl.Range, detail, format string, args ...any) {
	l.add(Error, rangeOf(rng), detail, format, args...)
}

func (l *loader) hcl(found hcl.Diagnostics) { l.diags = append(l.diags, fromHCL(found)...) }

func (l *loader) load() *Pipeline {
	if !l.source() {
		return nil
	}
	body := l.parse()
	if body == nil {
		return nil
	}
	l.p = &Pipeline{
		Language: 1, assets: l.assets, locals: map[string]*local{}, variables: map[string]*Variable{}, nodes: map[string]*Node{},
	}
	l.p.functions = expr.Table(&l.p.files)
	l.p.functions["asset"] = expr.AssetFunction(l.assets.value)
	l.body = body
	l.decode(body)
	l.resolve()
	l.check()
	if len(l.stack) == 1 {
		l.checkAssets()
	}
	l.p.bundle = l.bundle()
	return l.p
}

// source takes the file in and refuses what cannot be a pipeline, each case in its own words.
func (l *loader) source() bool {
	at := Range{File: l.file}
	if !fs.ValidPath(l.file) {
		l.add(Error, at, "give the path of an .hcl file", "%q is no path within the folder", l.file)
		return false
	}
	data, err := readFile(l.fsys, l.file)
	first := Range{File: l.file, Start: Pos{Line: 1, Column: 1}, End: Pos{Line: 1, Column: 1}}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.add(Error, at, "check the path; a pipeline is a file that ends in .hcl", "there is no file %s", l.file)
	case err != nil:
		l.add(Error, at, err.Error(), "%s cannot be read", l.file)
	case len(data) > MaxFile:
		l.add(Error, at, fmt.Sprintf("a pipeline file has at most %d MiB; give large data to a run as artifacts", MaxFile>>20), "%s is too large", l.file)
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		l.add(Error, first, "save the file as UTF-8 without it", "the file begins with a byte order mark")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		l.add(Error, first, "save the file as UTF-8", "the file is written in UTF-16")
	case !utf8.Valid(data), bytes.IndexByte(data, 0) >= 0:
		l.add(Error, at, "a pipeline is a text file in UTF-8; give binary files to a run as artifacts", "%s is not a text file", l.file)
	case len(bytes.TrimSpace(data)) == 0:
		l.add(Error, first, "a pipeline begins with a block such as: pipeline \"film\" {}", "the file is empty")
	default:
		l.src = data
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
func (l *loader) parse() *hclsyntax.Body {
	f, found := expr.ParseConfig(l.src, l.file)
	body, _ := f.Body.(*hclsyntax.Body)
	if body != nil && !found.HasErrors() {
		found = expr.CheckNumbers(body)
		if !found.HasErrors() {
			return body
		}
		body = nil
	}
	if body == nil {
		l.hcl(found)
		return nil
	}
	if !slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool { return slices.Contains(blockNames, b.Type) }) {
		d := fromHCL(found)[0]
		l.add(Error, d.Range, fmt.Sprintf("%s\na pipeline begins with a block such as: pipeline \"film\" {}", l.guess(d)), "%s is not a pipeline in HCL", path.Base(l.file))
		return nil
	}
	lines, summaries := map[int]bool{}, map[string]bool{}
	for _, d := range fromHCL(found) {
		if !lines[d.Range.Start.Line] && !summaries[d.Summary] { // what follows from an error is not another one
			lines[d.Range.Start.Line], summaries[d.Summary] = true, true
			l.diags = append(l.diags, d)
		}
	}
	return nil
}

// guess says what a file that is not HCL looks like.
func (l *loader) guess(d Diagnostic) string {
	switch text := bytes.TrimSpace(l.src); {
	case text[0] == '{' || text[0] == '[':
		return "it looks like JSON"
	case text[0] == '<':
		return "it looks like XML or HTML"
	case bytes.HasPrefix(text, []byte("---")):
		return "it looks like YAML"
	}
	return strings.ReplaceAll(d.Detail, "\n", " ")
}

// nodeType looks a node type up once.
func (l *loader) nodeType(name string) (sdk.NodeType, bool) {
	if t, ok := l.known[name]; ok {
		return t, t.Name != ""
	}
	t, ok := l.types.NodeType(name)
	if !ok {
		t = sdk.NodeType{}
	}
	l.known[name] = t
	return t, ok
}
