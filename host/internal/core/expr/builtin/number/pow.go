package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var powFunction = builtin.New(
	"pow", "a number to the power of another",
	`pow(2, 10)`, `1024`,
	stdlib.PowFunc,
)
