package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var tonumberFunction = builtin.New(
	"tonumber", "text as a number",
	`tonumber("5")`, `5`,
	builtin.Guarded(stdlib.MakeToFunc(cty.Number), func(args []cty.Value) error { return builtin.FewDigits(args[0]) }),
)
