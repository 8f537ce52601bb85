package testfile

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
)

// Block is one run block with the pipeline that it runs.
type Block struct {
	Suite *Suite
	Run   *Run
	// Pipe belongs to this block alone; nil when it could not be read, as Diags say.
	Pipe  *pipeline.Pipeline
	Diags diagnostic.Diagnostics

	here pipeline.Types
}

// Open loads the pipeline of a path; its error says that there is none.
type Open func(file string, types pipeline.Types) (*pipeline.Pipeline, diagnostic.Diagnostics, error)

// OnDisk opens pipelines as they are saved.
func OnDisk(file string, types pipeline.Types) (*pipeline.Pipeline, diagnostic.Diagnostics, error) {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	if _, err := root.Stat(filepath.Base(file)); err != nil {
		return nil, nil, err
	}
	p, diags := load.Load(root.FS(), filepath.Base(file), types)
	return p, diags, nil
}

// Check loads the pipelines of the run blocks that only chooses (nil: all) and checks the blocks against them. here are the
// node types of this machine. Blocks whose diagnostics have errors must not run.
func (s *Suite) Check(here pipeline.Types, open Open, only func(name string) bool) ([]*Block, diagnostic.Diagnostics) {
	var blocks []*Block
	var f finder
	for _, r := range s.Runs {
		if only != nil && !only(r.Name) {
			continue
		}
		x := &Block{Suite: s, Run: r, here: here}
		blocks = append(blocks, x)
		x.load(&f, open)
		if x.Pipe == nil || x.Diags.HasErrors() {
			continue
		}
		x.check(&f)
	}
	if len(blocks) == len(s.Runs) && !f.found.HasErrors() {
		unused(&f, s, blocks)
	}
	slices.SortStableFunc(f.found, func(a, b diagnostic.Diagnostic) int {
		if a.Range.File != b.Range.File {
			return strings.Compare(a.Range.File, b.Range.File)
		}
		return a.Range.Start.Byte - b.Range.Start.Byte
	})
	seen := map[diagnostic.Diagnostic]bool{}
	return blocks, slices.DeleteFunc(f.found, func(d diagnostic.Diagnostic) bool {
		twice := seen[d] // mocks and pipelines are shared by run blocks
		seen[d] = true
		return twice
	})
}

// load reads the pipeline. Unless it is meant to be refused, its errors are the test file's.
func (b *Block) load(f *finder, open Open) {
	var err error
	known := types{b.here, b.Suite.types}
	if b.Pipe, b.Diags, err = open(b.Run.File, known); err == nil && b.Pipe != nil && len(b.Pipe.AssetRefs()) > 0 {
		b.Pipe, b.Diags, err = open(b.Run.File, stocked{known, asset.StandIn(b.Pipe.AssetRefs())})
	}
	if err != nil {
		f.fail(b.Run.FileRange, "x.test.hcl tests x.hcl beside it; name another with file = \"…\"", "there is no pipeline %s", b.Run.File)
		return
	}
	b.Diags = b.Placed(b.Diags)
	if b.Run.Diagnostics == nil && b.Diags.HasErrors() {
		f.found = append(f.found, b.explained(b.Diags)...)
	}
}

// Placed gives diagnostics the names of files as they can be opened from here.
func (b *Block) Placed(diags diagnostic.Diagnostics) diagnostic.Diagnostics {
	out := slices.Clone(diags)
	for i := range out {
		if file := &out[i].Range.File; *file != "" && *file != b.Suite.File {
			*file = filepath.Join(filepath.Dir(b.Run.File), *file)
		}
	}
	return out
}

// explained says how a test finds node types that this machine lacks.
func (b *Block) explained(diags diagnostic.Diagnostics) diagnostic.Diagnostics {
	out := slices.Clone(diags)
	for i := range out {
		if strings.HasPrefix(out[i].Summary, "unknown node type") {
			out[i].Detail = strings.TrimSpace(out[i].Detail + "\nwhere the plugin is not installed, " + b.Suite.File + " may take node types from a file:\n" +
				"types = \"types.json\", written by spinbot node-types --json, or by spinbot test --record")
		}
	}
	return out
}

// NodeType gives a node type of this machine, or one that was recorded.
func (b *Block) NodeType(name string) (sdk.NodeType, bool) {
	return types{b.here, b.Suite.types}.NodeType(name)
}

// types are the node types of this machine, then those of recorded files.
type types struct {
	here     pipeline.Types
	recorded []sdk.NodeType
}

func (t types) NodeType(name string) (sdk.NodeType, bool) {
	if found, ok := t.here.NodeType(name); ok {
		return found, true
	}
	i := slices.IndexFunc(t.recorded, func(t sdk.NodeType) bool { return t.Name == name })
	if i < 0 {
		return sdk.NodeType{}, false
	}
	return t.recorded[i], true
}

