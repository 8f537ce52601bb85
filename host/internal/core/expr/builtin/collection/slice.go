package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var sliceFunction = builtin.New(
	"slice", "the elements from a position to before another",
	`slice([1, 2, 3], 0, 2)`, `[1, 2]`,
	stdlib.SliceFunc,
)
