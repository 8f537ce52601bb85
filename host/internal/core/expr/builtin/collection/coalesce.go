package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var coalesceFunction = builtin.New(
	"coalesce", "the first value that is not null",
	`coalesce(null, "a")`, `"a"`,
	stdlib.CoalesceFunc,
)
