package library

import (
	"github.com/hashicorp/hcl/v2/ext/tryfunc"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var canFunction = builtin.New(
	"can", "whether an expression can be evaluated",
	`can(tonumber("x"))`, `false`,
	tryfunc.CanFunc,
)
