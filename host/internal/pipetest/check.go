package pipetest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// Trial is a suite beside its pipelines, checked.
type Trial struct {
	bench  *Bench
	blocks []*block
}

// block is one run block with the pipeline that it runs.
type block struct {
	bench *Bench
	suite *Suite
	run   *Run
	// pipe belongs to this block alone; nil when it could not be read, as diags say.
	pipe  *pipeline.Pipeline
	diags pipeline.Diagnostics
}

// Check loads the pipelines of the run blocks that only chooses (nil: all) and checks the blocks against them. A trial
// whose diagnostics have errors must not run.
func (b *Bench) Check(s *Suite, only func(name string) bool) (*Trial, pipeline.Diagnostics) {
	t := &Trial{bench: b}
	var f finder
	for _, r := range s.Runs {
		if only != nil && !only(r.Name) {
			continue
		}
		x := &block{bench: b, suite: s, run: r}
		t.blocks = append(t.blocks, x)
		x.load(&f)
		if x.pipe == nil || x.diags.HasErrors() {
			continue
		}
		x.check(&f)
	}
	if len(t.blocks) == len(s.Runs) && !f.found.HasErrors() {
		t.unused(&f, s)
	}
	slices.SortStableFunc(f.found, func(a, b pipeline.Diagnostic) int {
		if a.Range.File != b.Range.File {
			return strings.Compare(a.Range.File, b.Range.File)
		}
		return a.Range.Start.Byte - b.Range.Start.Byte
	})
	seen := map[pipeline.Diagnostic]bool{}
	return t, slices.DeleteFunc(f.found, func(d pipeline.Diagnostic) bool {
		twice := seen[d] // mocks and pipelines are shared by run blocks
		seen[d] = true
		return twice
	})
}

// Runs gives how many run blocks were chosen.
func (t *Trial) Runs() int { return len(t.blocks) }

// load reads the pipeline. Unless it is meant to be refused, its errors are the test file's.
func (b *block) load(f *finder) {
	root, err := os.OpenRoot(filepath.Dir(b.run.file))
	if err == nil {
		defer root.Close()
		_, err = root.Stat(filepath.Base(b.run.file))
	}
	if err != nil {
		f.fail(b.run.fileRange, "x.test.hcl tests x.hcl beside it; name another with file = \"…\"", "there is no pipeline %s", b.run.file)
		return
	}
	b.pipe, b.diags = pipeline.Load(root.FS(), filepath.Base(b.run.file), types{b.bench.cfg.Types, b.suite.types})
	if b.diags = b.placed(b.diags); b.pipe != nil {
		for _, v := range vertices(b.pipe) {
			v.node.Retry.Backoff = 0 // a mock that fails will not have changed its mind by waiting
			if a := b.answerOf(v.at); a != nil && a.timedOut && v.node.Timeout > 0 {
				v.node.Timeout = 1 // nanosecond: nobody answers
			}
		}
	}
	if b.run.diagnostics == nil && b.diags.HasErrors() {
		f.found = append(f.found, b.explained(b.diags)...)
	}
}

// placed gives diagnostics the names of files as they can be opened from here.
func (b *block) placed(diags pipeline.Diagnostics) pipeline.Diagnostics {
	out := slices.Clone(diags)
	for i := range out {
		if file := &out[i].Range.File; *file != "" && *file != b.suite.File {
			*file = filepath.Join(filepath.Dir(b.run.file), *file)
		}
	}
	return out
}

