package expr

import (
	"errors"
	"regexp"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var yamldecodeFunction = Function{
	"yamldecode", "the value that a YAML text holds (no aliases)",
	`yamldecode("a: 1")`, `{ a = 1 }`,
	yamlDecodeFunc,
}

var yamlAlias = regexp.MustCompile(`(^|[\s\[{,:-])\*[^\s*]`)

// yamlDecodeFunc refuses aliases, with which a kilobyte of YAML can stand for a gigabyte.
var yamlDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if v := args[0]; v.IsKnown() && !v.IsNull() && yamlAlias.MatchString(v.AsString()) {
			return cty.NilType, function.NewArgError(0, errors.New("aliases (*name) are not taken"))
		}
		return yaml.YAMLDecodeFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return yaml.YAMLDecodeFunc.Call(args) },
})
