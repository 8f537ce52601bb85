package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var strrevFunction = builtin.New(
	"strrev", "text from back to front",
	`strrev("abc")`, `"cba"`,
	stdlib.ReverseFunc,
)
