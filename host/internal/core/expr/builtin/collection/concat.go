package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var concatFunction = builtin.New(
	"concat", "lists one after the other",
	`concat([1], [2, 3])`, `[1, 2, 3]`,
	stdlib.ConcatFunc,
)
