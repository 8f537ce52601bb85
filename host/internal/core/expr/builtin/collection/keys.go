package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var keysFunction = builtin.New(
	"keys", "the keys of a map or object, in order",
	`keys({ b = 1, a = 2 })`, `["a", "b"]`,
	stdlib.KeysFunc,
)
