// Package language documents the pipeline language: its blocks, their words, and the names that references begin with.
package language

import "slices"

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
