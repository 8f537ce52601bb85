package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var logFunction = builtin.New(
	"log", "the logarithm of a number to a base",
	`log(8, 2)`, `3`,
	stdlib.LogFunc,
)
