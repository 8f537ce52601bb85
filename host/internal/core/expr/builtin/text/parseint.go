package text

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var parseintFunction = builtin.New(
	"parseint", "text read as a whole number to a base",
	`parseint("ff", 16)`, `255`,
	builtin.Guarded(stdlib.ParseIntFunc, func(args []cty.Value) error { return builtin.FewDigits(args[0]) }),
)
