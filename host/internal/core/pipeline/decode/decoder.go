// Package decode makes a pipeline of the blocks of a file. Its expressions are left as they are written, but for constants.
package decode

import (
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// Decoder reads the blocks of one file.
type Decoder struct {
	*syntax.Reader
	Types     pipeline.Types
	typeNames []string
	Known     map[string]sdk.NodeType       // shared with the decoders of modules, as modules are
	Modules   map[string]*pipeline.Pipeline // by file; nil: it has errors
	Stack     []string                      // the files from the run's pipeline down to this one
	Guessed   map[string]bool               // node.input, for which another name was written
	// load loads a module's file.
	load func(file string, stack []string) (*pipeline.Pipeline, diagnostic.Diagnostics)
}

// New begins to decode a file. load loads the file of a module, which stands within stack.
func New(r *syntax.Reader, types pipeline.Types, load func(file string, stack []string) (*pipeline.Pipeline, diagnostic.Diagnostics)) *Decoder {
	return &Decoder{Reader: r, Types: types, Known: map[string]sdk.NodeType{}, Modules: map[string]*pipeline.Pipeline{}, Stack: []string{r.File}, Guessed: map[string]bool{}, load: load}
}

// Within makes it the decoder of a module of what outer decodes.
func (l *Decoder) Within(outer *Decoder, stack []string) {
	l.Known, l.Modules, l.Stack = outer.Known, outer.Modules, stack
}

// nodeType looks a node type up once.
func (l *Decoder) nodeType(name string) (sdk.NodeType, bool) {
	if t, ok := l.Known[name]; ok {
		return t, t.Name != ""
	}
	t, ok := l.Types.NodeType(name)
	if !ok {
		t = sdk.NodeType{}
	}
	l.Known[name] = t
	return t, ok
}
