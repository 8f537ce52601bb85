package text

import (
	"github.com/zclconf/go-cty-yaml"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var yamlencodeFunction = builtin.New(
	"yamlencode", "a value as YAML",
	`yamlencode({ a = 1 })`, `"\"a\": 1\n"`,
	yaml.YAMLEncodeFunc,
)
