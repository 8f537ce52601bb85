package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var compactFunction = builtin.New(
	"compact", "without empty texts and nulls",
	`compact(["a", "", "b"])`, `["a", "b"]`,
	stdlib.CompactFunc,
)
