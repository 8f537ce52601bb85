package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var minFunction = builtin.New(
	"min", "the smallest number",
	`min(2, 1, 3)`, `1`,
	stdlib.MinFunc,
)
