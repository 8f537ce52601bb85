package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var formatlistFunction = builtin.New(
	"formatlist", "format for every element of a list",
	`formatlist("%s!", ["a", "b"])`, `["a!", "b!"]`,
	builtin.Bounded("formatlist", stdlib.FormatListFunc),
)
