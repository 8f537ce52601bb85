package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var maxFunction = builtin.New(
	"max", "the greatest number",
	`max(1, 3, 2)`, `3`,
	stdlib.MaxFunc,
)
