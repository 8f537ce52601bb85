package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var substrFunction = builtin.New(
	"substr", "part of a text: offset, length (-1 for the rest)",
	`substr("hello", 1, 3)`, `"ell"`,
	stdlib.SubstrFunc,
)
