package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var chunklistFunction = builtin.New(
	"chunklist", "a list cut into lists of so many",
	`chunklist([1, 2, 3], 2)`, `[[1, 2], [3]]`,
	stdlib.ChunklistFunc,
)
