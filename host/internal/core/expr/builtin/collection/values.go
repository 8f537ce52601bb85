package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var valuesFunction = builtin.New(
	"values", "the values of a map or object, in the order of the keys",
	`values({ b = 1, a = 2 })`, `[2, 1]`,
	stdlib.ValuesFunc,
)
