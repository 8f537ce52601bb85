package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var lowerFunction = builtin.New(
	"lower", "text in small letters",
	`lower("HeLLo")`, `"hello"`,
	stdlib.LowerFunc,
)
