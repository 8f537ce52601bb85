// Package suite answers an editor's questions about test files (x.test.hcl), as package answer does about pipelines. What a
// test file may name is declared in the pipeline beside it; of that it knows what package outline knows.
package suite

import (
	"path"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/answer"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
	"github.com/myspinbot/spinbot/host/internal/lsp/words"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk"
)

// Answerer answers questions about one test file as it stands now. It belongs to one reader at a time.
type Answerer struct {
	File      *outline.File
	Workspace answer.Workspace
	// Encoding counts characters, Snippets says that the client takes snippets.
	Encoding text.Encoding
	Snippets bool
}

func (a *Answerer) span(f *outline.File, from, to int) protocol.Range {
	return protocol.Range{
		Start: protocol.Position(f.Text.Position(from, a.Encoding)), End: protocol.Position(f.Text.Position(to, a.Encoding)),
	}
}

// names are the types of the blocks around a place.
func names(p outline.Place) []string {
	out := make([]string, len(p.Blocks))
	for i := range p.Blocks {
		out[i] = p.Blocks[i].Type
	}
	return out
}

// label is that of the innermost block around a place; empty when it has none.
func label(p outline.Place) string {
	if n := len(p.Blocks); n > 0 && len(p.Blocks[n-1].Labels) > 0 {
		return p.Blocks[n-1].Labels[0]
	}
	return ""
}

// pipeline is the pipeline that the item at a place tests; nil when it cannot be read.
func (a *Answerer) pipeline(p outline.Place) *outline.File {
	file := testfile.Pipeline(a.File.Path)
	if p.Item >= 0 {
		if other := a.File.Constant(p.Item, "file"); other != "" {
			file = path.Join(path.Dir(a.File.Path), other)
		}
	}
	return a.File.World.Open(file)
}

func (a *Answerer) words() *words.Answerer {
	return &words.Answerer{File: a.File, Language: described, Encoding: a.Encoding, Snippets: a.Snippets}
}

// vertex is a node, gate or module of a pipeline, or of a module within it.
type vertex struct {
	address string // in a run: module.finish/node.mix
	file    *outline.File
	decl    outline.Decl
}

// maxDepth is how deep modules are looked into.
const maxDepth = 8

// vertices lists what a pipeline runs, those around before those within.
func vertices(f *outline.File) []vertex { return within(f, "", 0) }

func within(f *outline.File, at string, depth int) (out []vertex) {
	if f == nil || depth > maxDepth {
		return nil
	}
	for _, root := range []string{"node", "gate", "module"} {
		for _, d := range f.Decls(root) {
			v := vertex{at + root + "." + d.Name, f, d}
			if out = append(out, v); root == "module" {
				out = append(out, within(f.Module(d.Item), v.address+"/", depth+1)...)
			}
		}
	}
	return out
}

// target is what a label stands for: a vertex by its address without keys and rounds, or a node type.
func (a *Answerer) target(p outline.Place) (v vertex, t sdk.NodeType, ok bool) {
	name := label(p)
	if p.Blocks[len(p.Blocks)-1].Type == "answer" && sdk.IsName(name) {
		name = "gate." + name
	}
	if steps, err := testfile.ParseSteps(name); err == nil {
		all := vertices(a.pipeline(p))
		i := slices.IndexFunc(all, func(v vertex) bool { return v.address == steps.Whole().String() })
		if i < 0 {
			return v, t, false
		}
		t, _ = all[i].file.NodeType(all[i].decl.Item)
		return all[i], t, true
	}
	t, ok = a.File.World.NodeType(name)
	return v, t, ok
}

