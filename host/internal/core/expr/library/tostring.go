package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var tostringFunction = builtin.New(
	"tostring", "a value as text",
	`tostring(5)`, `"5"`,
	stdlib.MakeToFunc(cty.String),
)
