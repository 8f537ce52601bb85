package expr

import yaml "github.com/zclconf/go-cty-yaml"

var yamlencodeFunction = Function{
	"yamlencode", "a value as YAML",
	`yamlencode({ a = 1 })`, `"\"a\": 1\n"`,
	yaml.YAMLEncodeFunc,
}
