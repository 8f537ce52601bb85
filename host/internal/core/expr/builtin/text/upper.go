package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var upperFunction = builtin.New(
	"upper", "text in capital letters",
	`upper("hello")`, `"HELLO"`,
	stdlib.UpperFunc,
)
