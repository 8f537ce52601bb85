// Package expr is what the pipeline language's expressions are made of: its functions, the conversion between
// sdk.Values and the values of expressions with exact numbers and artifacts that cannot be forged, type expressions,
// and what can be known of an expression before a run (Infer, Fit). It knows no blocks, nodes or runs; files are read
// only through the fs.FS that Files.Load is given.
package expr

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Function is one function of the language with its documentation. Example gives Result, both as written in a
// pipeline; a test holds every function to it.
type Function struct {
	Name, Doc, Example, Result string
	impl                       function.Function
}

// Functions lists all functions by name, but for file, templatefile and artifact, which need a
// pipeline's folder, and asset, which needs a library: see Files, ArtifactFunction and AssetFunction.
func Functions() []Function { return slices.Clone(all) }

// all is every function, by name.
var all = []Function{
	absFunction, alltrueFunction, anytrueFunction, base64Function, base64decodeFunction,
	bytesFunction, canFunction, ceilFunction, chompFunction, chunklistFunction, clampFunction,
	coalesceFunction, coalescelistFunction, compactFunction, concatFunction, containsFunction,
	csvdecodeFunction, distinctFunction, durationFunction, elementFunction, endswithFunction,
	flattenFunction, floorFunction, formatFunction, formatdateFunction, formatlistFunction,
	indentFunction, indexFunction, joinFunction, jsondecodeFunction, jsonencodeFunction, keysFunction,
	lengthFunction, logFunction, lookupFunction, lowerFunction, maxFunction, mergeFunction,
	minFunction, nonsensitiveFunction, oneFunction, parseintFunction, powFunction, rangeFunction, regexFunction,
	regexallFunction, regexreplaceFunction, repeatFunction, replaceFunction, reverseFunction,
	roundFunction, sensitiveFunction, setintersectionFunction, setproductFunction, setsubtractFunction, setunionFunction,
	sha256Function, signumFunction, sliceFunction, slugFunction, sortFunction, splitFunction,
	startswithFunction, strcontainsFunction, strrevFunction, substrFunction, succeededFunction,
	sumFunction, timeaddFunction, titleFunction, toboolFunction, tolistFunction, tomapFunction,
	tonumberFunction, tosetFunction, tostringFunction, trimFunction, trimprefixFunction,
	trimspaceFunction, trimsuffixFunction, truncateFunction, tryFunction, upperFunction,
	urlencodeFunction, valuesFunction, wordsFunction, yamldecodeFunction, yamlencodeFunction,
	zipmapFunction,
}

var table = func() map[string]function.Function {
	t := make(map[string]function.Function, len(all))
	for _, f := range all {
		t[f.Name] = f.impl
	}
	return t
}()

// Table is what evaluation takes: every function by name, with file and templatefile reading from files, and artifact
// and asset giving what is not known yet.
func Table(files *Files) map[string]function.Function {
	t := maps.Clone(table)
	t["file"] = files.fileFunction()
	t["templatefile"] = files.templateFunction()
	t["artifact"] = ArtifactFunction(nil)
	t["asset"] = AssetFunction(nil)
	return t
}

// FunctionNames lists every name that can be called, in order.
func FunctionNames() []string {
	return slices.Sorted(maps.Keys(Table(&Files{})))
}

// Limits of what one call may make: an expression is written by a person and read by one.
const (
	maxText    = 16 << 20 // bytes
	maxItems   = 10_000   // of range and setproduct
	maxParts   = 200_000  // of a text that is taken apart
	maxNesting = 100      // of JSON and YAML
	maxMatch   = 1 << 28  // bytes of text times instructions of a regular expression: seconds
)

func tooMany(what string) error {
	return function.NewArgErrorf(0, "%s would give more than %d parts", what, maxParts)
}

func tooDeep(what string) error {
	return function.NewArgErrorf(0, "%s takes at most %d levels", what, maxNesting)
}

func tooLong(what string) error {
	return function.NewArgErrorf(0, "%s would make more than %d MiB of text", what, maxText>>20)
}

// simple makes a function of one text that gives text.
func simple(fn func(s string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "text", Type: cty.String}},
		Type:         function.StaticReturnType(cty.String),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := fn(args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

func notNull(b *cty.RefinementBuilder) *cty.RefinementBuilder { return b.NotNull() }
