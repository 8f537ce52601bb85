package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var elementFunction = builtin.New(
	"element", "the element at a position, counting around the end",
	`element(["a", "b"], 2)`, `"a"`,
	stdlib.ElementFunc,
)
