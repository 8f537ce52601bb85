package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var toboolFunction = builtin.New(
	"tobool", "text as true or false",
	`tobool("true")`, `true`,
	stdlib.MakeToFunc(cty.Bool),
)
