// Package library is every function that an expression can call: those of builtin by subject, those that take a value of any kind,
// and those that read the files of a pipeline's folder, which they do only through the fs.FS that Files.Load is given.
package library

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin/collection"
	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin/number"
	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin/text"
)

// Functions lists all functions by name, but for file, templatefile and artifact, which need a
// pipeline's folder, and asset, which needs a library: see Files, ArtifactFunction and AssetFunction.
func Functions() []builtin.Function { return slices.Clone(all) }

// all is every function, by name.
var all = func() []builtin.Function {
	list := []builtin.Function{
		canFunction, nonsensitiveFunction, sensitiveFunction, toboolFunction, tolistFunction, tomapFunction,
		tonumberFunction, tosetFunction, tostringFunction, tryFunction,
	}
	list = slices.Concat(list, text.Functions(), number.Functions(), collection.Functions())
	slices.SortFunc(list, func(a, b builtin.Function) int { return strings.Compare(a.Name, b.Name) })
	return list
}()

// ByName is what they do, by name.
var ByName = func() map[string]function.Function {
	t := make(map[string]function.Function, len(all))
	for _, f := range all {
		t[f.Name] = f.Impl
	}
	return t
}()

// Table is what evaluation takes: every function by name, with file and templatefile reading from files, and artifact
// and asset giving what is not known yet.
func Table(files *Files) map[string]function.Function {
	t := maps.Clone(ByName)
	t["file"] = files.fileFunction()
	t["templatefile"] = files.templateFunction()
	t["artifact"] = ArtifactFunction(nil)
	t["asset"] = AssetFunction(nil)
	return t
}

// Names lists every name that can be called, in order.
func Names() []string {
	return slices.Sorted(maps.Keys(Table(&Files{})))
}

// fileFunctions are those that read the pipeline's folder or the library, and that Functions therefore leaves out.
var fileFunctions = []builtin.Function{
	{Name: "file", Doc: "the text of a file in the pipeline's folder", Example: `file("prompts/script.txt")`, Result: `"Write a film about cats"`},
	{Name: "templatefile", Doc: "the text of a file in the pipeline's folder, with the names given to it filled in",
		Example: `templatefile("prompts/script.txt", { topic = "cats" })`, Result: `"Write a film about cats"`},
	{Name: "artifact", Doc: "a file of the pipeline's folder as an artifact, for the inputs of a trigger",
		Example: `artifact("faces/anna.png").media_type`, Result: `"image/png"`},
	{Name: "asset", Doc: "an asset of the library as an artifact: its newest version, or the one behind an @",
		Example: `asset("face/anna@3").media_type`, Result: `"image/png"`},
}

// Documented lists every function that can be called, by name, those that read files and assets too.
func Documented() []builtin.Function {
	functions := Table(&Files{})
	list := append(Functions(), fileFunctions...)
	list = slices.DeleteFunc(list, func(f builtin.Function) bool { _, there := functions[f.Name]; return !there })
	for i := range list {
		list[i].Impl = functions[list[i].Name]
	}
	slices.SortFunc(list, func(a, b builtin.Function) int { return strings.Compare(a.Name, b.Name) })
	return list
}