// expected says what the language, the pipeline or a node type say of the value that a place stands in.
func (a *Answerer) expected(p outline.Place) (word language.Word, s sdk.Schema, ok bool) {
	b, _ := a.words().Find(p)
	known := false
	if word, known = b.Word(p.Attribute); !known {
		return word, s, false
	}
	s = outline.WordSchema(word)
	switch b.Name + "." + word.Name {
	case "run.inputs":
		if f := a.pipeline(p); f != nil {
			s = f.Inputs()
			s.Required = nil // another run block may test what happens without
		}
	case "run.diagnostics":
	case "mock.outputs":
		if v, t, found := a.target(p); found {
			if s = t.Outputs; v.file != nil {
				s = v.file.Outputs(v.decl.Item)
			}
		}
	case "mock.fail":
		s = testfile.FailSchema
	case "answer.form":
		if v, _, found := a.target(p); found && v.decl.Root == "gate" {
			s = v.file.Form(v.decl.Item)
		}
	case "answer.inputs":
		if v, _, found := a.target(p); found {
			s, _ = v.file.Takes(v.decl.Item)
		}
	case "answer.outputs":
		if v, _, found := a.target(p); found {
			s = v.file.Outputs(v.decl.Item)
		}
	case "expect.outputs":
		s = declared(a.pipeline(p), "output")
	case "expect.nodes":
		s = sdk.Schema{Type: "object"}
		for _, v := range vertices(a.pipeline(p)) {
			s.Properties = append(s.Properties, sdk.Property{Name: v.address, Schema: sdk.Schema{Type: "string", Enum: testfile.NodeStates}})
		}
		s.Additional = &sdk.Schema{Type: "string", Enum: testfile.NodeStates} // of an instance
	}
	return word, outline.Part(s, p.Path), true
}

// declared is an object of all that a file declares with a root.
func declared(f *outline.File, root string) sdk.Schema {
	s := sdk.Schema{Type: "object"}
	if f == nil {
		return s
	}
	for _, d := range f.Decls(root) {
		s.Properties = append(s.Properties, sdk.Property{Name: d.Name, Schema: f.Type(root, d.Name)})
	}
	return s
}

var runSchema = sdk.Schema{Type: "object", Description: "How the run ended.", Properties: sdk.Properties{
	{Name: "state", Schema: sdk.Schema{Type: "string", Enum: testfile.RunStates, Description: "how it ended"}},
	{Name: "error", Schema: sdk.Schema{Type: "string", Description: "why it failed"}},
}}

// visible is what a value at a place may refer to, as members of an object.
func (a *Answerer) visible(p outline.Place) sdk.Schema {
	out := sdk.Schema{Type: "object"}
	add := func(name, doc string, s sdk.Schema) {
		s.Description = doc
		out.Properties = append(out.Properties, sdk.Property{Name: name, Schema: s})
	}
	around := names(p)
	switch {
	case slices.Contains(around, "mock"):
		inputs := sdk.Schema{Type: "object"}
		if _, t, ok := a.target(p); ok {
			inputs = t.Inputs
		}
		add("inputs", "The inputs of the task that the mock answers.", inputs)
		add("attempt", "Which attempt it is, from 1.", sdk.Schema{Type: "number"})
		add("round", "Which round of a repeat it is, from 1.", sdk.Schema{Type: "number"})
		add("each", "The instance.", sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "key", Schema: sdk.Schema{Description: "key of the instance; null without for_each"}}}})
	case slices.Contains(around, "condition"), slices.Contains(around, "artifact"):
		f := a.pipeline(p)
		for _, root := range []struct{ name, doc string }{{"output", "Outputs of the pipeline."}, {"node", "What nodes gave."}, {"gate", "What was answered."}, {"module", "What modules gave."}, {"var", "What the run was given."}} {
			add(root.name, root.doc, declared(f, root.name))
		}
		add("run", runSchema.Description, runSchema)
	}
	return out
}

// fileAt is the file that the text at a place names; empty when it names none.
func (a *Answerer) fileAt(p outline.Place) string {
	written := a.File.Text.String()[p.From:p.To]
	word, _, _ := a.expected(p)
	if written == "" || word.Type != "path" && !readsFile(p) {
		return ""
	}
	return path.Join(path.Dir(a.File.Path), written)
}

func readsFile(p outline.Place) bool {
	return p.Arg == 0 && slices.Contains([]string{"file", "templatefile", "artifact"}, p.Call)
}
