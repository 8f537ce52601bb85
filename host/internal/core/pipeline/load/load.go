// Package load turns the bytes of an .hcl file into a checked Pipeline, or into diagnostics with ranges, all at once: it has the
// file decoded, and finds what every expression refers to and whether its type fits.
package load

import (
	"cmp"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/decode"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// checker checks one file: what its expressions refer to, and their types.
type checker struct {
	*decode.Decoder
	private bool                 // something in the file may be sensitive
	typed   map[string]cty.Value // of nodes and locals
}

// Load reads a pipeline file from fsys, checks all that can be checked before a run, and gives everything found, in
// the order of the file. Files named by file() and templatefile() are read from the folder of the pipeline's file. The
// pipeline may be run when there are no errors among the diagnostics; it is nil when the file could not be read as
// HCL at all.
func Load(fsys fs.FS, file string, types pipeline.Types) (*pipeline.Pipeline, diagnostic.Diagnostics) {
	l := newChecker(fsys, file, types, pipeline.NewAssets(types))
	p := l.pipeline()
	return p, l.Diags.Sorted()
}

func newChecker(fsys fs.FS, file string, types pipeline.Types, assets *pipeline.Assets) *checker {
	l := &checker{typed: map[string]cty.Value{}}
	l.Decoder = decode.New(syntax.New(fsys, file, assets), types, l.module)
	return l
}

// module loads a module of the file.
func (l *checker) module(file string, stack []string) (*pipeline.Pipeline, diagnostic.Diagnostics) {
	c := newChecker(l.FS, file, l.Types, l.Assets)
	c.Within(l.Decoder, stack)
	p := c.pipeline()
	return p, c.Diags
}

// pipeline makes a pipeline of the file; nil when it could not be read.
func (l *checker) pipeline() *pipeline.Pipeline {
	body := l.Body()
	if body == nil {
		return nil
	}
	l.Decode(body)
	l.resolve()
	l.private = l.hasPrivate(body)
	l.check()
	if len(l.Stack) == 1 {
		l.checkAssets()
	}
	l.Pipeline.SetBundle(l.bundle())
	return l.Pipeline
}

// bundle gathers what the pipeline is made of.
func (l *checker) bundle() pipeline.Bundle {
	b := pipeline.Bundle{File: l.File, Files: map[string][]byte{l.File: l.Src}}
	for name, content := range l.Pipeline.Files.All() {
		b.Files[path.Join(path.Dir(l.File), name)] = []byte(content)
	}
	for _, t := range l.Pipeline.Triggers {
		for _, name := range t.Files {
			b.Named = pipeline.Union(b.Named, []string{path.Join(path.Dir(l.File), name)})
		}
	}
	for _, m := range l.Modules {
		if m != nil {
			maps.Copy(b.Files, m.Bundle().Files)
		}
	}
	b.Assets = l.Assets.Pinned()
	for _, t := range l.Known {
		if t.Name != "" {
			b.Types = append(b.Types, t)
		}
	}
	slices.SortFunc(b.Types, func(x, y sdk.NodeType) int { return cmp.Compare(x.Name, y.Name) })
	return b
}
