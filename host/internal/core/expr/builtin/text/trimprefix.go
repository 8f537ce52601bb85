package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var trimprefixFunction = builtin.New(
	"trimprefix", "text without what it begins with",
	`trimprefix("v1.2", "v")`, `"1.2"`,
	stdlib.TrimPrefixFunc,
)