// explained says how a test finds node types that this machine lacks.
func (b *block) explained(diags pipeline.Diagnostics) pipeline.Diagnostics {
	out := slices.Clone(diags)
	for i := range out {
		if strings.HasPrefix(out[i].Summary, "unknown node type") {
			out[i].Detail = strings.TrimSpace(out[i].Detail + "\nwhere the plugin is not installed, " + b.suite.File + " may take node types from a file:\n" +
				"types = \"types.json\", written by spinbot node-types --json, or by spinbot test --record")
		}
	}
	return out
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

// check compares a run block with the pipeline that it runs.
func (b *block) check(f *finder) {
	if b.run.inputs != nil {
		v := b.suite.newScope(nil).infer(f, b.run.inputs, "inputs")
		if t := v.Type(); t != cty.DynamicPseudoType && !t.IsObjectType() && !t.IsMapType() {
			f.fail(b.run.inputs.Range(), "write it inputs = { name = value }", "inputs want an object, got %s", expr.Describe(t))
		}
	}
	for _, m := range b.run.mocks {
		if !slices.ContainsFunc(vertices(b.pipe), m.concerns) {
			f.fail(m.rng, m.unknown(b.targets()), "the mock of %q stands in for no node of %s", m.target, b.run.file)
		}
	}
	for _, m := range slices.Concat(b.run.mocks, b.suite.mocks) {
		b.checkMock(f, m)
	}
	for _, a := range b.run.answers {
		b.checkAnswer(f, a)
	}
	if b.run.diagnostics == nil {
		b.checkExpect(f)
	}
}

// targets are what a mock may stand in for.
func (b *block) targets() []string {
	all := vertices(b.pipe)
	out := known(all, pipeline.KindNode)
	for _, v := range all {
		if v.node.Kind == pipeline.KindNode && !slices.Contains(out, v.node.Type.Name) {
			out = append(out, v.node.Type.Name)
		}
	}
	return out
}

// checkMock checks what a mock gives against the types of the nodes that it stands in for.
func (b *block) checkMock(f *finder, m *mock) {
	seen := map[string]bool{}
	for _, v := range vertices(b.pipe) {
		n := v.node
		if !m.concerns(v) || seen[n.Type.Name] {
			continue
		}
		seen[n.Type.Name] = true
		c := b.suite.newScope(nil)
		c.taskTypes(n.Type)
		if m.outputs != nil {
			schema := *n.Outputs()
			if m.recorded != nil {
				schema.Required = nil // the others were recorded
			}
			for _, w := range expr.Fit(&schema, c.infer(f, m.outputs, "outputs")) {
				f.fail(locate(m.outputs, stepsOf(w.Path)), n.Type.Name+" says what it gives; spinbot node-types "+n.Type.Name+" shows it", "outputs: %s", w)
			}
		}
		if m.fail == nil {
			continue
		}
		v := c.infer(f, m.fail, "fail")
		for _, w := range expr.Fit(&failSchema, v) {
			f.fail(locate(m.fail, stepsOf(w.Path)), "", "fail: %s", w)
		}
		if v.Type().IsObjectType() && v.Type().HasAttribute("attempts") && m.outputs == nil && m.recorded == nil {
			f.fail(m.fail.Range(), "add outputs = { … }, or take attempts out: then it always fails", "fail: nothing is said of what the mock gives after these attempts")
		}
	}
}

// stepsOf takes the first name off a violation's path: enough to find the attribute that is wrong.
func stepsOf(path string) []any {
	name, _, _ := strings.Cut(path, ".")
	name, _, _ = strings.Cut(name, "[")
	if name == "" {
		return nil
	}
	return []any{name}
}

// unused warns of mocks that answer for nothing in any run block.
func (t *Trial) unused(f *finder, s *Suite) {
	loaded := slices.DeleteFunc(slices.Clone(t.blocks), func(b *block) bool { return b.pipe == nil || b.diags.HasErrors() })
	for _, m := range s.mocks {
		used := false
		targets := map[string]bool{}
		for _, b := range loaded {
			used = used || slices.ContainsFunc(vertices(b.pipe), m.concerns)
			for _, name := range b.targets() {
				targets[name] = true
			}
		}
		if !used && len(loaded) > 0 {
			f.warn(m.rng, m.unknown(slices.Sorted(maps.Keys(targets))), "the mock of %q stands in for no node", m.target)
		}
	}
	for _, b := range loaded {
		for _, v := range vertices(b.pipe) {
			t.hidden(f, b, v)
		}
	}
}

// hidden warns of a run block's mock by type when its only node has a mock of its own there.
func (t *Trial) hidden(f *finder, b *block, v vertex) {
	var wide, narrow *mock
	for _, m := range b.run.mocks {
		switch {
		case m.at == nil && m.concerns(v):
			wide = m
		case m.at.String() == v.at.String():
			narrow = m
		}
	}
	alone := 0
	for _, other := range vertices(b.pipe) {
		if other.node.Type.Name == v.node.Type.Name {
			alone++
		}
	}
	if wide != nil && narrow != nil && alone == 1 {
		f.warn(wide.rng, v.at.String()+" has a mock of its own here; take one of them out", "the mock of %q is never used", wide.target)
	}
}
