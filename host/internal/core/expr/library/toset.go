package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var tosetFunction = builtin.New(
	"toset", "a list as a set: each element once, in no order",
	`toset(["a", "a"])`, `toset(["a"])`,
	stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
)
