package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var tomapFunction = builtin.New(
	"tomap", "an object as a map",
	`tomap({ a = 1 })["a"]`, `1`,
	stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
)
