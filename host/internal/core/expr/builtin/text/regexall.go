package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var regexallFunction = builtin.New(
	"regexall", "all matches of a regular expression (RE2)",
	`regexall("[a-z]", "1a2b")`, `["a", "b"]`,
	builtin.Matched("regexall", stdlib.RegexAllFunc),
)
