package number

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var signumFunction = builtin.New(
	"signum", "-1, 0 or 1",
	`signum(-5)`, `-1`,
	stdlib.SignumFunc,
)
