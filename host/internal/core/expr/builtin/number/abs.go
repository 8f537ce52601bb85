package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var absFunction = builtin.New(
	"abs", "a number without its sign",
	`abs(-2)`, `2`,
	stdlib.AbsoluteFunc,
)
