package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var sortFunction = builtin.New(
	"sort", "texts in order",
	`sort(["b", "a"])`, `["a", "b"]`,
	stdlib.SortFunc,
)
