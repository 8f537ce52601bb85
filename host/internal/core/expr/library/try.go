package library

import (
	"github.com/hashicorp/hcl/v2/ext/tryfunc"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var tryFunction = builtin.New(
	"try", "the first expression that can be evaluated",
	`try({}.a, "none")`, `"none"`,
	tryfunc.TryFunc,
)
