package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var coalescelistFunction = builtin.New(
	"coalescelist", "the first list that has elements",
	`coalescelist([], [1])`, `[1]`,
	stdlib.CoalesceListFunc,
)
