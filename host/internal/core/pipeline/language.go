package pipeline

import (
	"path"
	"slices"

	"github.com/myspinbot/spinbot/sdk"
)

// Word is an attribute that the language itself gives a meaning, or a name that references begin with.
type Word struct {
	Name, Doc string
	// Type is what is written: a type of the language, or "duration", "size", "type" (a type expression), "nodes" (a
	// list of references to nodes), "path" (of a pipeline), "object" or "any".
	Type string
	// Options are the only values; empty: any of Type.
	Options []string
	// Default holds when the word is left out, as it would be written; empty: nothing does.
	Default  string
	Required bool
}

// Block is a kind of block: what it is for, and what may stand in it.
type Block struct {
	Name, Doc string
	// Labels say what each label is: "type" (of a node), "kind" (of a trigger), "plugin" or "name".
	Labels []string
	Words  []Word
	Blocks []Block
	// Inputs says that other attributes are the inputs of a node type or a module, Names that they are names which the
	// file chooses.
	Inputs, Names bool
	// Many says that it may stand more than once in the same place.
	Many bool
}

// Blocks describes the blocks of the language, in the order in which a file is usually written. It documents what the
// checker takes; a test holds one to the other.
func Blocks() []Block { return described }

// Roots describes the names that references begin with.
func Roots() []Word { return slices.Clone(describedRoots) }

// Find finds a block by the path of names that leads to it, such as "gate", "form".
func Find(names ...string) (Block, bool) {
	b := Block{Blocks: described}
	for _, name := range names {
		i := slices.IndexFunc(b.Blocks, func(inner Block) bool { return inner.Name == name })
		if i < 0 {
			return Block{}, false
		}
		b = b.Blocks[i]
	}
	return b, len(names) > 0
}

// Word finds an attribute of the block by name.
func (b Block) Word(name string) (Word, bool) {
	i := slices.IndexFunc(b.Words, func(w Word) bool { return w.Name == name })
	if i < 0 {
		return Word{}, false
	}
	return b.Words[i], true
}

// GateOutputs is what a gate gives, with the fields of its form.
func GateOutputs(form sdk.Schema) sdk.Schema {
	form.Description = "what the person filled in"
	return sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "approved", Schema: sdk.Schema{Type: "boolean", Description: "what the person decided"}},
		{Name: "form", Schema: form},
		{Name: "by", Schema: sdk.Schema{Type: "string", Description: "who decided"}},
		{Name: "comment", Schema: sdk.Schema{Type: "string", Description: "what the person said"}},
	}}
}

// GateInputs is what a gate takes.
func GateInputs() sdk.Schema {
	return sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "message", Schema: sdk.Schema{Type: "string", Description: "what the person is asked"}},
		{Name: "show", Schema: sdk.Schema{Type: "object", Additional: &sdk.Schema{}, Description: "what the person looks at"}},
	}}
}

// ModuleFile is the file that a module's source means when it stands in file. A folder means the pipeline.hcl in it.
func ModuleFile(file, source string) string {
	to := path.Join(path.Dir(file), source)
	if path.Ext(to) != ".hcl" {
		to = path.Join(to, moduleFile)
	}
	return to
}

var triggerParts = map[string]sdk.Schema{
	"time":    {Type: "string", Description: "when it was set off, such as 2026-01-31T07:00:00+01:00"},
	"name":    {Type: "string", Description: "the trigger's name"},
	"body":    {Description: "what the request holds as JSON"},
	"headers": {Type: "object", Additional: &sdk.Schema{Type: "string"}, Description: "the request's headers, names in lower case"},
	"query":   {Type: "object", Additional: &sdk.Schema{Type: "string"}, Description: "what follows ? in the request's address"},
}

// TriggerGives is what trigger.* holds in the inputs of a trigger of a kind.
func TriggerGives(kind TriggerKind) sdk.Schema {
	s := sdk.Schema{Type: "object"}
	for _, name := range triggerNames[kind] {
		s.Properties = append(s.Properties, sdk.Property{Name: name, Schema: triggerParts[name]})
	}
	return s
}
