package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var regexFunction = builtin.New(
	"regex", "the first match of a regular expression (RE2)",
	`regex("[0-9]+", "shot 12")`, `"12"`,
	builtin.Matched("regex", stdlib.RegexFunc),
)
