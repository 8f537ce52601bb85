package collection

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var setunionFunction = builtin.New(
	"setunion", "elements of any of the sets",
	`setunion(["a"], ["b"])`, `toset(["a", "b"])`,
	stdlib.SetUnionFunc,
)
