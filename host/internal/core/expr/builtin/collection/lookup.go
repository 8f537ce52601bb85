package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var lookupFunction = builtin.New(
	"lookup", "the value at a key, or else the default",
	`lookup({ a = 1 }, "b", 0)`, `0`,
	stdlib.LookupFunc,
)