func (t types) Names() []string {
	names := slices.Clone(t.here.Names())
	for _, r := range t.recorded {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Why says why a plugin that is here cannot be used.
func (t types) Why(name string) string {
	if x, ok := t.here.(interface{ Why(string) string }); ok {
		return x.Why(name)
	}
	return ""
}

// stocked are types with the assets that a pipeline names, whatever there is in a library: a test has to pass anywhere.
type stocked struct {
	types
	assets *asset.Library
}

// Library implements pipeline.Library.
func (s stocked) Library() *asset.Library { return s.assets }

// check compares a run block with the pipeline that it runs.
func (b *Block) check(f *finder) {
	if b.Run.Inputs != nil {
		v := b.Suite.NewScope(nil).infer(f, b.Run.Inputs, "inputs")
		if t := v.Type(); t != cty.DynamicPseudoType && !t.IsObjectType() && !t.IsMapType() {
			f.fail(b.Run.Inputs.Range(), "write it inputs = { name = value }", "inputs want an object, got %s", datum.Describe(t))
		}
	}
	for _, m := range b.Run.Mocks {
		if !slices.ContainsFunc(Vertices(b.Pipe), m.Concerns) {
			f.fail(m.Range, m.unknown(b.targets()), "the mock of %q stands in for no node of %s", m.Target, b.Run.File)
		}
	}
	for _, m := range slices.Concat(b.Run.Mocks, b.Suite.Mocks) {
		b.checkMock(f, m)
	}
	for _, a := range b.Run.Answers {
		b.checkAnswer(f, a)
	}
	if b.Run.Diagnostics == nil {
		b.checkExpect(f)
	}
}

// targets are what a mock may stand in for.
func (b *Block) targets() []string {
	all := Vertices(b.Pipe)
	out := known(all, pipeline.KindNode)
	for _, v := range all {
		if v.Node.Kind == pipeline.KindNode && !slices.Contains(out, v.Node.Type.Name) {
			out = append(out, v.Node.Type.Name)
		}
	}
	return out
}

// checkMock checks what a mock gives against the types of the nodes that it stands in for.
func (b *Block) checkMock(f *finder, m *Mock) {
	seen := map[string]bool{}
	for _, v := range Vertices(b.Pipe) {
		n := v.Node
		if !m.Concerns(v) || seen[n.Type.Name] {
			continue
		}
		seen[n.Type.Name] = true
		c := b.Suite.NewScope(nil)
		c.taskTypes(n.Type)
		if m.Outputs != nil {
			schema := *n.Outputs()
			if m.Recorded != nil {
				schema.Required = nil // the others were recorded
			}
			for _, w := range expr.Fit(&schema, c.infer(f, m.Outputs, "outputs")) {
				f.fail(Locate(m.Outputs, StepsOf(w.Path)), n.Type.Name+" says what it gives; spinbot node-types "+n.Type.Name+" shows it", "outputs: %s", w)
			}
		}
		if m.Fail == nil {
			continue
		}
		v := c.infer(f, m.Fail, "fail")
		for _, w := range expr.Fit(&FailSchema, v) {
			f.fail(Locate(m.Fail, StepsOf(w.Path)), "", "fail: %s", w)
		}
		if v.Type().IsObjectType() && v.Type().HasAttribute("attempts") && m.Outputs == nil && m.Recorded == nil {
			f.fail(m.Fail.Range(), "add outputs = { … }, or take attempts out: then it always fails", "fail: nothing is said of what the mock gives after these attempts")
		}
	}
}

// StepsOf takes the first name off a violation's path: enough to find the attribute that is wrong.
func StepsOf(path string) []any {
	name, _, _ := strings.Cut(path, ".")
	name, _, _ = strings.Cut(name, "[")
	if name == "" {
		return nil
	}
	return []any{name}
}

// unused warns of mocks that answer for nothing in any run block.
func unused(f *finder, s *Suite, blocks []*Block) {
	loaded := slices.DeleteFunc(slices.Clone(blocks), func(b *Block) bool { return b.Pipe == nil || b.Diags.HasErrors() })
	for _, m := range s.Mocks {
		used := false
		targets := map[string]bool{}
		for _, b := range loaded {
			used = used || slices.ContainsFunc(Vertices(b.Pipe), m.Concerns)
			for _, name := range b.targets() {
				targets[name] = true
			}
		}
		if !used && len(loaded) > 0 {
			f.warn(m.Range, m.unknown(slices.Sorted(maps.Keys(targets))), "the mock of %q stands in for no node", m.Target)
		}
	}
	for _, b := range loaded {
		for _, v := range Vertices(b.Pipe) {
			hidden(f, b, v)
		}
	}
}

// hidden warns of a run block's mock by type when its only node has a mock of its own there.
func hidden(f *finder, b *Block, v Vertex) {
	var wide, narrow *Mock
	for _, m := range b.Run.Mocks {
		switch {
		case m.At == nil && m.Concerns(v):
			wide = m
		case m.At.String() == v.At.String():
			narrow = m
		}
	}
	alone := 0
	for _, other := range Vertices(b.Pipe) {
		if other.Node.Type.Name == v.Node.Type.Name {
			alone++
		}
	}
	if wide != nil && narrow != nil && alone == 1 {
		f.warn(wide.Range, v.At.String()+" has a mock of its own here; take one of them out", "the mock of %q is never used", wide.Target)
	}
}
