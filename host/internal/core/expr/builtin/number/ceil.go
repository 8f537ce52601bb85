package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var ceilFunction = builtin.New(
	"ceil", "the next whole number above",
	`ceil(1.2)`, `2`,
	stdlib.CeilFunc,
)
