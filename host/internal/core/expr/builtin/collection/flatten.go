package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var flattenFunction = builtin.New(
	"flatten", "lists within a list dissolved",
	`flatten([[1], [2, [3]]])`, `[1, 2, 3]`,
	stdlib.FlattenFunc,
)
