package sdk

import (
	"path"
	"slices"
	"strings"
)

// ModelFileName gives the name of a model file: its kind and its path within the folder of that kind, with slashes, such as
// "loras/styles/ink.safetensors". `\` is a slash, too.
func ModelFileName(kind, file string) string {
	return kind + path.Clean("/"+strings.ReplaceAll(file, `\`, "/"))
}

// maxModelFile is how long the name of a model file may be, in bytes.
const maxModelFile = 512

// IsModelFile says whether a text is the name of a model file as ModelFileName gives it. It leads nowhere but into a folder.
func IsModelFile(name string) bool {
	kind, file, ok := strings.Cut(name, "/")
	return ok && kind != "" && file != "" && len(name) <= maxModelFile && name == path.Clean(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) &&
		!slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool { return strings.HasPrefix(s, ".") })
}

// ModelFiles gives the model files that a task with these inputs needs on its machine, sorted: those that its inputs name
// whose schema has a ModelFile. Empty texts name none, and what is sealed is not known.
func (t NodeType) ModelFiles(inputs Values) []string {
	var out []string
	for _, p := range t.Inputs.Properties {
		out = modelFiles(&p.Schema, inputs[p.Name], out)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func modelFiles(s *Schema, x any, out []string) []string {
	switch x := x.(type) {
	case string:
		if s.ModelFile != "" && x != "" {
			out = append(out, ModelFileName(s.ModelFile, x))
		}
	case []any:
		for _, y := range x {
			if s.Items != nil {
				out = modelFiles(s.Items, y, out)
			}
		}
	case map[string]any:
		for name, y := range x {
			if p, ok := s.Properties.Get(name); ok {
				out = modelFiles(&p, y, out)
			} else if s.Additional != nil {
				out = modelFiles(s.Additional, y, out)
			}
		}
	}
	return out
}

// NamesModelFiles says whether inputs of the node type may name model files.
func (t NodeType) NamesModelFiles() bool { return t.Inputs.namesModelFiles() }

func (s *Schema) namesModelFiles() bool {
	switch {
	case s == nil:
		return false
	case s.ModelFile != "", s.Items.namesModelFiles(), s.Additional.namesModelFiles():
		return true
	}
	for i := range s.Properties { // without a copy of each: a schema is large
		if s.Properties[i].Schema.namesModelFiles() {
			return true
		}
	}
	return false
}
