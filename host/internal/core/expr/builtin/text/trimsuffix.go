package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var trimsuffixFunction = builtin.New(
	"trimsuffix", "text without what it ends with",
	`trimsuffix("a.png", ".png")`, `"a"`,
	stdlib.TrimSuffixFunc,
)
