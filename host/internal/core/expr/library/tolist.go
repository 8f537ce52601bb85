package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var tolistFunction = builtin.New(
	"tolist", "a set or tuple as a list",
	`tolist(["a", 1])`, `["a", "1"]`,
	stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
)
