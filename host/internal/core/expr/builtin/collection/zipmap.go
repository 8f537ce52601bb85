package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var zipmapFunction = builtin.New(
	"zipmap", "a list of keys and a list of values made a map",
	`zipmap(["a", "b"], [1, 2])`, `{ a = 1, b = 2 }`,
	stdlib.ZipmapFunc,
)
