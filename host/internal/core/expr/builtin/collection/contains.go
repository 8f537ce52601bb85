package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var containsFunction = builtin.New(
	"contains", "whether a list or set has an element",
	`contains(["a", "b"], "a")`, `true`,
	stdlib.ContainsFunc,
)
