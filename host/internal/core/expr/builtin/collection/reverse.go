package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var reverseFunction = builtin.New(
	"reverse", "from back to front",
	`reverse([1, 2])`, `[2, 1]`,
	stdlib.ReverseListFunc,
)
