package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var setsubtractFunction = builtin.New(
	"setsubtract", "elements of the first set that the second lacks",
	`setsubtract(["a", "b"], ["b"])`, `toset(["a"])`,
	stdlib.SetSubtractFunc,
)
