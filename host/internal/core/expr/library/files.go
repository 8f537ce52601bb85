package library

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"path"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// MaxFile is the size limit of a file that file or templatefile reads, in bytes.
const MaxFile = 4 << 20

// Files are what file() and templatefile() may read: they are loaded when the pipeline is checked, never during a
// run. Names are relative to the pipeline's folder, clean.
type Files struct {
	content   map[string]string
	templates map[string]hclsyntax.Expression
	failed    map[string]bool // arguments that could not be loaded; reported once, then unknown
}

// Fail makes the argument's content unknown, so that evaluation does not report again what Load has reported.
func (f *Files) Fail(arg string) {
	if f.failed == nil {
		f.failed = map[string]bool{}
	}
	f.failed[path.Clean(arg)] = true
}

// Load reads the file that an argument names, from the pipeline's folder dir within fsys, and gives its clean name.
// The error is for people; it names the file.
func (f *Files) Load(fsys fs.FS, dir, arg string) (name string, err error) {
	if name, err = clean(arg); err != nil {
		return "", err
	}
	if _, loaded := f.content[name]; loaded {
		return name, nil
	}
	data, err := readLimited(fsys, path.Join(dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no file %q in the pipeline's folder", name)
	case err != nil:
		return "", fmt.Errorf("%q cannot be read: %w", name, err)
	case !utf8.Valid(data):
		return "", fmt.Errorf("%q is not text in UTF-8; give binary files to a run as artifacts", name)
	}
	if f.content == nil {
		f.content = map[string]string{}
	}
	f.content[name] = string(data)
	return name, nil
}

// clean gives the name of a file in the pipeline's folder.
func clean(arg string) (name string, err error) {
	name = path.Clean(arg)
	switch {
	case arg == "":
		return "", errors.New("the file's name is empty")
	case path.IsAbs(arg), !fs.ValidPath(name), name == ".":
		return "", fmt.Errorf("%q leaves the pipeline's folder; only files in it and below can be read", arg)
	}
	return name, nil
}

func readLimited(fsys fs.FS, name string) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.New("it is a folder")
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err == nil && len(data) > MaxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", MaxFile>>20)
	}
	return data, err
}

// Content gives a loaded file.
func (f *Files) Content(name string) (string, bool) { s, ok := f.content[name]; return s, ok }

// Template parses a loaded file as a template, once. Its diagnostics point into shown, the file's name for people.
func (f *Files) Template(name, shown string) (hclsyntax.Expression, hcl.Diagnostics) {
	if t, parsed := f.templates[name]; parsed {
		return t, nil
	}
	t, diags := expr.ParseTemplate([]byte(f.content[name]), shown)
	if !diags.HasErrors() {
		diags = expr.CheckNumbers(t)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	if f.templates == nil {
		f.templates = map[string]hclsyntax.Expression{}
	}
	f.templates[name] = t
	return t, nil
}

func (f *Files) fileFunction() function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "path", Type: cty.String}},
		Type:         function.StaticReturnType(cty.String),
		RefineResult: builtin.NotNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := path.Clean(args[0].AsString())
			if f.failed[name] {
				return cty.UnknownVal(cty.String), nil
			}
			s, ok := f.content[name]
			if !ok {
				return cty.NilVal, function.NewArgErrorf(0, "%q was not there when the pipeline was checked", args[0].AsString())
			}
			return cty.StringVal(s), nil
		},
	})
}

func (f *Files) templateFunction() function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "path", Type: cty.String}, {Name: "values", Type: cty.DynamicPseudoType}},
		Type:         function.StaticReturnType(cty.String),
		RefineResult: builtin.NotNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := path.Clean(args[0].AsString())
			if f.failed[name] {
				return cty.UnknownVal(cty.String), nil
			}
			t, ok := f.templates[name]
			if !ok {
				return cty.NilVal, function.NewArgErrorf(0, "%q was not there when the pipeline was checked", args[0].AsString())
			}
			if v := args[1].Type(); !v.IsObjectType() && !v.IsMapType() {
				return cty.NilVal, function.NewArgErrorf(1, "want an object of the template's variables, got %s", datum.Describe(v))
			}
			values := args[1].AsValueMap()
			v, diags := expr.MeterIn(values).Eval(t, &hcl.EvalContext{Variables: values, Functions: ByName})
			if diags.HasErrors() {
				return cty.NilVal, diags
			}
			if !v.IsKnown() {
				return cty.UnknownVal(cty.String), nil
			}
			return datum.ToText(v)
		},
	})
}

// All gives every loaded file by name.
func (f *Files) All() iter.Seq2[string, string] { return maps.All(f.content) }
