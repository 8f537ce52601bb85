package text

import (
	"errors"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var yamldecodeFunction = builtin.New(
	"yamldecode", "the value that a YAML text holds (no aliases)",
	`yamldecode("a: 1")`, `{ a = 1 }`,
	yamlDecodeFunc,
)

var yamlAlias = regexp.MustCompile(`(^|[\s\[{,:-])\*[^\s*]`)

// yamlDeep matches a line that begins more lists than are wanted; that goes down a level with every two bytes.
var yamlDeep = regexp.MustCompile(`(?m)^[ \t]*([-?:][ \t]+){100}`)

// maxYAML is how much YAML is read: the reader takes the square of how many brackets are open.
const maxYAML = 1 << 20

// yamlDecodeFunc refuses aliases, with which a kilobyte of YAML can stand for a gigabyte, and what is too much.
var yamlDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if v := args[0]; v.IsKnown() && !v.IsNull() {
			s := v.AsString()
			switch {
			case yamlAlias.MatchString(s):
				return cty.NilType, function.NewArgError(0, errors.New("aliases (*name) are not taken"))
			case len(s) > maxYAML:
				return cty.NilType, function.NewArgErrorf(0, "at most %d KiB of YAML can be read; jsondecode takes more", maxYAML>>10)
			case strings.Count(s, "[")+strings.Count(s, "{") > builtin.MaxItems || yamlDeep.MatchString(s):
				return cty.NilType, builtin.TooDeep("yamldecode")
			}
		}
		return yaml.YAMLDecodeFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return yaml.YAMLDecodeFunc.Call(args) },
})
