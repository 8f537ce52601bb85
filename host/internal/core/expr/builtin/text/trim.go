package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var trimFunction = builtin.New(
	"trim", "text without the given characters at both ends",
	`trim("--a--", "-")`, `"a"`,
	stdlib.TrimFunc,
)
