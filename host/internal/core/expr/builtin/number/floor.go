package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var floorFunction = builtin.New(
	"floor", "the next whole number below",
	`floor(1.8)`, `1`,
	stdlib.FloorFunc,
)
