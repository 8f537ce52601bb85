package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var mergeFunction = builtin.New(
	"merge", "maps and objects laid over each other; the last wins",
	`merge({ a = 1 }, { a = 2, b = 3 })`, `{ a = 2, b = 3 }`,
	stdlib.MergeFunc,
)
