package library

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// ArtifactFunction is artifact(): a file of the pipeline's folder as an artifact. of gives it by the file's clean name;
// without of it is one that is not known yet.
func ArtifactFunction(of func(file string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(datum.ArtifactType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if of == nil {
				return cty.UnknownVal(datum.ArtifactType), nil
			}
			return of(path.Clean(args[0].AsString()))
		},
	})
}

// Exists says whether there is a file that an argument names in the folder of the pipeline's file, and gives its clean
// name. The error is for people; it names the file.
func Exists(fsys fs.FS, file, arg string) (name string, err error) {
	if name, err = clean(arg); err != nil {
		return "", err
	}
	info, err := fs.Stat(fsys, path.Join(path.Dir(file), name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no file %q in the pipeline's folder", name)
	case err != nil:
		return "", fmt.Errorf("%q cannot be read: %w", name, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%q is not a file", name)
	}
	return name, nil
}
